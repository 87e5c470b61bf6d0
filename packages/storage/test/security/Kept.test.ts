import { assert, describe, it } from "@effect/vitest"
import { InvalidRequest } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { Active } from "../../src/commit/Active.ts"
import { Committer } from "../../src/commit/Committer.ts"
import { join } from "../../src/commit/Participant.ts"
import { Fenced, StoreRefused } from "../../src/port/StoreError.ts"
import { Store } from "../../src/port/Store.ts"
import { Acls } from "../../src/security/Acls.ts"
import { DelegationTokens } from "../../src/security/DelegationTokens.ts"
import type { Kept } from "../../src/security/Kept.ts"
import { Quotas } from "../../src/security/Quotas.ts"
import { ScramCredentials } from "../../src/security/ScramCredentials.ts"
import { FaultyStore } from "../FaultyStore.ts"
import { TestDatabase } from "../pg/TestDatabase.ts"
import { acl, credential, securityOver } from "./keptServices.ts"

const withRow =
  <Row>(kept: Kept<Row>, ...rows: ReadonlyArray<Row>) =>
  (present: ReadonlyMap<string, Row>): ReadonlyMap<string, Row> =>
    new Map([...present, ...rows.map((row) => [kept.keyOf(row), row] as const)])

const without =
  <Row>(kept: Kept<Row>, row: Row) =>
  (present: ReadonlyMap<string, Row>): ReadonlyMap<string, Row> =>
    new Map(Array.from(present).filter(([key]) => key !== kept.keyOf(row)))

const principals = (acls: Kept<ReturnType<typeof acl>>): string =>
  Array.from(acls.current().values(), ({ principal }) => principal)
    .toSorted()
    .join()

const token = (tokenId: string) => ({
  tokenId,
  hmacHash: Buffer.from("secret"),
  owner: "User:a",
  requester: "User:a",
  renewers: ["User:b"],
  issueTimestamp: 1n,
  maxTimestamp: 3n,
  expiryTimestamp: 2n
})
const quota = (user: string, value: number) => ({ user, clientId: "", ip: "", key: "producer_byte_rate", value })

const database = new TestDatabase()
const backends = {
  memory: Effect.sync(() => new FaultyStore().layer),
  postgres: Effect.as(database.empty, Layer.effect(Store, Effect.orDie(database.open())))
}

describe.each(Object.entries(backends))("rows of security, kept: %s", (_, backend) => {
  it.live("all four kinds are changed, and are there for the next broker", () =>
    Effect.gen(function* () {
      const store = yield* backend
      yield* securityOver(
        store,
        Effect.gen(function* () {
          const acls = yield* Acls
          const users = yield* ScramCredentials
          const quotas = yield* Quotas
          const tokens = yield* DelegationTokens
          yield* acls.change(withRow(acls, acl("User:a"), acl("User:b")))
          yield* acls.change(without(acls, acl("User:a")))
          yield* users.change(withRow(users, credential("a", 4096)))
          yield* users.change(withRow(users, credential("a", 8192)))
          yield* quotas.change(withRow(quotas, quota("a", 1.5), quota("b", 2)))
          yield* quotas.change(without(quotas, quota("b", 2)))
          yield* tokens.change(withRow(tokens, token("t"), token("u")))
          yield* tokens.change(without(tokens, token("u")))
        })
      )
      yield* securityOver(
        store,
        Effect.gen(function* () {
          assert.strictEqual(principals(yield* Acls), "User:b")
          const users = yield* ScramCredentials
          assert.deepEqual(Array.from(users.current().entries()), [
            [users.keyOf(credential("a", 0)), credential("a", 8192)]
          ])
          assert.deepEqual(Array.from((yield* Quotas).current().values()), [quota("a", 1.5)])
          assert.deepEqual(Array.from((yield* DelegationTokens).current().values()), [token("t")])
        })
      )
    })
  )
})

