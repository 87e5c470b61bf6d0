import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { objectName } from "@tusk/storage/log/objects/ObjectNames"
import { decodeOwner, encodeOwner, ownerName } from "@tusk/storage/log/objects/OwnerRecord"
import type { OwnerRecord } from "@tusk/storage/log/objects/OwnerRecord"
import { NOTHING_TOLD } from "@tusk/storage/port/counters"
import { Write } from "@tusk/storage/port/Write"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeFileObjectStore } from "@tusk/storage/object/file/FileObjectStore"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { Model, TOPIC, topicWith } from "../../storage/src/testing/storeScenarios.ts"
import { PostgresServer } from "../../storage/test/pg/PostgresServer.ts"
import { openStore } from "../../storage/test/pg/Stores.ts"
import { runCommandHere } from "./RunCommand.ts"
import type { RunOptions } from "./RunCommand.ts"

const DAY_MS = 86_400_000
const scope = Scope.makeUnsafe()
const folder = mkdtempSync(join(tmpdir(), "tusk-objects-"))
let server: PostgresServer
let clusterId = ""
let name = ""
let objects: ObjectStore

const batch = RecordBatch.encodeBatch([{ offset: 0n, timestamp: 7n, value: Buffer.from("v") }], { baseOffset: 0n })

beforeAll(async () => {
  server = await Effect.runPromise(Scope.provide(PostgresServer.make, scope))
  await Effect.runPromise(server.start)
  await Effect.runPromise(
    Effect.gen(function* () {
      const store = yield* openStore(server.options())
      ;({ clusterId } = yield* store.acquire(NOTHING_TOLD))
      name = objectName(clusterId, { incarnation: "abcdefgh", timeMs: Date.now() - 3 * DAY_MS, number: 1 })
      objects = yield* Scope.provide(makeFileObjectStore({ path: folder }), scope)
      yield* objects.put(name, [batch])
      const size = batch.byteLength
      const append = { ...new Model(1).append({ bytes: size }), stored: { objectId: 1n, position: 0 } }
      const object = Write.PutObject({ objectId: 1n, name, bytes: size, createdAt: 1n, merged: false })
      yield* store.commit([topicWith(TOPIC, "t", [1]), [object, append]])
    }).pipe(Effect.scoped)
  )
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(folder, { recursive: true })
})

const tusk = (args: ReadonlyArray<string>, options?: RunOptions) =>
  runCommandHere(
    [
      ...args,
      "--database-url",
      `postgres://postgres@localhost/postgres?host=${encodeURIComponent(server.folder)}`,
      "--object-store",
      `file://${folder}`
    ],
    options
  )

const run = <A, E>(effect: Effect.Effect<A, E>): Promise<A> => Effect.runPromise(effect)
const readOwner = async () => decodeOwner((await run(objects.readTagged(ownerName(clusterId))))!.value)!
const writeOwner = async (record: OwnerRecord) => {
  const found = await run(objects.readTagged(ownerName(clusterId)))
  assert.isTrue(await run(objects.replaceTagged(ownerName(clusterId), found?.tag, encodeOwner(record))))
}
/** Other bytes by the same name. */
const putInstead = async (bytes: Uint8Array) => {
  await run(objects.remove(name))
  await run(objects.put(name, [bytes]))
}
const findingsOf = async () => {
  const { stdout } = await tusk(["doctor", "--output", "json"])
  return (JSON.parse(stdout) as ReadonlyArray<{ readonly check: string; readonly seen: string }>).filter(
    ({ check }) => check === "objects"
  )
}

