import { describe, expect, it } from "@effect/vitest"
import { ControlRecordKey } from "@tusk/protocol/embedded/ControlRecord"
import { encodeVersioned } from "@tusk/protocol/embedded/Versioned"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { inMemory } from "@tusk/storage/writes/MemoryPartition"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { apply } from "@tusk/storage/memory/memoryWrites"
import { Write } from "@tusk/storage/port/Write"
import { RowsHistory } from "../src/RowsHistory.ts"
import { Server } from "../src/Server.ts"

const PARTITION = 1
const TOPIC = "TopicAAAAAAAAAAAAAAAAA"

interface Batch {
  readonly producerId?: bigint
  /** Ends the producer's transaction. */
  readonly commits?: boolean
}

/** A log with a record a batch: a value, or what a producer did. */
const serverWith = (batches: ReadonlyArray<readonly [value: string, batch?: Batch]>) => {
  const server = new Server(new MemoryData("SimulatedClusterAAAAAA"))
  apply(server.data, Write.PutTopic({ topicId: TOPIC, name: "x" }))
  apply(server.data, Write.PutPartition({ topicId: TOPIC, index: 0, partitionId: PARTITION }))
  batches.forEach(([value, { commits, producerId = -1n } = {}], offset) => {
    const key = commits === undefined ? null : encodeVersioned(ControlRecordKey, 0, { type: commits ? 1 : 0 })
    const records = RecordBatch.encodeBatch([{ timestamp: 0n, key, value: Buffer.from(value) }], {
      baseOffset: BigInt(offset),
      producerId,
      producerEpoch: 0,
      baseSequence: offset,
      isTransactional: producerId >= 0n,
      isControl: commits !== undefined
    })
    const at = { partitionId: PARTITION, baseOffset: BigInt(offset), lastOffset: BigInt(offset), leaderEpoch: 1 }
    const times = { maxTimestamp: 0n, timestampHigh: 0n, cumulativeBytes: 0n }
    apply(server.data, Write.Append({ ...at, ...times, producerId, producerEpoch: 0, baseSequence: offset, records }))
  })
  return server
}

/** What is wrong with rows of these offsets, and whether they are whole. */
const judged = (server: Server, next: number, offsets: ReadonlyArray<number>, value?: string) => {
  const { batches } = server.data.partitions.get(PARTITION)!
  const change = {
    partitionId: PARTITION,
    gone: [],
    come: offsets.map((offset) => {
      const record = RecordBatch.decodeRecords(inMemory(batches[offset]!).records, { maxDecompressedBytes: 1 << 20 })
      if ("_tag" in record) throw record
      return { offset: BigInt(offset), key: null, value: value ?? Buffer.from(record[0]!.value!).toString() }
    }),
    position: { nextOffset: BigInt(next), version: 1n, compacted: null }
  }
  server.keepsRows(change, 0)
  const wrong: Array<string> = []
  const history = new RowsHistory(
    (invariant, text) => wrong.push(`${invariant}: ${text}`),
    () => {},
    () => false
  )
  return [history.look(server, { name: "x", mayLose: false }), wrong]
}

describe("rows of a follower", () => {
  it("are right if they are the records below the position", () => {
    const log = [["a"], ["b"], ["c"]] as const
    expect(judged(serverWith(log), 2, [0, 1])).toEqual([false, []])
    expect(judged(serverWith(log), 3, [0, 1, 2])).toEqual([true, []])
  })

  it("are wrong if one is missing, changed, or beyond the position", () => {
    const log = [["a"], ["b"], ["c"]] as const
    expect(judged(serverWith(log), 2, [1])[1]).toEqual(["S4: x-0: 0: =a is not among the rows up to 2"])
    expect(judged(serverWith(log), 1, [0, 1])[1]).toEqual(["S4: x-0: row 1: =b is ahead of position 1"])
    expect(judged(serverWith(log), 1, [0], "z")[1]).toEqual(["S4: x-0: a row is 0: =z, the record 0: =a"])
  })

  it("are none of what is aborted, or not decided", () => {
    const transaction = [["a"], ["b", { producerId: 7n }]] as const
    expect(judged(serverWith(transaction), 2, [0])[1]).toEqual([
      "S4: x-0: rows are there up to 2, and it is stable up to 1"
    ])
    const end = (commits: boolean) => ["", { producerId: 7n, commits }] as const
    expect(judged(serverWith([...transaction, end(true)]), 3, [0, 1])).toEqual([true, []])
    expect(judged(serverWith([...transaction, end(false)]), 3, [0])).toEqual([true, []])
    expect(judged(serverWith([...transaction, end(false)]), 3, [0, 1])[1]).toEqual([
      "S4: x-0: row 1: =b is no committed record"
    ])
  })
})

describe("a server with rows", () => {
  const row = { partitionId: PARTITION, gone: [], come: [{ offset: 0n, key: null, value: "a" }] }

  it("loses in a crash what was written without waiting for the disk, and nothing that something waited for since", () => {
    const server = serverWith([["a"], ["b"]])
    server.keepsRows({ ...row, position: { nextOffset: 1n, version: 1n, compacted: null } }, 0)
    server.losesUnflushed()
    expect([server.rows.position(PARTITION), server.rows.rowsOf(PARTITION)]).toEqual([undefined, []])
    server.keepsRows({ ...row, position: { nextOffset: 1n, version: 1n, compacted: null } }, 0)
    server.erases(() => {})
    server.keepsRows({ ...row, come: [], position: { nextOffset: 2n, version: 2n, compacted: null } }, 0)
    server.losesUnflushed()
    expect([server.rows.position(PARTITION)?.nextOffset, server.rows.rowsOf(PARTITION)]).toEqual([1n, row.come])
  })

  it("has a standby that lacks them with what was committed behind them", () => {
    const server = serverWith([["a"]])
    server.erases(() => {})
    server.keepsRows({ ...row, position: { nextOffset: 1n, version: 1n, compacted: null } }, 0)
    server.erases(() => {})
    const lacks = server.promote(2, 100, () => false).server
    expect(lacks.rows.position(PARTITION)).toBe(undefined)
  })

  it("takes no rows of a step that begins elsewhere or comes late, and clears none that have a position", () => {
    const { rows } = serverWith([["a"]])
    rows.apply({ ...row, position: { nextOffset: 1n, version: 1n, compacted: null } })
    const step = { partitionId: PARTITION, from: 0n, to: 2n, batches: [] }
    expect([rows.add(step, 1n), rows.add({ ...step, from: 1n }, 2n)]).toEqual([undefined, undefined])
    expect([rows.add({ ...step, from: 1n }, 1n)?.position.nextOffset, rows.clear(PARTITION, 10).gone]).toEqual([2n, []])
    rows.apply({ ...row, come: [], position: null })
    expect(rows.clear(PARTITION, 10).gone).toEqual([0n])
  })
})
