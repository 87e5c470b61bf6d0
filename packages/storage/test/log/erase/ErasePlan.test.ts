import { assert, describe, it } from "@effect/vitest"
import { ErasedKeys, nextInLog } from "../../../src/log/erase/ErasePlan.ts"
import type { PartitionState } from "../../../src/log/erase/ErasePlan.ts"

const progress = (nextOffset: bigint, endOffset = 10n) => ({
  partitionId: 1,
  nextOffset,
  endOffset,
  records: [0],
  bytes: 0n
})
const stable = (upTo: bigint): PartitionState => ({ _tag: "Stable", upTo })

describe("what is next in a log", () => {
  it("is to walk up to the end of that moment, and not to what came later", () => {
    assert.deepStrictEqual(nextInLog(progress(0n), stable(25n)), { _tag: "Walk", from: 0n, end: 10n })
    assert.deepStrictEqual(nextInLog(progress(4n), stable(10n)), { _tag: "Walk", from: 4n, end: 10n })
    assert.deepStrictEqual(nextInLog(progress(10n), stable(25n)), { _tag: "Over" })
    assert.deepStrictEqual(nextInLog(progress(0n, 0n), stable(0n)), { _tag: "Over" })
  })

  it("is to walk as far as all is decided, and then to wait", () => {
    assert.deepStrictEqual(nextInLog(progress(2n), stable(6n)), { _tag: "Walk", from: 2n, end: 6n })
    assert.deepStrictEqual(nextInLog(progress(6n), stable(6n)), {
      _tag: "Wait",
      why: "a transaction is open from offset 6 on"
    })
    assert.deepStrictEqual(nextInLog(progress(6n), stable(7n)), { _tag: "Walk", from: 6n, end: 7n })
  })

  it("is to wait until the batches of a deleted topic are gone", () => {
    assert.strictEqual(nextInLog(progress(2n), { _tag: "Deleted", isEmpty: false })._tag, "Wait")
    assert.strictEqual(nextInLog(progress(10n), { _tag: "Deleted", isEmpty: false })._tag, "Wait")
    assert.deepStrictEqual(nextInLog(progress(2n), { _tag: "Deleted", isEmpty: true }), { _tag: "Over" })
  })
})

describe("the keys of a pass", () => {
  const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

  it("are told by their bytes, a key that was asked for twice at both places", () => {
    const keys = new ErasedKeys([bytes(1, 255), bytes(2), bytes(1, 255), bytes()])
    assert.strictEqual(keys.size, 4)
    assert.deepStrictEqual(keys.placesOf(bytes(1, 255)), [0, 2])
    assert.deepStrictEqual(keys.placesOf(bytes(0, 2).subarray(1)), [1])
    assert.deepStrictEqual(keys.placesOf(bytes()), [3])
    assert.isUndefined(keys.placesOf(bytes(1)))
    assert.isUndefined(keys.placesOf(null))
  })
})
