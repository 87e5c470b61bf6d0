import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { CommitQueue } from "../../src/commit/CommitQueue.ts"
import { writing } from "../../src/commit/Participant.ts"
import type { Participant } from "../../src/commit/Participant.ts"
import { StoreUnavailable } from "../../src/port/StoreError.ts"

const REIGN = 1

/** A unit of so many bytes that keeps its place in one partition, and may have to read first. */
const unit = (partitionId: number, needs?: Effect.Effect<void>): Participant<void> => ({
  ...writing([{ _tag: "PutNextProducerId", next: 1n }]),
  prepare: needs,
  partitionIds: [partitionId]
})

const begin = () => {
  const queue = new CommitQueue(1)
  const add = (participant: Participant<void>) => queue.add(participant, REIGN, Infinity, () => {})
  const assemble = () =>
    queue.assemble(
      ({ participant }) => {
        const writes: Parameters<typeof participant.assemble>[0] = []
        participant.assemble(writes)
        return writes
      },
      () => {}
    ).joined.length
  return { queue, add, assemble }
}

describe("the queue of units", () => {
  it("is not looked at again and again while all that waits, waits for what is being read", () => {
    const { add, assemble, queue } = begin()
    const slow = add(unit(1, Effect.never))
    expect(queue.isDue(REIGN)).toBe(false)
    add(unit(1))
    expect(queue.isDue(REIGN)).toBe(true)
    expect(assemble()).toBe(0)
    expect(queue.isDue(REIGN)).toBe(false)
    queue.prepared(slow, undefined)
    expect(queue.isDue(REIGN)).toBe(true)
    expect([assemble(), queue.isDue(REIGN), assemble(), queue.isDue(REIGN)]).toEqual([1, true, 1, false])
    expect(queue.isEmpty).toBe(true)
  })

  it("is looked at for what another reign left, and for what could not be read", () => {
    const { add, queue } = begin()
    const slow = add(unit(1, Effect.never))
    expect(queue.isDue(REIGN + 1)).toBe(true)
    queue.prepared(slow, new StoreUnavailable({ message: "a read failed" }))
    expect(queue.isDue(REIGN)).toBe(true)
    expect(queue.takeFailed()).toEqual([slow])
    expect(queue.isDue(REIGN)).toBe(false)
  })
})
