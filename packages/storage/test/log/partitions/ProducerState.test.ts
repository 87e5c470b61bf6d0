import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import {
  afterBatch,
  encodeSnapshot,
  judgeSequence,
  REMEMBERED_BATCHES,
  restoreProducers,
  sequenceAfter
} from "../../../src/log/partitions/ProducerState.ts"
import type { ProducerState } from "../../../src/log/partitions/ProducerState.ts"

/** A producer that sent batches of one record with sequences from..to in this epoch. */
const sent = (epoch: number, from: number, to: number): ProducerState => {
  let state: ProducerState | undefined
  for (let sequence = from; sequence <= to; sequence++) {
    const batch = {
      baseSequence: sequence,
      lastSequence: sequence,
      baseOffset: BigInt(sequence * 10),
      logAppendTime: -1n
    }
    state = afterBatch(state, epoch, batch, 7n)
  }
  return state!
}

const verdict = (state: ProducerState | undefined, epoch: number, sequence: number): string => {
  const judged = judgeSequence(state, epoch, sequence, sequence)
  if (judged === undefined) return "next"
  return "baseOffset" in judged ? `duplicate of ${judged.baseOffset}` : judged._tag
}

describe("the sequence of an idempotent producer", () => {
  const state = sent(3, 0, 9)
  const table: ReadonlyArray<readonly [string, ProducerState | undefined, number, number, string]> = [
    ["an unknown producer may begin anywhere", undefined, 0, 41, "next"],
    ["the next sequence", state, 3, 10, "next"],
    ["the newest batch again", state, 3, 9, "duplicate of 90"],
    ["the oldest of the five again", state, 3, 5, "duplicate of 50"],
    ["older than the five", state, 3, 4, "OutOfOrderSequenceNumber"],
    ["a gap", state, 3, 11, "OutOfOrderSequenceNumber"],
    ["an older epoch", state, 2, 10, "InvalidProducerEpoch"],
    ["a newer epoch from 0", state, 4, 0, "next"],
    ["a newer epoch from elsewhere", state, 4, 10, "OutOfOrderSequenceNumber"]
  ]
  for (const [name, known, epoch, sequence, expected] of table) {
    it(name, () => assert.strictEqual(verdict(known, epoch, sequence), expected))
  }

  it("goes on at 0 past 2^31-1", () => {
    assert.strictEqual(sequenceAfter(0x7fffffff, 1), 0)
    assert.strictEqual(sequenceAfter(0x7ffffffe, 3), 1)
    assert.strictEqual(verdict(sent(0, 0x7fffffff, 0x7fffffff), 0, 0), "next")
  })

  it("remembers five batches of one epoch", () => {
    assert.strictEqual(state.batches.length, REMEMBERED_BATCHES)
    const newer = afterBatch(state, 4, { baseSequence: 0, lastSequence: 0, baseOffset: 99n, logAppendTime: -1n }, 8n)
    assert.deepStrictEqual(
      newer.batches.map(({ baseOffset }) => baseOffset),
      [99n]
    )
  })
})

const Sent = Schema.Struct({
  producer: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 3 })),
  records: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 4 })),
  newEpoch: Schema.Boolean
})

describe("producers after a restart", () => {
  it.prop(
    "are what they were, from a snapshot taken anywhere and the batches behind it",
    [Schema.Array(Sent), Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 20 }))],
    ([batches, cut]) => {
      const live = new Map<bigint, ProducerState>()
      const heads: Array<Parameters<typeof restoreProducers>[1][number]> = []
      const next = new Map<number, { epoch: number; sequence: number }>()
      let offset = 0n
      let snapshot: Uint8Array | null = null
      let since = 0
      batches.forEach(({ newEpoch, producer, records }, i) => {
        if (i === cut) {
          snapshot = encodeSnapshot(live)
          since = heads.length
        }
        const at = next.get(producer) ?? { epoch: 0, sequence: 0 }
        const place = newEpoch ? { epoch: at.epoch + 1, sequence: 0 } : at
        const head = {
          baseOffset: offset,
          lastOffset: offset + BigInt(records - 1),
          maxTimestamp: offset,
          producerId: BigInt(producer),
          producerEpoch: place.epoch,
          baseSequence: place.sequence,
          leaderEpoch: 1
        }
        heads.push(head)
        const batch = {
          baseSequence: place.sequence,
          lastSequence: place.sequence + records - 1,
          baseOffset: offset,
          logAppendTime: -1n
        }
        const state = afterBatch(live.get(head.producerId), place.epoch, batch, offset)
        live.delete(head.producerId)
        live.set(head.producerId, state)
        next.set(producer, { epoch: place.epoch, sequence: place.sequence + records })
        offset += BigInt(records)
      })
      const restored = restoreProducers(snapshot, heads.slice(since))
      assert.deepStrictEqual(
        Array.from(restored).sort(([a], [b]) => Number(a - b)),
        Array.from(live).sort(([a], [b]) => Number(a - b))
      )
    }
  )
})
