import type {
  StoredBatchHead,
  StoredClaim,
  StoredGroup,
  StoredGroupMember,
  StoredOffset,
  StoredOpenTransaction,
  StoredPartition,
  StoredTransactionalId
} from "../../port/StateLoader.ts"
import type { AbortedTransaction } from "../../port/AbortedTransaction.ts"
import type { ReadRequest } from "../../port/BatchReader.ts"
import type { StoredBatchSize, StoredSize } from "../../port/Store.ts"
import { sizeOf } from "../../port/StoredBatch.ts"
import type { ObjectPointer, StoredBatch } from "../../port/StoredBatch.ts"
import type { ReadBatch } from "./Taking.ts"
import { run, statementsOf } from "../connection/Statement.ts"
import type { Row } from "../connection/PgConnection.ts"
import type { Statement } from "../connection/Statement.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { readTexts } from "../sql/bundle.ts"
import { unescapeText } from "./escapeText.ts"

/** The statements of reads, by name. Below are their parameters (`encode…`) and what their rows say (`decode…`). */
export const readStatements = statementsOf(readTexts)

const text = (value: Buffer | null | undefined): string => unescapeText(value!.toString("utf8"))
const int32 = (value: Buffer | null | undefined): number => value!.readInt32BE(0)
const int64 = (value: Buffer | null | undefined): bigint => value!.readBigInt64BE(0)

export const encodeRead = (frame: FrameWriter, requests: ReadonlyArray<ReadRequest>): void =>
  run(frame, readStatements.Read, 3, () => {
    frame.int32Array(requests, (request) => request.partitionId)
    frame.int64Array(requests, (request) => request.from)
    frame.int64Array(requests, (request) => BigInt(request.maxBytes))
  })

/** What is told of a batch without bytes: where they lie, and what the row knows better than they do. */
const decodePointer = (pointer: Buffer, nameBefore = ""): ObjectPointer => {
  const [baseOffset, leaderEpoch, maxTimestamp, position, bytes, name = nameBefore] = pointer
    .toString("latin1")
    .split(" ")
  return {
    name,
    position: Number(position),
    bytes: Number(bytes),
    baseOffset: BigInt(baseOffset!),
    leaderEpoch: Number(leaderEpoch),
    maxTimestamp: BigInt(maxTimestamp!)
  }
}

/** A batch by the last two columns of a row. */
export const decodeBatch = (bytes: Buffer | null, pointer: Buffer | null): StoredBatch =>
  bytes ?? decodePointer(pointer!)

/** What `Read` finds for one request. */
export interface FoundBatches {
  readonly batches: Array<ReadBatch>
  /** There may be more behind them that fit. */
  hasMore: boolean
}

/** In the order of the requests. A pointer without a name leads to the object of the one before it. */
export const decodeRead = (rows: ReadonlyArray<Row>, count: number): ReadonlyArray<FoundBatches> => {
  const found = Array.from({ length: count }, (): FoundBatches => ({ batches: [], hasMore: false }))
  let name = ""
  for (const [place, lastOffset, isLast, data, pointer] of rows) {
    const here = found[int32(place)]!
    here.hasMore = isLast![0] === 1
    let batch: StoredBatch
    if (data) batch = data
    else {
      batch = decodePointer(pointer!, name)
      name = batch.name
    }
    here.batches.push({ batch, bytes: sizeOf(batch), lastOffset: int64(lastOffset) })
  }
  return found
}

export const encodeFindByTimestamp = (frame: FrameWriter, partitionId: number, timestamp: bigint): void =>
  run(frame, readStatements.FindByTimestamp, 2, () => {
    frame.int32(4)
    frame.int32(partitionId)
    frame.int32(8)
    frame.int64(timestamp)
  })

export const encodeSizes = (frame: FrameWriter, partitionId: number, from: bigint, limit: number): void =>
  run(frame, readStatements.Sizes, 3, () => {
    frame.int32(4)
    frame.int32(partitionId)
    frame.int32(8)
    frame.int64(from)
    frame.int32(4)
    frame.int32(limit)
  })

export const encodeAbortedTransactions = (frame: FrameWriter, partitionId: number, from: bigint, to: bigint): void =>
  run(frame, readStatements.AbortedTransactions, 3, () => {
    frame.int32(4)
    frame.int32(partitionId)
    frame.int32(8)
    frame.int64(from)
    frame.int32(8)
    frame.int64(to)
  })

export const decodeAbortedTransaction = (row: Row): AbortedTransaction => ({
  producerId: int64(row[0]),
  firstOffset: int64(row[1]),
  lastOffset: int64(row[2]),
  lastStableOffset: int64(row[3])
})

export const decodeTransactionalId = (row: Row): StoredTransactionalId => ({
  transactionalId: text(row[0]),
  revision: int64(row[1]),
  value: text(row[2])
})

