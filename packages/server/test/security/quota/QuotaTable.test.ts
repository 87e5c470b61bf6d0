import { assert, describe, it } from "@effect/vitest"
import type { StoredQuota } from "@tusk/storage/port/Security"
import * as Schema from "effect/Schema"
import { AddressMeters } from "../../../src/security/quota/AddressMeters.ts"
import { ClientMeters } from "../../../src/security/quota/ClientMeters.ts"
import { FETCH, MUTATION, PRODUCE } from "../../../src/security/quota/QuotaKinds.ts"
import { heldFor, quotaTable } from "../../../src/security/quota/QuotaTable.ts"

const ANY = "<default>"
const quota = (user: string, clientId: string, value: number, key: string = PRODUCE): StoredQuota => ({
  user,
  clientId,
  ip: "",
  key,
  value
})

/** By what precedes: Apache Kafka's order. */
const LEVELS = [
  ["ann", "app"],
  ["ann", ANY],
  ["ann", ""],
  [ANY, "app"],
  [ANY, ANY],
  [ANY, ""],
  ["", "app"],
  ["", ANY]
] as const
const SHARED = ["ann\napp", "ann\napp", "ann\n", "ann\napp", "ann\napp", "ann\n", "\napp", "\napp"]

describe("the quota that holds", () => {
  it.prop("is the first of Kafka's eight levels that is set", [Schema.Array(Schema.Boolean)], ([set]) => {
    const table = quotaTable(
      LEVELS.flatMap(([user, client], i) => (set[i] === true ? [quota(user, client, i + 1)] : []))
    )
    const first = LEVELS.findIndex((_, i) => set[i] === true)
    const expected = first < 0 ? undefined : { limit: first + 1, sharedBy: SHARED[first] }
    assert.deepStrictEqual(heldFor(table, PRODUCE, "ann", "app"), expected)
  })

  it.each([
    ["a user's clients share the user's", ["ann", ""], ["ann", "a"], ["ann", "b"], true],
    ["users have the default user's each for itself", [ANY, ""], ["ann", "a"], ["bob", "a"], false],
    ["clients of a user share the default user's", [ANY, ""], ["ann", "a"], ["ann", "b"], true],
    ["all users of a client-id share the client-id's", ["", "a"], ["ann", "a"], ["bob", "a"], true],
    ["client-ids have the default client-id's each for itself", ["", ANY], ["ann", "a"], ["ann", "b"], false],
    ["a user's client-ids have theirs each for itself", ["ann", ANY], ["ann", "a"], ["ann", "b"], false]
  ] as const)("%s", (_, [user, client], one, other, isShared) => {
    const table = quotaTable([quota(user, client, 1)])
    const [first, second] = [one, other].map(([user, clientId]) => heldFor(table, PRODUCE, user, clientId))
    assert.strictEqual(first?.sharedBy === second?.sharedBy, isShared)
    assert.isDefined(first)
  })

  it("is of one kind, of a client-id that is told, and a number above 0", () => {
    const table = quotaTable([quota("", ANY, 1), quota("ann", "", 0), quota("bob", "", NaN), quota("", "", 3)])
    assert.isUndefined(heldFor(table, FETCH, "ann", "app"))
    assert.isUndefined(heldFor(table, PRODUCE, "ann", ""))
    assert.strictEqual(heldFor(table, PRODUCE, "ann", "app")?.limit, 1)
    assert.strictEqual(heldFor(table, PRODUCE, "bob", "app")?.limit, 1)
  })
})

const WINDOWS = { samples: 11, sampleMs: 1000 }
const metersOf = (...quotas: ReadonlyArray<StoredQuota>) => {
  const meters = new ClientMeters({ windows: WINDOWS, mutationWindows: WINDOWS, maxEntities: 100 })
  meters.hold(quotas)
  return meters
}
const ANN = { user: "ann", clientId: "app" }

describe("meters", () => {
  it("are off without a quota of clients", () => {
    assert.isFalse(metersOf().isOn)
    assert.isFalse(metersOf({ user: "", clientId: "", ip: "10.0.0.1", key: "connection_creation_rate", value: 1 }).isOn)
    assert.isTrue(metersOf(quota("ann", "", 1)).isOn)
  })

  it("hold a new quota at once, with what was used before", () => {
    const meters = metersOf(quota("ann", "", 1000))
    assert.strictEqual(meters.record(PRODUCE, ANN, 10_000, 0), 0)
    meters.hold([quota("ann", "", 500)])
    assert.strictEqual(meters.record(PRODUCE, ANN, 0, 0), 10_000)
    meters.hold([])
    assert.strictEqual(meters.record(PRODUCE, ANN, 1e9, 0), 0)
  })

  it("withhold what is fetched too soon, which then was not used; but no batch for ever", () => {
    const meters = metersOf(quota("ann", "", 1000, FETCH))
    assert.strictEqual(meters.mostFetched(ANN), 10_000)
    assert.deepStrictEqual(meters.fetched(ANN, 9000, 0), { throttleMs: 0, isWithheld: false })
    assert.deepStrictEqual(meters.fetched(ANN, 2000, 0), { throttleMs: 1000, isWithheld: true })
    assert.deepStrictEqual(meters.fetched(ANN, 1000, 0), { throttleMs: 0, isWithheld: false })
    assert.deepStrictEqual(meters.fetched(ANN, 30_000, 60_000), { throttleMs: 20_000, isWithheld: false })
  })

  it("refuse strict changes of partitions, and let others wait afterwards", () => {
    const meters = metersOf(quota("ann", "", 1, MUTATION))
    let nowMs = 0
    const [strict, mild] = [true, false].map((isStrict) => meters.mutating(ANN, isStrict, () => nowMs))
    assert.isUndefined(strict!.take(12))
    assert.strictEqual(strict!.throttleMs(), 0)
    assert.strictEqual(strict!.take(1)?._tag, "ThrottlingQuotaExceeded")
    assert.strictEqual(strict!.throttleMs(), 1000)
    nowMs = 400
    assert.strictEqual(strict!.throttleMs(), 600)
    assert.isUndefined(mild!.take(1))
    assert.strictEqual(mild!.throttleMs(), 1600)
  })

  it("count connections of addresses, however they are written", () => {
    const meters = new AddressMeters(WINDOWS, 100)
    const of = (ip: string, value: number) => ({ user: "", clientId: "", ip, key: "connection_creation_rate", value })
    meters.hold([of("0:0:0:0:0:0:0:1", 1), of(ANY, 2)])
    const seen = (address: string) => Array.from({ length: 22 }, () => meters.connected(address, 0))
    assert.deepStrictEqual(
      [seen("::1"), seen("10.0.0.1")].map((each) => each.indexOf(each.find((ms) => ms > 0)!)),
      [10, 20]
    )
    assert.deepStrictEqual(new Set(seen("::1")), new Set([1000]))
  })
})
