import { describe, expect, it } from "@effect/vitest"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { apply } from "@tusk/storage/memory/memoryWrites"
import { Write } from "@tusk/storage/port/Write"
import { ErasureHistory } from "../src/ErasureHistory.ts"
import { Server } from "../src/Server.ts"
import { SqlTables } from "../src/SqlTables.ts"

const PARTITION = 1
const TOPIC = "TopicAAAAAAAAAAAAAAAAA"

/** A batch of records that are keys with values of their own. */
const batchOf = (keys: ReadonlyArray<string>, kept = keys): Uint8Array => {
  const records = keys.map((key, i) => ({ offset: BigInt(i), timestamp: 5n, key: Buffer.from(key), value: null }))
  return RecordBatch.encodeBatch(
    records.filter(({ key }) => kept.includes(key.toString())),
    { offsets: "kept", baseOffset: 0n, lastOffset: BigInt(keys.length - 1) }
  )
}

const KEYS = ["a", "b", "c"]

/** A log of one batch, of which `key` is to be erased; done by now, if that is said. */
const world = ({ doneAtMs, ends = 3n }: { readonly doneAtMs?: number; readonly ends?: bigint }) => {
  const server = new Server(new MemoryData("SimulatedClusterAAAAAA"))
  apply(server.data, Write.PutTopic({ topicId: TOPIC, name: "x" }))
  apply(server.data, Write.PutPartition({ topicId: TOPIC, index: 0, partitionId: PARTITION }))
  const at = { partitionId: PARTITION, baseOffset: 0n, lastOffset: 2n, leaderEpoch: 1, records: batchOf(KEYS) }
  const times = { maxTimestamp: 5n, timestampHigh: 5n, cumulativeBytes: 0n }
  apply(server.data, Write.Append({ ...at, ...times, producerId: -1n, producerEpoch: -1, baseSequence: -1 }))
  const asOf = { timeline: server.data.timeline, snapshot: server.sql.snapshot, ends: new Map([[PARTITION, 3n]]) }
  const about = { erasureId: 1n, topicId: TOPIC, partitionIds: [PARTITION], key: "b", passId: 1n, asOf }
  server.erases(server.erasures.ask({ ...about, ends: new Map([[PARTITION, ends]]), doneAtMs }))
  const wrong: Array<string> = []
  const history = new ErasureHistory((invariant, text) => wrong.push(`${invariant}: ${text}`))
  history.watch([server])
  return { server, history, wrong }
}

const record = { topic: "x", partition: 0, offset: 1, key: "b" }

describe("what is to be erased", () => {
  it("may be gone from the request on, and nothing else may", () => {
    const { history } = world({})
    expect(history.mayBeGone(record)).toBe(true)
    expect(history.mayBeGone({ ...record, key: "a" })).toBe(false)
    expect(history.mayBeGone({ ...record, offset: 3 })).toBe(false)
    expect(history.mayBeGone({ ...record, topic: "y" })).toBe(false)
    // What lies there is not known.
    expect(history.mayBeGone({ ...record, key: undefined })).toBe(true)
  })

  it("is not read by who asks once it is done", () => {
    const { history, wrong } = world({ doneAtMs: 10 })
    history.reads("r", record, 10)
    history.reads("r", { ...record, key: "a" }, 11)
    expect(wrong).toEqual([])
    history.reads("r", record, 11)
    expect(wrong).toEqual(["R4: r reads b at 1 of x-0, which was erased at 10"])
  })

  it("lies nowhere then", () => {
    const { history, server, wrong } = world({ doneAtMs: 10 })
    history.look()
    expect(wrong).toEqual(["R4: b lies in the log of 1, at 1, and erasure 1 is done"])
    const batches = [{ baseOffset: 0n, records: batchOf(KEYS, ["a", "c"]) }]
    apply(server.data, Write.ReplaceBatches({ partitionId: PARTITION, batches }))
    server.keepsRows(
      { partitionId: PARTITION, gone: [], come: [{ offset: 1n, key: "b", value: "1" }], position: null },
      0
    )
    history.look()
    expect(wrong.slice(1)).toEqual(["R4: b lies in the rows of 1, at 1, and erasure 1 is done"])
  })

  it("is all that was there when it was asked", () => {
    const { history, wrong } = world({ ends: 2n })
    history.look()
    expect(wrong).toEqual(["R4: erasure 1 goes up to 2 of 1, which ended at 3 when it was asked"])
  })

  it("goes alone: what is left of a batch is as it was", () => {
    const { history, server, wrong } = world({})
    const rewrite = (records: Uint8Array | null) =>
      history.rewrites(server, [
        [Write.ReplaceBatches({ partitionId: PARTITION, batches: [{ baseOffset: 0n, records }] })]
      ])
    rewrite(batchOf(KEYS, ["a", "c"]))
    expect(wrong).toEqual([])
    rewrite(batchOf(KEYS, ["c"]))
    rewrite(batchOf(["z", "b", "c"]))
    rewrite(null)
    expect(wrong).toEqual([
      "R4: the batch at 0 of 1 is rewritten: the record at 0 goes",
      "R4: the batch at 0 of 1 is rewritten: the record at 0 is another one",
      "R4: the batch at 0 of 1 is rewritten: it goes, up to 2"
    ])
  })
})

describe("a table of the latest values", () => {
  const table = { id: 1, name: "latest", topic: "x", topicId: TOPIC, isStrict: false, rows: new Map() }
  const made = () => {
    const tables = new SqlTables()
    tables.put({ ...table, positions: new Map([[PARTITION, { nextOffset: 0n, version: 0n }]]) })(tables)
    return tables
  }
  const valued = (...values: ReadonlyArray<string | null>) =>
    RecordBatch.encodeBatch(
      values.map((value) => ({ key: Buffer.from("k"), value: value === null ? null : Buffer.from(value) }))
    )

  it("stands at what does not fit, and goes on from there", () => {
    const tables = made()
    const step = { partitionId: PARTITION, from: 0n, to: 3n, batches: [valued("0", "1", "2")] }
    tables.put({ ...tables.of(1)!, isStrict: true })(tables)
    const { added, change } = tables.add(1, step, 0n)!
    expect(added).toMatchObject({ nextOffset: 1n, refusal: "it does not fit" })
    change(tables)
    expect(tables.of(1)!.rows.get("k")?.value).toBe("0")
    expect(tables.add(1, step, added.version)).toBe(undefined)
  })

  it("loses a key that is erased, but for what came later", () => {
    const tables = made()
    const batches = [valued("0", "1", "2")]
    const version = () => tables.of(1)!.positions.get(PARTITION)!.version
    tables.add(1, { partitionId: PARTITION, from: 0n, to: 3n, batches }, 0n)!.change(tables)
    tables.erase(1, "k", { partitionId: PARTITION, from: 2n, to: 3n, batches }, version())!(tables)
    expect(tables.of(1)!.rows.get("k")).toEqual({ offset: 2n, key: "k", value: "2" })
    const before = version()
    tables.erase(1, "k", { partitionId: PARTITION, from: 3n, to: 3n, batches: [] }, before)!(tables)
    expect(tables.of(1)!.rows.size).toBe(0)
    expect(tables.erase(1, "k", { partitionId: PARTITION, from: 4n, to: 4n, batches: [] }, version())).toBe(undefined)
    // What was read before that, and comes late.
    expect(tables.add(1, { partitionId: PARTITION, from: 3n, to: 6n, batches }, before)).toBe(undefined)
    expect(tables.erase(1, "k", { partitionId: PARTITION, from: 0n, to: 3n, batches }, before)).toBe(undefined)
  })
})
