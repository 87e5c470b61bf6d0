import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as TestClock from "effect/testing/TestClock"
import { Active } from "../../src/commit/Active.ts"
import { aclKey } from "../../src/port/Security.ts"
import type { StoredAcl } from "../../src/port/Security.ts"
import { Fenced, StoreUnavailable } from "../../src/port/StoreError.ts"
import type { StoreError } from "../../src/port/StoreError.ts"
import type { SqlSecurity } from "../../src/port/SqlSecurity.ts"
import { Acls } from "../../src/security/Acls.ts"
import { makeSignal } from "../../src/Signal.ts"
import { FaultyStore } from "../FaultyStore.ts"
import { acl, securityOver } from "./keptServices.ts"

/** A memory store whose rows SQL changes, too. */
class SqlSide {
  readonly store = new FaultyStore()
  /** Runs before all rows are read. */
  before: Effect.Effect<void, StoreError> = Effect.void
  /** Runs when they are read, before they are told. */
  after: Effect.Effect<void, StoreError> = Effect.void
  loads = 0
  unseen: Array<bigint> = []
  private readonly changed = makeSignal()

  constructor() {
    const security: SqlSecurity = {
      changes: Effect.sync(() => this.unseen.slice()),
      load: Effect.suspend(() => {
        this.loads++
        return this.before.pipe(
          Effect.andThen(Effect.sync(() => this.store.data.security)),
          Effect.tap(() => this.after)
        )
      }),
      seen: (changes) =>
        Effect.sync(() => {
          this.unseen = this.unseen.filter((change) => !changes.includes(change))
          this.changed.notify()
        }),
      woken: () => this.changed.until(() => this.unseen.length > 0)
    }
    Object.assign(this.store.store, { security })
  }

  change(does: (acls: Map<string, StoredAcl>) => void): void {
    does(this.store.data.acls)
    this.unseen.push(BigInt(this.unseen.length + 1))
    this.changed.notify()
  }

  /** Returns when all that SQL has changed was read. */
  readonly isRead = this.changed.until(() => this.unseen.length === 0)
}

const put = (...rows: ReadonlyArray<StoredAcl>) => {
  return (acls: Map<string, StoredAcl>): void => {
    for (const row of rows) acls.set(aclKey(row), row)
  }
}
const add = (row: StoredAcl) => (present: ReadonlyMap<string, StoredAcl>) =>
  new Map([...present, [aclKey(row), row] as const])

const principals = (acls: Acls["Service"]): string =>
  Array.from(acls.current().values(), ({ principal }) => principal)
    .toSorted()
    .join()

describe("rows that SQL changes", () => {
  it.effect("take the place of those that are kept, and who listens is told, unless nothing is another", () => {
    const sql = new SqlSide()
    return securityOver(
      sql.store.layer,
      Effect.gen(function* () {
        const acls = yield* Acls
        const told: Array<string> = []
        acls.onChange(() => told.push(principals(acls)))
        yield* acls.change(add(acl("User:a")))
        sql.change(put(acl("User:b")))
        yield* sql.isRead
        sql.change((rows) => rows.delete(aclKey(acl("User:a"))))
        yield* sql.isRead
        const before = acls.current()
        sql.change(() => {})
        yield* sql.isRead
        assert.strictEqual(acls.current(), before)
        assert.deepStrictEqual(told, ["User:a", "User:a,User:b", "User:b"])
      })
    )
  })

  it.effect("that are there before anybody looks are seen", () => {
    const sql = new SqlSide()
    sql.change(put(acl("User:a")))
    return securityOver(
      sql.store.layer,
      Effect.gen(function* () {
        yield* sql.isRead
        assert.strictEqual(principals(yield* Acls), "User:a")
      })
    )
  })

  it.effect("do not undo what the broker stores while they are read", () => {
    const sql = new SqlSide()
    return securityOver(
      sql.store.layer,
      Effect.gen(function* () {
        const acls = yield* Acls
        yield* acls.change(add(acl("User:gone")))
        const [reading, go] = [yield* Deferred.make<void>(), Latch.makeUnsafe(false)]
        sql.after = Effect.andThen(Deferred.succeed(reading, undefined), go.await)
        sql.change(put(acl("User:sql")))
        yield* Deferred.await(reading)
        // It is read, and not told yet.
        yield* acls.change(add(acl("User:own")))
        yield* acls.change((present) => new Map(Array.from(present).filter(([, row]) => row.principal !== "User:gone")))
        assert.strictEqual(principals(acls), "User:own")
        // One is under way until they are told.
        const commit = Latch.makeUnsafe(false)
        sql.store.hold = commit.await
        const last = yield* Effect.forkChild(acls.change(add(acl("User:late"))), { startImmediately: true })
        yield* go.open
        yield* sql.isRead
        assert.strictEqual(principals(acls), "User:own,User:sql")
        yield* commit.open
        yield* Fiber.join(last)
        assert.strictEqual(principals(acls), "User:late,User:own,User:sql")
      })
    )
  })

  it.effect("are read again if they cannot be read", () => {
    const sql = new SqlSide()
    return securityOver(
      sql.store.layer,
      Effect.gen(function* () {
        const acls = yield* Acls
        const failed = yield* Deferred.make<void>()
        sql.before = Effect.andThen(
          Deferred.succeed(failed, undefined),
          Effect.fail(new StoreUnavailable({ message: "away" }))
        )
        sql.change(put(acl("User:sql")))
        yield* Deferred.await(failed)
        assert.strictEqual(principals(acls), "")
        sql.before = Effect.void
        yield* TestClock.adjust("1 second")
        yield* sql.isRead
        assert.strictEqual(principals(acls), "User:sql")
        assert.strictEqual(sql.loads, 2)
      })
    )
  })

  it.effect("are not told of an older reign", () => {
    const sql = new SqlSide()
    return securityOver(
      sql.store.layer,
      Effect.gen(function* () {
        const acls = yield* Acls
        const active = yield* Active
        const [reading, go] = [yield* Deferred.make<void>(), Latch.makeUnsafe(false)]
        sql.after = Effect.andThen(Deferred.succeed(reading, undefined), go.await)
        sql.change(put(acl("User:before")))
        yield* Deferred.await(reading)
        sql.store.data.acls.clear()
        put(acl("User:after"))(sql.store.data.acls)
        sql.store.faults.push({ stored: false, error: new Fenced({ message: "gone" }) })
        yield* Effect.flip(acls.change(add(acl("User:own"))))
        yield* active.whenReigning
        sql.after = Effect.void
        yield* go.open
        yield* sql.isRead
        assert.strictEqual(principals(acls), "User:after")
      })
    )
  })
})
