import { describe, expect, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { apply } from "@tusk/storage/memory/memoryWrites"
import { Write } from "@tusk/storage/port/Write"
import type { Unit } from "@tusk/storage/port/Write"
import { Server } from "../src/Server.ts"
import { TieredHistory } from "../src/TieredHistory.ts"
import { TIERED_TOPIC } from "../src/topicNames.ts"

const TOPIC = "TopicAAAAAAAAAAAAAAAAA"
const PARTITION = 1
const OBJECT = 1n
const START_MS = 1_000_000
const BATCH = RecordBatch.encodeBatch([{ timestamp: BigInt(START_MS), value: Buffer.from("v") }])

const object = Write.PutObject({ objectId: OBJECT, name: "o", bytes: 1000, createdAt: 0n, merged: false })

const append = (offset: number): Write =>
  Write.Append({
    partitionId: PARTITION,
    baseOffset: BigInt(offset),
    lastOffset: BigInt(offset),
    leaderEpoch: 1,
    maxTimestamp: BigInt(START_MS),
    timestampHigh: BigInt(START_MS),
    cumulativeBytes: BigInt((offset + 1) * BATCH.byteLength),
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    records: BATCH
  })

const move = (offset: number): Write =>
  Write.MoveBatches({
    partitionId: PARTITION,
    batches: [
      {
        baseOffset: BigInt(offset),
        from: null,
        to: { objectId: OBJECT, position: offset * BATCH.byteLength },
        bytes: BATCH.byteLength
      }
    ]
  })

const localStart = (offset: number): Write =>
  Write.PutLocalStart({ partitionId: PARTITION, localStartOffset: BigInt(offset) })

const logStart = (offset: number): Write =>
  Write.PutLogStart({ partitionId: PARTITION, logStartOffset: BigInt(offset) })

const config = (name: string, value: string): Write =>
  Write.PutConfig({ resourceType: 2, resourceName: TIERED_TOPIC, name, value })

/** Four batches of a tiered topic, and what was said against what becomes of them. */
const world = (mayLieInRows = false) => {
  const stored = new Map<string, Uint8Array>()
  const violations: Array<string> = []
  const history = new TieredHistory((invariant, text) => violations.push(`${invariant}: ${text}`))
  const server = new Server(new MemoryData("SimulatedClusterAAAAAA"), stored)
  history.watch([server], new Map([[TIERED_TOPIC, { mayLieInRows }]]))
  const commitAt = (nowMs: number, ...writes: Unit) => {
    history.commits(server, [writes], stored, nowMs)
    for (const write of writes) apply(server.data, write)
  }
  const commit = (...writes: Unit) => commitAt(START_MS, ...writes)
  const look = () => history.look(server, stored)
  commit(
    Write.PutTopic({ topicId: TOPIC, name: TIERED_TOPIC }),
    Write.PutPartition({ topicId: TOPIC, index: 0, partitionId: PARTITION }),
    ...[0, 1, 2, 3].map(append)
  )
  return { commit, commitAt, history, look, stored, violations }
}

describe("the history of a tiered topic", () => {
  it("takes batches that move in order, into what is there", () => {
    const { commit, look, stored, violations } = world()
    stored.set("o", Buffer.concat([BATCH, BATCH]))
    commit(object, move(0), move(1), localStart(2))
    commit()
    look()
    expect(violations).toEqual([])
  })

  it("finds, with the next commit, a batch that lies nowhere, and one that is said to have moved and has not", () => {
    const { commit, stored, violations } = world()
    stored.set("o", BATCH)
    commit(object, move(0), move(1), localStart(3))
    commit()
    expect(violations).toEqual([
      `O4: 1@1 lies in o, of which ${BATCH.byteLength} is there`,
      "O4: 1@2 lies in its row, and all below 3 has moved"
    ])
  })

  it("lets what was erased lie in its row", () => {
    const { commit, look, violations } = world(true)
    commit(localStart(3))
    look()
    expect(violations).toEqual([])
  })

  it("finds what goes for no reason", () => {
    const { commit, history, violations } = world()
    commit(logStart(1))
    expect(violations).toEqual([`R1: ${TIERED_TOPIC}-0 begins at 1, not at 0, for no reason`])
    expect([history.logStart(0), history.logStart(7)]).toEqual([1, 0])
    history.outOfRange(0, 0, false)
    history.outOfRange(0, 1, true)
    expect(violations.length).toBe(1)
    history.outOfRange(0, 1, false)
    expect(violations[1]).toBe(`L6: offset 1 of ${TIERED_TOPIC}-0 may not be read, and has not been deleted`)
  })

  it("lets go what was asked to go, what is too old, what is too much, and what is given up", () => {
    const { commit, commitAt, history, violations } = world()
    history.trims(0, 1)
    commit(logStart(1))
    commit(config("retention.bytes", String(2 * BATCH.byteLength)))
    commit(logStart(2))
    expect(violations).toEqual([])
    commit(logStart(3))
    expect(violations.length).toBe(1)
    violations.length = 0
    commit(config("retention.ms", "10000"))
    commitAt(START_MS + 10_000, logStart(4))
    expect(violations).toEqual([])
  })

  it("lets go what has moved once it may be given up, and no more", () => {
    const { commit, history, violations } = world(true)
    commit(localStart(2))
    commit(logStart(1))
    expect(violations.length).toBe(1)
    history.mayEnd = true
    commit(logStart(2))
    expect(violations.length).toBe(1)
    commit(logStart(3))
    expect(violations.length).toBe(2)
  })
})
