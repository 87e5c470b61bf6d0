import { assert, describe, it } from "@effect/vitest"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import { targetOffset } from "../../src/shadow/OffsetMap.ts"
import { resumed } from "../../src/shadow/Resume.ts"
import type { Known } from "../../src/shadow/Resume.ts"

const row = {
  topic: "orders",
  partition: 0,
  sourceTopicId: "source",
  targetTopicId: "target",
  difference: 5000n,
  fills: true,
  targetStart: 0n,
  targetEnd: 10n,
  sourceNext: 5010n,
  sourceEnd: 5010n,
  stoppedWhy: undefined
}

/** The last batch of the target, of two records, sent as the second half of an offset. */
const lastOf = (baseOffset: bigint, producerId = 42n, baseSequence = Number(baseOffset)) =>
  encodeBatch([{ value: null }, { value: null }], { baseOffset, producerId, producerEpoch: 0, baseSequence })

const known = (more: Partial<Known>): Known => ({
  row,
  target: { start: 0n, end: 10n, last: lastOf(8n) },
  sourceTopicId: "source",
  targetTopicId: "target",
  sourceStart: 5000n,
  fills: true,
  sender: { producerId: 42n, epoch: 0 },
  mapped: [],
  ...more
})

const why = (more: Partial<Known>): string => {
  const found = resumed(known(more))
  return found._tag === "Stop" ? found.why : found._tag
}

describe("where forwarding goes on", () => {
  it("begins where the log starts, at the end of a target without records", () => {
    const target = { start: 0n, end: 0n, last: undefined }
    const position = { source: 5000n, target: 0n, difference: 5000n }
    assert.deepStrictEqual(resumed(known({ row: undefined, target })), { _tag: "Begin", position })
    assert.include(why({ row: undefined }), "not empty")
  })

  it("is the target's end, also beyond what was noted", () => {
    const position = { source: 5012n, target: 12n, difference: 5000n }
    const target = { start: 0n, end: 12n, last: lastOf(10n) }
    assert.deepStrictEqual(resumed(known({ target })), { _tag: "GoOn", position })
  })

  it("is nowhere if the target is not as it was left", () => {
    const at = (end: bigint, last: Uint8Array | undefined, start = 0n) => ({ target: { start, end, last } })
    assert.include(why(at(8n, lastOf(6n))), "it lost records")
    assert.include(why(at(12n, lastOf(10n, 9n))), "somebody else writes")
    assert.include(why(at(12n, lastOf(10n, 42n, 9))), "somebody else writes")
    assert.include(why(at(12n, undefined, 12n)), "cannot be told")
    assert.strictEqual(why(at(10n, undefined, 10n)), "GoOn")
    assert.include(why({ fills: false }), "with filler records")
  })

  it("is not known of topics that were made anew, unless both sides' were", () => {
    assert.include(why({ sourceTopicId: "another" }), "made anew")
    assert.include(why({ targetTopicId: "another" }), "not empty")
    const target = { start: 0n, end: 0n, last: undefined }
    assert.strictEqual(why({ targetTopicId: "another", target }), "Anew")
    assert.strictEqual(why({ sourceTopicId: "another", targetTopicId: "another", target }), "Anew")
  })

  it("goes by the map without fillers: by what was sent of it", () => {
    const mapped = [
      { source: 5003n, target: 2n },
      { source: 5009n, target: 7n },
      { source: 5020n, target: 10n }
    ]
    const found = resumed(known({ row: { ...row, fills: false }, fills: false, mapped }))
    assert.deepStrictEqual(found, { _tag: "GoOn", position: { source: 5012n, target: 10n, difference: 5002n } })
  })
})

describe("an offset at the target", () => {
  const filled = { difference: 5000n, fills: true, targetStart: 0n }

  it("is the same less the difference, within what is there", () => {
    const of = (source: bigint) => targetOffset(filled, [], source, 100n, 10)
    assert.deepStrictEqual([4000n, 5000n, 5050n, 5100n, 9000n].map(of), [0n, 0n, 50n, 100n, 100n])
  })

  it("is that of the next record where the source has none", () => {
    const mapped = [
      { source: 5010n, target: 5n },
      { source: 5020n, target: 9n }
    ]
    const of = (source: bigint) => targetOffset({ ...filled, fills: false }, mapped, source, 100n, 10)
    assert.deepStrictEqual([5004n, 5007n, 5010n, 5013n, 5018n, 5020n].map(of), [4n, 5n, 5n, 8n, 9n, 9n])
  })

  it("is not known before the oldest entry that is kept", () => {
    const mapped = [{ source: 5010n, target: 5n }]
    assert.isUndefined(targetOffset({ ...filled, fills: false }, mapped, 5004n, 100n, 1))
  })
})