describe("tusk object", () => {
  it("check finds nothing wrong where nothing is", async () => {
    const ran = await tusk(["object", "check", "--deep"])
    assert.deepStrictEqual([ran.exit, ran.stdout], [0, ""])
    assert.include(ran.stderr, `1 objects with 1 batches of ${batch.byteLength} bytes: 0 troubles`)
  })

  it("check names what is wrong, and ends with 1", async () => {
    const damaged = Uint8Array.from(batch)
    damaged[RecordBatch.RECORD_BATCH_OVERHEAD]! ^= 1
    await putInstead(damaged)
    assert.strictEqual((await tusk(["object", "check"])).exit, 0)
    const deep = await tusk(["object", "check", "--deep"])
    assert.strictEqual(deep.exit, 1)
    assert.match(deep.stdout, new RegExp(`^damaged\t${name}\t1\t0\tthe checksum is wrong\n$`))
    await run(objects.remove(name))
    const orphan = objectName(clusterId, { incarnation: "abcdefgh", timeMs: Date.now() - 2 * DAY_MS, number: 2 })
    await run(objects.put(orphan, [Buffer.from("x")]))
    const ran = await tusk(["object", "check", "--output", "json"])
    assert.strictEqual(ran.exit, 1)
    const { findings, troubles } = JSON.parse(ran.stdout) as { findings: ReadonlyArray<any>; troubles: number }
    assert.strictEqual(troubles, 2)
    assert.deepStrictEqual(findings.map(({ kind }) => kind).sort(), ["missing", "orphan"])
    await run(objects.remove(orphan))
    await putInstead(batch)
    assert.strictEqual((await tusk(["object", "check", "--deep"])).exit, 0)
  })

  it("adopt takes no store for its own that has none of the database's objects", async () => {
    await run(objects.remove(name))
    const ran = await tusk(["object", "adopt"])
    assert.strictEqual(ran.exit, 1)
    assert.match(ran.stderr, /knows 1 objects, and this store has none of them: is it the right one, and mounted\?/)
    assert.strictEqual(await run(objects.readTagged(ownerName(clusterId))), undefined)
    await run(objects.put(name, [batch]))
  })

  it("adopt says whose the objects are, and asks before it takes them from another database", async () => {
    assert.match((await findingsOf())[0]!.seen, /knows 1 objects .* has no owner object/)
    const first = await tusk(["object", "adopt"])
    assert.strictEqual(first.exit, 0)
    assert.include(first.stderr, "the objects are nobody's")
    const mine = await readOwner()
    assert.deepInclude(mine, { clusterId, epoch: 0, writer: "" })
    assert.deepStrictEqual(await findingsOf(), [])

    const other = { ...mine, systemIdentifier: "7", epoch: 5, writer: "other", writtenAt: Date.now() - 3000 }
    await writeOwner(other)
    assert.match((await findingsOf())[0]!.seen, /another database's: system 7/)
    const refused = await tusk(["object", "adopt"])
    assert.strictEqual(refused.exit, 1)
    assert.match(refused.stderr, /those of system 7 .*, epoch 5, which said so 3 s ago/)
    assert.include(refused.stderr, "give --yes")
    assert.strictEqual((await tusk(["object", "adopt"], { typed: ["n"] })).exit, 1)
    assert.deepStrictEqual(await readOwner(), other)
    assert.strictEqual((await tusk(["object", "adopt"], { typed: ["y"] })).exit, 0)
    assert.deepInclude(await readOwner(), { systemIdentifier: mine.systemIdentifier, epoch: 0 })

    await writeOwner({ ...mine, epoch: 99, writer: "later" })
    assert.match((await findingsOf())[0]!.seen, /at epoch 1, and owned the objects at epoch 99/)
    assert.strictEqual((await tusk(["object", "adopt"])).exit, 1)
    assert.strictEqual((await tusk(["object", "adopt", "--yes"])).exit, 0)
    assert.deepStrictEqual(await findingsOf(), [])
  })

  it("wants to be told where objects lie, in words that it knows", async () => {
    const url = `postgres://postgres@localhost/postgres?host=${encodeURIComponent(server.folder)}`
    const none = await runCommandHere(["object", "check", "--database-url", url])
    assert.deepStrictEqual([none.exit, none.stderr], [1, "tusk: give --object-store\n"])
    const file = join(folder, "server.properties")
    writeFileSync(file, `num.partitions=3\ntusk.object.store=file://${folder}\ntusk.database.url=${url}\n`)
    assert.strictEqual((await runCommandHere(["object", "check", "--config", file])).exit, 0)
    const odd = await runCommandHere(["object", "check", "--database-url", url, "--object-store", "ftp://x"])
    assert.strictEqual(odd.exit, 1)
    assert.match(odd.stderr, /Must be a URL that begins with file:\/\//)
  })
})
