import { assert, describe, it } from "@effect/vitest"
import { readSubscription, subscribedTopics } from "@tusk/coordinator/group/classic/SubscribedTopics"
import { groupRow } from "../../../src/group/classic/ClassicRows.ts"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { stable } from "./Play.ts"

const Bytes = Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 })))
const Int32 = Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 ** 31 - 1 }))
const Group = Schema.Struct({
  generationId: Int32,
  protocolType: Schema.NullOr(Schema.String),
  protocolName: Schema.NullOr(Schema.String),
  leaderId: Schema.NullOr(Schema.String),
  members: Schema.Array(
    Schema.Struct({
      memberId: Schema.String,
      groupInstanceId: Schema.NullOr(Schema.String),
      clientId: Schema.String,
      clientHost: Schema.String,
      sessionTimeoutMs: Int32,
      rebalanceTimeoutMs: Int32,
      protocols: Schema.Array(Schema.Struct({ name: Schema.String, metadata: Bytes })),
      assignment: Bytes
    })
  )
})

describe("rows of classic groups", () => {
  it.prop("what is written is read again", [Group, Int32], ([value, savedAtMs]) => {
    const members = value.members.map((member) => ({
      ...member,
      protocols: member.protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) })),
      assignment: new Uint8Array(member.assignment)
    }))
    const record = { group: { ...value, members }, savedAtMs }
    assert.deepStrictEqual(Result.getOrThrow(groupRow.decode(groupRow.encode(record))), record)
  })

  it("what it did not write is refused with a reason, never a crash", () => {
    const good = JSON.parse(groupRow.encode({ group: stable().stored.at(-1)!, savedAtMs: 1 })) as Record<
      string,
      unknown
    >
    assert.isTrue(Result.isSuccess(groupRow.decode(JSON.stringify(good))))
    const bad = [
      "",
      "{",
      "null",
      "[]",
      "7",
      JSON.stringify({ ...good, version: 2 }),
      JSON.stringify({ ...good, savedAtMs: "1" }),
      JSON.stringify({ ...good, members: {} }),
      JSON.stringify({ ...good, members: [null] }),
      JSON.stringify({ ...good, members: [{ memberId: 1 }] })
    ]
    for (const value of bad) assert.isTrue(Result.isFailure(groupRow.decode(value)), value)
    for (const field of Object.keys(good)) {
      const { [field]: _, ...rest } = good
      assert.isTrue(Result.isFailure(groupRow.decode(JSON.stringify(rest))), field)
    }
  })
})

describe("SubscribedTopics", () => {
  const orders = new Uint8Array([0, 3, 0, 0, 0, 2, 0, 1, 97, 0, 2, 98, 99, 255, 255, 255, 255, 0, 0])

  it("reads the topics of any version", () => {
    assert.deepStrictEqual(readSubscription(orders), ["a", "bc"])
    assert.deepStrictEqual(readSubscription(orders.subarray(0, 13)), ["a", "bc"])
  })

  it("what is no subscription has none", () => {
    for (let length = 0; length < 13; length++) assert.isNull(readSubscription(orders.subarray(0, length)), `${length}`)
    assert.isNull(readSubscription(new Uint8Array([0, 0, 127, 255, 255, 255, 255, 255])))
    assert.isNull(readSubscription(new Uint8Array([0, 0, 0, 0, 0, 1, 0, 1, 255])))
  })

  it("is not known if a member's metadata is none, or the group is of another kind", () => {
    const { state } = stable()
    assert.deepStrictEqual(
      subscribedTopics(state, () => ["x"]),
      new Set(["x"])
    )
    assert.isNull(subscribedTopics(state, readSubscription))
    assert.isNull(subscribedTopics({ ...state, protocolType: "connect" }, () => ["x"]))
  })
})
