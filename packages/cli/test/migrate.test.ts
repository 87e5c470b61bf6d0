import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { MIGRATIONS } from "../../storage/src/pg/schema/SchemaVersion.ts"
import { PostgresServer } from "../../storage/test/pg/PostgresServer.ts"
import { runTusk } from "./Command.ts"

const scope = Scope.makeUnsafe()
let server: PostgresServer
beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(PostgresServer.make, scope))
  await Effect.runPromise(server.start)
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const query = (sql: string) => Effect.runPromise(Effect.scoped(Effect.flatMap(server.psql, (psql) => psql.query(sql))))
const url = (user: string) => `postgres://${user}@localhost/postgres?host=${encodeURIComponent(server.folder)}`
const migrate = (user: string, ...more: ReadonlyArray<string>) =>
  runTusk(["migrate", "--database-url", url(user), ...more])
const steps = MIGRATIONS.map((step) => `${step}\n`).join("")

describe("tusk migrate", () => {
  it("tells the steps, takes them as one role, and gives another what a broker needs", async () => {
    await query("create role owner login; create role runner login; grant create on database postgres to owner")
    const dry = await migrate("owner", "--dry-run")
    assert.deepStrictEqual([dry.exit, dry.stdout], [0, steps])
    assert.include(dry.stderr, `${MIGRATIONS.length} steps are missing`)
    assert.include(dry.stderr, 'grant usage on schema kafka to "tusk";')
    assert.deepStrictEqual(await query("select to_regnamespace('kafka') is null"), [["t"]])

    const done = await migrate("owner", "--grant-to", "runner")
    assert.deepStrictEqual([done.exit, done.stdout], [0, steps])
    assert.include(done.stderr, "runner may run the broker")
    const again = await migrate("owner")
    assert.deepStrictEqual([again.exit, again.stdout], [0, ""])
    assert.include(again.stderr, "the schema is up to date")
  })

  it("ends with 1 for a role that may not, for a role that is not there, and for a newer schema", async () => {
    const last = Number.parseInt(MIGRATIONS.at(-1)!, 10)
    await query(`delete from kafka.migrations where migration_id = ${last}`)
    const runner = await migrate("runner")
    assert.strictEqual(runner.exit, 1)
    assert.include(runner.stderr, 'the schema belongs to "owner"')
    await query(`insert into kafka.migrations (migration_id, name) values (${last}, '${MIGRATIONS.at(-1)!.slice(5)}')`)
    const nobody = await migrate("owner", "--grant-to", "nobody")
    assert.strictEqual(nobody.exit, 1)
    assert.include(nobody.stderr, 'role "nobody" does not exist')
    await query(`insert into kafka.migrations (migration_id, name) values (${last + 1}, 'later')`)
    const newer = await migrate("owner")
    assert.strictEqual(newer.exit, 1)
    assert.include(newer.stderr, "start a newer Tusk")
  })
})
