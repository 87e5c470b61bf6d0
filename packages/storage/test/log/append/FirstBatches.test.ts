import { describe, expect, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { makeFirstBatches } from "../../../src/log/append/FirstBatches.ts"

const PARTITION = 1

const batch = (baseSequence: number, producerEpoch = 0) =>
  RecordBatch.encodeBatch([{ timestamp: 0n, value: Buffer.from("x") }], { producerId: 7n, producerEpoch, baseSequence })

/** Sequences that are refused once these have failed, in this order. */
const refused = (failed: ReadonlyArray<number>, asked: ReadonlyArray<number>) => {
  const firsts = makeFirstBatches()
  for (const sequence of failed) firsts.failed(PARTITION, batch(sequence))
  return asked.filter((sequence) => firsts.refusal(PARTITION, batch(sequence)) !== undefined)
}

describe("first batches of producers that could not be stored", () => {
  it("bar those behind them, and no others", () => {
    expect(refused([], [0, 5])).toEqual([])
    expect(refused([0], [0, 1, 2])).toEqual([1, 2])
    const firsts = makeFirstBatches()
    firsts.failed(PARTITION, batch(0))
    expect(firsts.refusal(PARTITION + 1, batch(1))).toBeUndefined()
    expect(firsts.refusal(PARTITION, batch(1, 1))).toBeUndefined()
    firsts.stored(PARTITION, batch(0))
    expect(firsts.refusal(PARTITION, batch(1))).toBeUndefined()
  })

  it("bar none that comes before them, in whatever order they failed", () => {
    expect(refused([1], [0, 1, 2])).toEqual([2])
    expect(refused([1, 0], [0, 1, 2])).toEqual([1, 2])
    expect(refused([0, 1], [0, 1, 2])).toEqual([1, 2])
  })

  it("are in order when sequences begin again", () => {
    const last = 0x7fff_ffff
    expect(refused([last], [last - 1, last, 0, 1])).toEqual([0, 1])
    expect(refused([0, last], [last, 0, 1])).toEqual([0, 1])
    expect(refused([1, last], [last - 1, last, 0])).toEqual([0])
  })
})
