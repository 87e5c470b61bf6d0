import { describe, expect, it } from "@effect/vitest"
import { objectName } from "@tusk/storage/log/objects/ObjectNames"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { apply } from "@tusk/storage/memory/memoryWrites"
import { Write } from "@tusk/storage/port/Write"
import type { Unit } from "@tusk/storage/port/Write"
import { ObjectsHistory } from "../src/ObjectsHistory.ts"
import { Server } from "../src/Server.ts"

const CLUSTER = "SimulatedClusterAAAAAA"
const TOPIC = "TopicAAAAAAAAAAAAAAAAA"
const PARTITION = 1
const NOW_MS = 1_000_000
const GRACES = { unusedMs: 5000, orphanMs: 8000 }

const batchOf = (value: string): Uint8Array => RecordBatch.encodeBatch([{ timestamp: 0n, value: Buffer.from(value) }])

const nameOf = (number: number) => objectName(CLUSTER, { incarnation: "abcdefgh", number, timeMs: NOW_MS })

const object = (number: number): Write =>
  Write.PutObject({ objectId: BigInt(number), name: nameOf(number), bytes: 1000, createdAt: 0n, merged: false })

const append = (baseOffset: number, records: Uint8Array, objectId: number, position = 0): Write =>
  Write.Append({
    partitionId: PARTITION,
    baseOffset: BigInt(baseOffset),
    lastOffset: BigInt(baseOffset),
    leaderEpoch: 1,
    maxTimestamp: 0n,
    timestampHigh: 0n,
    cumulativeBytes: 0n,
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    records,
    stored: { objectId: BigInt(objectId), position }
  })

/** A partition, an object store, and what was said against them. */
const world = () => {
  const stored = new Map<string, Uint8Array>()
  const violations: Array<string> = []
  const history = new ObjectsHistory((invariant, text) => violations.push(`${invariant}: ${text}`), stored, GRACES)
  const server = new Server(new MemoryData(CLUSTER), stored)
  history.watch([server])
  const put = (number: number, ...batches: ReadonlyArray<Uint8Array>) => {
    const bytes = Buffer.concat(batches)
    history.puts("broker1", nameOf(number), bytes)
    history.stores(nameOf(number), bytes)
    stored.set(nameOf(number), bytes)
  }
  const commit = (...writes: Unit) => {
    history.commits(server, [writes])
    for (const write of writes) apply(server.data, write)
  }
  commit(
    Write.PutTopic({ topicId: TOPIC, name: "t" }),
    Write.PutPartition({ topicId: TOPIC, index: 0, partitionId: PARTITION })
  )
  return { commit, history, put, server, stored, violations }
}

describe("the history of the object store", () => {
  it("takes pointers to batches that are there, and what is made of them", () => {
    const { commit, history, put, server, violations } = world()
    const [a, b] = [batchOf("a"), batchOf("b")]
    put(1, a, b)
    commit(object(1), append(0, a, 1), append(1, b, 1, a.byteLength))
    put(2, b)
    const moved = { baseOffset: 1n, from: 1n, to: { objectId: 2n, position: 0 }, bytes: b.byteLength }
    commit(object(2), Write.MoveBatches({ partitionId: PARTITION, batches: [moved] }))
    const log = server.data.partitions.get(PARTITION)!
    expect(RecordBatch.baseOffset(server.bytesOf(log.batches[1]!))).toBe(1n)
    expect(server.bytesOf(log.batches[1]!)).toBe(server.bytesOf(log.batches[1]!))
    history.takesOver(server)
    history.acknowledged("t", 0, 1)
    expect([history.unused, violations]).toEqual([[], []])
  })

  it("finds a pointer to nothing, to other bytes, and to the wrong place", () => {
    const { commit, put, violations } = world()
    commit(object(1), append(0, batchOf("a"), 1))
    put(2, batchOf("b"))
    commit(object(2), append(1, batchOf("c"), 2), append(2, batchOf("b"), 2, 3))
    expect(violations.map((text) => text.slice(0, 2))).toEqual(["O3", "O1", "O1"])
  })

  it("finds bytes that another batch took when it was moved", () => {
    const { commit, put, violations } = world()
    const [a, b] = [batchOf("a"), batchOf("b")]
    put(1, a)
    commit(object(1), append(0, a, 1))
    put(2, b)
    const moved = { baseOffset: 0n, from: 1n, to: { objectId: 2n, position: 0 }, bytes: b.byteLength }
    commit(object(2), Write.MoveBatches({ partitionId: PARTITION, batches: [moved] }))
    expect(violations).toEqual([`O1: 1@0 is to lie at 0 of ${nameOf(2)}, where other bytes are`])
  })

  it("finds a name that is given twice, and what was changed after it was put", () => {
    const { history, put, violations } = world()
    const a = batchOf("a")
    put(1, a)
    history.puts("broker1", nameOf(1), a)
    expect(violations).toEqual([])
    history.puts("broker2", nameOf(1), a)
    history.puts("broker1", nameOf(1), batchOf("b"))
    history.puts("broker1", nameOf(2), a)
    history.stores(nameOf(2), batchOf("b"))
    expect(violations.length).toBe(3)
  })

  it("lets go what nobody points to, once its time has come", () => {
    const { commit, history, put, stored, violations } = world()
    const a = batchOf("a")
    put(1, a)
    put(2, a)
    commit(object(1), append(0, a, 1))
    expect(history.unused).toEqual([nameOf(2)])
    history.removes("broker1", nameOf(2), NOW_MS + 8000)
    expect(violations).toEqual([])
    history.removes("broker1", nameOf(2), NOW_MS + 7999)
    history.removes("broker1", nameOf(1), NOW_MS + 8000)
    history.removes("broker1", "notes", NOW_MS + 8000)
    expect(violations.length).toBe(5)
    violations.length = 0
    commit(Write.DeleteBatches({ partitionId: PARTITION, below: 1n, limit: 1 }))
    commit(Write.PutUnusedObjects({ objectIds: [1n], unusedSince: BigInt(NOW_MS) }))
    history.removes("broker1", nameOf(1), NOW_MS + 5000)
    expect(violations).toEqual([])
    expect(history.left([nameOf(1)])).toEqual([nameOf(1)])
    stored.clear()
    expect(history.left([nameOf(1)])).toEqual([])
  })

  it("finds what a failover brings back, and an acknowledgement of nothing", () => {
    const { commit, history, put, server, stored, violations } = world()
    const a = batchOf("a")
    put(1, a)
    commit(object(1), append(0, a, 1))
    stored.clear()
    history.takesOver(server)
    history.acknowledged("t", 0, 1)
    expect(violations).toEqual([
      `O1: 1@0 lies in ${nameOf(1)}, of which nothing is there`,
      "O3: 1 of t-0 is acknowledged and not committed"
    ])
  })
})
