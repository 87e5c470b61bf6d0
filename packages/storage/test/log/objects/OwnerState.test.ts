import { assert, describe, it } from "@effect/vitest"
import { decodeOwner, encodeOwner } from "../../../src/log/objects/OwnerRecord.ts"
import type { OwnerRecord } from "../../../src/log/objects/OwnerRecord.ts"
import { afterEvent, recordOf } from "../../../src/log/objects/OwnerState.ts"
import type { OwnerClaim, OwnerEvent, OwnerState } from "../../../src/log/objects/OwnerState.ts"

const claim: OwnerClaim = {
  clusterId: "c",
  server: { systemIdentifier: "7", timeline: "00000001", place: "5x6" },
  epoch: 10,
  writer: "me"
}
const looking: OwnerState = { _tag: "Looking", claim, why: undefined }
const own = recordOf(claim, 1)
const read = (record: OwnerRecord | undefined): OwnerEvent => ({ _tag: "Read", record, tag: "t" })
const after = (state: OwnerState, event: OwnerEvent) => afterEvent(state, event)
const because = (record: OwnerRecord | undefined) => {
  const [state, action] = after(looking, read(record))
  assert.strictEqual(action._tag, "Rest")
  assert.strictEqual(state._tag, "Refused")
  return state._tag === "Refused" ? state.why : ""
}
const written = { _tag: "Write", tag: "t" } as const

describe("whose the objects are", () => {
  it("is looked at when the lock is taken, whatever held before", () => {
    for (const state of [{ _tag: "Idle" } as const, looking, { _tag: "Owned", claim, tag: "t" } as const]) {
      assert.deepStrictEqual(after(state, { _tag: "Claimed", claim }), [looking, { _tag: "Look" }])
    }
  })

  it("nobody's, at first use: this database's, unless it knows objects", () => {
    assert.deepStrictEqual(after(looking, { _tag: "NoOwner", knowsObjects: false }), [
      looking,
      { _tag: "Write", tag: undefined }
    ])
    const [state] = after(looking, { _tag: "NoOwner", knowsObjects: true })
    assert.strictEqual(state._tag, "Refused")
  })

  it("this reign's, if it wrote it", () => {
    assert.deepStrictEqual(after(looking, read(own)), [{ _tag: "Owned", claim, tag: "t" }, { _tag: "Rest" }])
    assert.deepStrictEqual(after(looking, { _tag: "Written" }), [looking, { _tag: "Look" }])
  })

  it("taken over from an earlier reign of the same database, and from somebody who adopted them for it", () => {
    assert.deepStrictEqual(after(looking, read({ ...own, epoch: 9, writer: "other" }))[1], written)
    assert.deepStrictEqual(after(looking, read({ ...own, epoch: 0, writer: "" }))[1], written)
    const owned: OwnerState = { _tag: "Owned", claim, tag: "s" }
    assert.deepStrictEqual(after(owned, read({ ...own, epoch: 0, writer: "" })), [looking, written])
  })

  it("not this database's if it is at a later epoch: this one was restored, or copied", () => {
    assert.match(because({ ...own, epoch: 11 }), /at epoch 10, and owned the objects at epoch 11.*tusk object adopt/)
    assert.match(because({ ...own, writer: "other" }), /owned the objects at epoch 10/)
  })

  it("another database's, by system, place or timeline", () => {
    for (const other of [{ systemIdentifier: "8" }, { place: "5x7" }, { timeline: "00000002" }]) {
      assert.match(because({ ...own, ...other, epoch: 1, writer: "other" }), /another database's .*tusk object adopt/)
    }
    // What a server does not say is no other one.
    assert.deepStrictEqual(after(looking, read({ ...own, epoch: 9, systemIdentifier: "unknown" }))[1], written)
  })

  it("taken over a failover that this very process lived through, and of no other kind", () => {
    assert.deepStrictEqual(after(looking, read({ ...own, timeline: "00000002", epoch: 9 }))[1], written)
    assert.match(because({ ...own, systemIdentifier: "8", epoch: 9 }), /another database's/)
    assert.match(because({ ...own, place: "1x2", epoch: 9 }), /another database's/)
  })

  it("nobody's that can be read: not this database's", () => {
    assert.match(because(undefined), /cannot be read/)
    assert.match(because({ ...own, clusterId: "d" }), /cannot be read/)
  })

  it("as it was, while nobody can be asked", () => {
    const failed: OwnerEvent = { _tag: "Failed", why: "away" }
    assert.deepStrictEqual(after(looking, failed), [{ ...looking, why: "away" }, { _tag: "Rest" }])
    const owned: OwnerState = { _tag: "Owned", claim, tag: "s" }
    assert.deepStrictEqual(after(owned, failed), [owned, { _tag: "Rest" }])
  })

  it("is written as JSON that a person can read", () => {
    assert.deepStrictEqual(decodeOwner(encodeOwner(own)), own)
    for (const text of ["", "{}", "[]", "null", '"x"', JSON.stringify({ ...own, epoch: "1" })]) {
      assert.strictEqual(decodeOwner(Buffer.from(text)), undefined)
    }
  })
})