export const encodeSizeOf = (frame: FrameWriter, partitionId: number): void =>
  run(frame, readStatements.SizeOf, 1, () => {
    frame.int32(4)
    frame.int32(partitionId)
  })

export const decodeSizeOf = (row: Row): StoredSize => ({ cumulativeBytes: int64(row[0]), sizeBytes: int64(row[1]) })

export const decodeSize = (row: Row): StoredBatchSize => ({
  baseOffset: int64(row[0]),
  lastOffset: int64(row[1]),
  maxTimestamp: int64(row[2]),
  timestampHigh: int64(row[3]),
  cumulativeBytes: int64(row[4]),
  bytes: int32(row[5]),
  inObject: int32(row[6]) === 1
})

export const encodePartitionIds = (
  frame: FrameWriter,
  statement: Statement,
  partitionIds: ReadonlyArray<number>
): void => run(frame, statement, 1, () => frame.int32Array(partitionIds, (id) => id))

/** In order of ids; one that is not there is left out. */
export const decodePartitions = (
  rows: ReadonlyArray<Row>,
  epochRows: ReadonlyArray<Row>,
  batchRows: ReadonlyArray<Row>,
  openRows: ReadonlyArray<Row>
): ReadonlyArray<StoredPartition> => {
  const epochs = new Map<number, Array<{ readonly epoch: number; readonly startOffset: bigint }>>()
  for (const row of epochRows) {
    const partitionId = int32(row[0])
    const entry = { epoch: int32(row[1]), startOffset: int64(row[2]) }
    const known = epochs.get(partitionId)
    if (known === undefined) epochs.set(partitionId, [entry])
    else known.push(entry)
  }
  const batches = new Map<number, Array<StoredBatchHead>>()
  for (const row of batchRows) {
    const partitionId = int32(row[0])
    const head: StoredBatchHead = {
      baseOffset: int64(row[1]),
      lastOffset: int64(row[2]),
      maxTimestamp: int64(row[3]),
      producerId: int64(row[4]),
      producerEpoch: int32(row[5]),
      baseSequence: int32(row[6]),
      leaderEpoch: int32(row[7])
    }
    const known = batches.get(partitionId)
    if (known === undefined) batches.set(partitionId, [head])
    else known.push(head)
  }
  const open = new Map<number, Array<StoredOpenTransaction>>()
  for (const row of openRows) {
    const partitionId = int32(row[0])
    const transaction = { firstOffset: int64(row[1]), producerId: int64(row[2]) }
    const known = open.get(partitionId)
    if (known === undefined) open.set(partitionId, [transaction])
    else known.push(transaction)
  }
  const found = new Map<number, StoredPartition>()
  for (const row of rows) {
    const partitionId = int32(row[0])
    found.set(partitionId, {
      partitionId,
      failoverEpoch: int32(row[11]),
      logStartOffset: int64(row[1]),
      localStartOffset: int64(row[13]),
      endOffset: int64(row[2]),
      timestampHigh: int64(row[3]),
      cumulativeBytes: int64(row[4]),
      sizeBytes: row[5] === null ? undefined : int64(row[5]),
      leaderEpochs: epochs.get(partitionId) ?? [],
      compaction:
        row[8] === null
          ? null
          : { cleanedOffset: int64(row[8]), cleanedBytes: int64(row[9]), deleteHorizon: int64(row[10]) },
      producerSnapshot: row[6] === null ? null : { endOffset: int64(row[6]), value: Uint8Array.from(row[7]!) },
      producerBatches: batches.get(partitionId) ?? [],
      openTransactions: open.get(partitionId) ?? [],
      lastAborted: int64(row[12])
    })
  }
  return Array.from(found.values()).sort((a, b) => a.partitionId - b.partitionId)
}

export const decodeOffset = (row: Row): StoredOffset => ({
  groupId: text(row[0]),
  partitionId: int32(row[1]),
  offset: int64(row[2]),
  leaderEpoch: int32(row[3]),
  commitTimestamp: int64(row[4]),
  expireTimestamp: int64(row[5]),
  metadata: row[6] === null ? null : text(row[6])
})

export const decodeClaim = (row: Row): StoredClaim => ({ groupId: text(row[0]), partitionId: int32(row[1]) })

/** Rows in order of groups, one for each member stored apart, or one without any. */
export const decodeGroups = (rows: ReadonlyArray<Row>): ReadonlyArray<StoredGroup> => {
  const groups: Array<StoredGroup & { members?: Array<StoredGroupMember> }> = []
  for (const row of rows) {
    const groupId = text(row[0])
    let group = groups.at(-1)
    if (group?.groupId !== groupId) groups.push((group = { groupId, kind: text(row[1]), value: text(row[2]) }))
    if (row[3] === null) continue
    group.members ??= []
    group.members.push({ memberId: text(row[3]), value: text(row[4]) })
  }
  return groups
}