describe("rows that are kept", () => {
  it.effect("are the same object until something changes; who listens is told until he stops", () => {
    const store = new FaultyStore()
    return securityOver(
      store.layer,
      Effect.gen(function* () {
        const acls = yield* Acls
        const seen: Array<number> = []
        const stop = acls.onChange(() => seen.push(acls.current().size))
        const first = acls.current()
        yield* acls.change((present) => new Map(present))
        assert.strictEqual(acls.current(), first)
        assert.strictEqual(store.commits.length, 0)
        yield* acls.change(withRow(acls, acl("User:a")))
        yield* acls.change(withRow(acls, acl("User:a")))
        stop()
        yield* acls.change(withRow(acls, acl("User:b")))
        assert.deepStrictEqual(seen, [1])
        assert.strictEqual(principals(acls), "User:a,User:b")
      })
    )
  })

  it.effect("are bounded; fewer than there are is always allowed", () => {
    const store = new FaultyStore()
    for (const user of "abcd") store.data.acls.set(user, acl(`User:${user}`))
    return securityOver(
      store.layer,
      Effect.gen(function* () {
        const acls = yield* Acls
        const users = yield* ScramCredentials
        // SQL has made more than clients may.
        yield* acls.change(without(acls, acl("User:a")))
        const refused = yield* Effect.flip(acls.change(withRow(acls, acl("User:e"))))
        assert.strictEqual(refused._tag, "PolicyViolation")
        assert.include(refused.message, "tusk.max.acls is 3")
        yield* users.change(withRow(users, credential("a", 1), credential("b", 1), credential("c", 1)))
        yield* users.change(withRow(users, credential("a", 2)))
        assert.strictEqual(
          (yield* Effect.flip(users.change(withRow(users, credential("d", 1)))))._tag,
          "PolicyViolation"
        )
        yield* users.change((present) =>
          withRow(users, credential("d", 1))(without(users, credential("a", 1))(present))
        )
        const long = yield* Effect.flip(users.change(() => withRow(users, credential("u".repeat(3000), 1))(new Map())))
        assert.strictEqual(long._tag, "PolicyViolation")
      })
    )
  })

  it.effect("are decided on what commits under way will make of them", () => {
    const store = new FaultyStore()
    return securityOver(
      store.layer,
      Effect.gen(function* () {
        const acls = yield* Acls
        const committer = yield* Committer
        const open = Latch.makeUnsafe(false)
        store.hold = open.await
        const seen: Array<number> = []
        const add = (user: string) =>
          acls.changing((present) => {
            seen.push(present.size)
            return present.size < 2 ? withRow(acls, acl(user))(present) : new InvalidRequest({ message: "two" })
          })
        const all = yield* Effect.forkChild(
          Effect.all(
            [
              committer.submit(join(add("User:a"), add("User:b"))),
              Effect.flip(committer.submit(add("User:c"))),
              acls.change(without(acls, acl("User:a")))
            ],
            { concurrency: "unbounded" }
          ),
          { startImmediately: true }
        )
        assert.strictEqual(acls.current().size, 0)
        yield* open.open
        const [, refused] = yield* Fiber.join(all)
        assert.strictEqual(refused.message, "two")
        assert.deepStrictEqual(seen.slice(0, 2), [0, 1])
        assert.strictEqual(principals(acls), "User:b")
      })
    )
  })

  it.effect("stay as they were if their commit is refused", () => {
    const store = new FaultyStore()
    return securityOver(
      store.layer,
      Effect.gen(function* () {
        const quotas = yield* Quotas
        yield* quotas.change(withRow(quotas, quota("a", 1)))
        const before = quotas.current()
        store.refuse = () => true
        yield* Effect.flip(quotas.change(withRow(quotas, quota("a", 2))))
        assert.strictEqual(quotas.current(), before)
        store.refuse = () => false
        store.faults.push({ stored: false, error: new StoreRefused({ message: "once" }) })
        yield* Effect.flip(quotas.change(withRow(quotas, quota("b", 2))))
        assert.strictEqual(quotas.current(), before)
        yield* quotas.change(withRow(quotas, quota("b", 2)))
        assert.strictEqual(store.data.quotas.size, 2)
      })
    )
  })

  it.live("are read again at a take-over, and who listens is told if they are others", () => {
    const store = new FaultyStore()
    return securityOver(
      store.layer,
      Effect.gen(function* () {
        const acls = yield* Acls
        const active = yield* Active
        yield* acls.change(withRow(acls, acl("User:a")))
        const seen: Array<string> = []
        acls.onChange(() => seen.push(principals(acls)))
        store.faults.push({ stored: false, error: new Fenced({ message: "gone" }) })
        yield* Effect.flip(acls.change(withRow(acls, acl("User:b"))))
        yield* active.whenServing
        assert.strictEqual(principals(acls), "User:a")
        assert.deepStrictEqual(seen, [])

        // What the session that is gone had stored after all, and what somebody else has.
        store.data.acls.set("x", acl("User:x"))
        store.faults.push({ stored: false, error: new Fenced({ message: "gone" }) })
        yield* Effect.flip(acls.change(withRow(acls, acl("User:b"))))
        yield* active.whenServing
        assert.deepStrictEqual(seen, ["User:a,User:x"])
      })
    )
  })
})
