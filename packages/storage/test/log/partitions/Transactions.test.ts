import { assert, describe, it } from "@effect/vitest"
import { InvalidTxnState } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { lastStableOffset } from "../../../src/log/partitions/PartitionLog.ts"
import type { PartitionLog } from "../../../src/log/partitions/PartitionLog.ts"
import { confirm, propose, proposeMarker, retract } from "../../../src/log/partitions/Proposal.ts"
import type { MayBegin } from "../../../src/log/partitions/Proposal.ts"
import type { Write } from "../../../src/port/Write.ts"
import { batchOf } from "../batch.ts"
import { limits, newLog } from "./newLog.ts"

const YES: MayBegin = () => undefined
const how = (mayBegin?: MayBegin) => ({ leaderEpoch: 5, nowMs: 1000n, limits, logAppendTime: -1n, mayBegin })

const send = (
  log: PartitionLog,
  producerId: bigint,
  baseSequence: number,
  { mayBegin = YES, producerEpoch = 0, writes = [] as Array<Write> } = {}
) => propose(log, batchOf({ producerId, producerEpoch, baseSequence, isTransactional: true }), how(mayBegin), writes)

const end = (
  log: PartitionLog,
  producerId: bigint,
  { committed = true, coordinatorEpoch = 5, producerEpoch = 1, raisesEpoch = true, writes = [] as Array<Write> } = {}
) => proposeMarker(log, { producerId, producerEpoch, coordinatorEpoch, committed, raisesEpoch }, how(), writes)

const confirmed = (log: PartitionLog) => confirm(log, 1000n, limits)

