import { describe, expect, it } from "@effect/vitest"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { apply } from "@tusk/storage/memory/memoryWrites"
import { Write } from "@tusk/storage/port/Write"
import type { Unit } from "@tusk/storage/port/Write"
import { Server } from "../src/Server.ts"
import { foundsTopic } from "../src/units.ts"

const PARTITION = 1
const TOPIC = "TopicAAAAAAAAAAAAAAAAA"

const append = (baseOffset: number, records = 1): Unit => [
  Write.Append({
    partitionId: PARTITION,
    baseOffset: BigInt(baseOffset),
    lastOffset: BigInt(baseOffset + records - 1),
    leaderEpoch: 1,
    maxTimestamp: 0n,
    timestampHigh: 0n,
    cumulativeBytes: 0n,
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    records: new Uint8Array(0)
  })
]

/** A server with these commits, the first of which makes the partition. */
const serverWith = (...commits: ReadonlyArray<Unit>) => {
  const server = new Server(new MemoryData("SimulatedClusterAAAAAA"))
  const made: Unit = [
    Write.PutTopic({ topicId: TOPIC, name: "t" }),
    Write.PutPartition({ topicId: TOPIC, index: 0, partitionId: PARTITION })
  ]
  for (const unit of [made, ...commits]) {
    for (const write of unit) apply(server.data, write)
    server.commits([unit])
  }
  return server
}

const endOf = (data: MemoryData) => Number(data.partitions.get(PARTITION)?.endOffset ?? -1)
const mayMissAll = () => true

describe("a standby that takes over", () => {
  it("lacks the newest commits, and no more than it is asked to", () => {
    const old = serverWith(append(0), append(1), append(2))
    const { lost, server } = old.promote(2, 100, mayMissAll)
    expect(lost.commits).toEqual([[append(1)], [append(2)]])
    expect([endOf(server.data), endOf(old.data)]).toEqual([1, 3])
    expect([old.isOld, server.isOld]).toEqual([true, false])
    expect([old.data.timeline, server.data.timeline]).toEqual(["00000001", "00000002"])
    apply(server.data, append(1, 5)[0]!)
    server.commits([append(1, 5)])
    expect(endOf(server.promote(0, 100, mayMissAll).server.data)).toBe(6)
  })

  it("lacks no more offsets than ends leap over", () => {
    const { lost, server } = serverWith(append(0, 4), append(4, 4), append(8, 4)).promote(3, 8, mayMissAll)
    expect([lost.commits.length, endOf(server.data)]).toEqual([2, 4])
  })

  it("lacks no topic that has to be there, and no take-over behind a failover", () => {
    expect(serverWith().promote(1, 100, (units) => !foundsTopic(units, (topic) => topic === "t")).lost.commits).toEqual(
      []
    )
    expect(serverWith().promote(1, 100, mayMissAll).lost.commits.length).toBe(1)
    const old = serverWith()
    old.data.epoch = 1002
    old.data.failoverEpoch = 1002
    old.takenOver()
    expect(old.promote(8, 100, mayMissAll).server.data.epoch).toBe(1002)
  })
})