describe("transactions in a partition's log", () => {
  it("the first batch begins one, which holds the last stable offset back until the marker", () => {
    const log = newLog()
    const writes: Array<Write> = []
    propose(log, batchOf({ records: 2 }), how(), writes)
    send(log, 7n, 0, { writes })
    send(log, 7n, 1, { writes })
    assert.deepStrictEqual(
      writes.filter(({ _tag }) => _tag === "BeginTransaction"),
      [{ _tag: "BeginTransaction", partitionId: 1, producerId: 7n, firstOffset: 2n }]
    )
    assert.strictEqual(lastStableOffset(log), 0n)
    confirmed(log)
    assert.strictEqual(lastStableOffset(log), 2n)
    end(log, 7n, { writes })
    assert.strictEqual(lastStableOffset(log), 2n)
    assert.deepStrictEqual(confirmed(log), [])
    assert.deepStrictEqual([lastStableOffset(log), log.committed.endOffset], [5n, 5n])
    const ended = writes.find(({ _tag }) => _tag === "EndTransaction")
    assert.deepInclude(ended, { producerId: 7n, firstOffset: 2n, lastOffset: 4n, lastStableOffset: 5n, aborted: false })
  })

  it("a marker is a control batch of one record, of the producer, at an offset of its own", () => {
    const log = newLog()
    send(log, 7n, 0)
    const marker = end(log, 7n, { committed: false, coordinatorEpoch: 12 })
    assert.strictEqual(marker._tag, "Appended")
    if (marker._tag !== "Appended") return
    const { batch } = marker
    assert.isTrue(RecordBatch.isControl(batch) && RecordBatch.isTransactional(batch) && RecordBatch.isCrcValid(batch))
    assert.deepStrictEqual([RecordBatch.baseOffset(batch), RecordBatch.lastOffset(batch)], [1n, 1n])
    assert.deepStrictEqual([RecordBatch.producerId(batch), RecordBatch.producerEpoch(batch)], [7n, 1])
    const records = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 1000 })
    assert.isTrue(Array.isArray(records))
    if (!Array.isArray(records)) return
    // Version and type; version and the coordinator's epoch.
    assert.strictEqual(Buffer.from(records[0]!.key!).toString("hex"), "00000000")
    assert.strictEqual(Buffer.from(records[0]!.value!).toString("hex"), "00000000000c")
  })

  it("tells of those that were aborted, with how far all is decided then", () => {
    const log = newLog()
    send(log, 7n, 0)
    send(log, 8n, 0)
    send(log, 9n, 0)
    confirmed(log)
    end(log, 8n, { committed: false })
    assert.deepStrictEqual(confirmed(log), [{ producerId: 8n, firstOffset: 1n, lastOffset: 3n, lastStableOffset: 0n }])
    end(log, 7n, { committed: false })
    assert.deepStrictEqual(confirmed(log), [{ producerId: 7n, firstOffset: 0n, lastOffset: 4n, lastStableOffset: 2n }])
    assert.deepStrictEqual([lastStableOffset(log), log.lastAborted], [2n, 4n])
  })

  it("asks once whether one may begin, and refuses what may not", () => {
    const log = newLog()
    const asked: Array<number> = []
    const may: MayBegin = (partitionId) => void asked.push(partitionId)
    send(log, 7n, 0, { mayBegin: may })
    send(log, 7n, 1, { mayBegin: may })
    assert.deepStrictEqual(asked, [1])
    const error = new InvalidTxnState()
    assert.deepStrictEqual(send(log, 8n, 0, { mayBegin: () => error }), { _tag: "Refused", error })
    const alone = propose(
      log,
      batchOf({ producerId: 9n, producerEpoch: 0, baseSequence: 0, isTransactional: true }),
      how(),
      []
    )
    assert.strictEqual(alone._tag === "Refused" ? alone.error._tag : "", "InvalidTxnState")
  })

  it("asks anew behind an end, and when the producer's epoch is another one", () => {
    const log = newLog()
    let asked = 0
    const mayBegin: MayBegin = () => void asked++
    send(log, 7n, 0, { mayBegin })
    end(log, 7n)
    send(log, 7n, 0, { mayBegin, producerEpoch: 1 })
    assert.strictEqual(asked, 2)
    send(log, 7n, 0, { mayBegin, producerEpoch: 2 })
    assert.strictEqual(asked, 3)
  })

  it("an older epoch is refused behind a marker, in its own partition at once", () => {
    const log = newLog()
    send(log, 7n, 0)
    end(log, 7n)
    const late = send(log, 7n, 1)
    assert.strictEqual(late._tag === "Refused" ? late.error._tag : "", "InvalidProducerEpoch")
  })

  it("a batch outside the transaction of its producer is refused", () => {
    const log = newLog()
    send(log, 7n, 0)
    const outside = propose(log, batchOf({ producerId: 7n, producerEpoch: 0, baseSequence: 1 }), how(), [])
    assert.strictEqual(outside._tag === "Refused" ? outside.error._tag : "", "InvalidTxnState")
  })

  it("a repeated batch is found before anything is asked", () => {
    const log = newLog()
    send(log, 7n, 0)
    confirmed(log)
    end(log, 7n, { producerEpoch: 0, raisesEpoch: false })
    confirmed(log)
    const again = send(log, 7n, 0, { mayBegin: () => new InvalidTxnState() })
    assert.deepInclude(again, { _tag: "Duplicate", baseOffset: 0n })
  })

  it.each([
    ["raised: the records' epoch", { producerEpoch: 0 }, "InvalidProducerEpoch"],
    ["older: the records' epoch", { producerEpoch: 0, raisesEpoch: false }, "Appended"],
    ["an older coordinator", { coordinatorEpoch: 3 }, "TransactionCoordinatorFenced"]
  ])("a marker, %s: %s", (_, options, tag) => {
    const log = newLog()
    send(log, 7n, 0)
    end(log, 7n, { producerEpoch: 0, raisesEpoch: false, coordinatorEpoch: 4 })
    send(log, 7n, 1)
    assert.strictEqual(end(log, 7n, options)._tag, tag)
  })

  it("a marker that was decided in its commit ends what is open, whatever is known", () => {
    const log = newLog()
    send(log, 7n, 0, { producerEpoch: 4 })
    const marker = { producerId: 7n, producerEpoch: 2, coordinatorEpoch: 1, committed: true, raisesEpoch: true }
    assert.strictEqual(proposeMarker(log, marker, how(), [])._tag, "InvalidProducerEpoch")
    assert.strictEqual(proposeMarker(log, { ...marker, isDecided: true }, how(), [])._tag, "Appended")
    confirmed(log)
    assert.deepStrictEqual([log.openTransactions.size, log.producers.get(7n)?.producerEpoch], [0, 4])
  })

  it("a marker that comes again ends nothing, and is taken", () => {
    const log = newLog()
    const writes: Array<Write> = []
    send(log, 7n, 0)
    end(log, 7n, { writes })
    end(log, 7n, { writes })
    assert.strictEqual(writes.filter(({ _tag }) => _tag === "EndTransaction").length, 1)
    assert.strictEqual(writes.filter(({ _tag }) => _tag === "Append").length, 2)
  })

  it("what is taken back leaves no trace: neither a begin nor an end", () => {
    const log = newLog()
    const first = send(log, 7n, 0)
    if (first._tag === "Appended") retract(log, first.batch, first.before)
    assert.isUndefined(log.assumed)
    send(log, 7n, 0)
    confirmed(log)
    const marker = end(log, 7n, { committed: false })
    if (marker._tag === "Appended") retract(log, marker.batch, marker.before)
    confirmed(log)
    assert.deepStrictEqual([lastStableOffset(log), log.lastAborted], [0n, -1n])
    const next = send(log, 7n, 1, { mayBegin: () => new InvalidTxnState() })
    assert.strictEqual(next._tag, "Appended")
  })

  it("all is decided up to a log start beyond the first record of an open one", () => {
    const log = newLog()
    send(log, 7n, 0)
    send(log, 7n, 1)
    confirmed(log)
    log.logStartOffset = 1n
    assert.strictEqual(lastStableOffset(log), 1n)
  })
})
