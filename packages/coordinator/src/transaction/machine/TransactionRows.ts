import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"
import { mapOf, rowCodec } from "../../group/machine/RowCodec.ts"
import type { RowCodec } from "../../group/machine/RowCodec.ts"
import type { PendingOffset, TransactionState } from "./TransactionState.ts"

/** 100,000 partitions and as many offsets. */
const MAX_CHARACTERS = 64 * 1024 * 1024

/** A text: a number may be beyond what a JSON number holds. */
const Long = Schema.String.check(Schema.isPattern(/^-?\d{1,19}$/)).pipe(
  Schema.decodeTo(Schema.BigInt, Transformation.transform({ decode: BigInt, encode: String }))
)

const Offset = Schema.Struct({
  partitionId: Schema.Int,
  offset: Long,
  leaderEpoch: Schema.Int,
  metadata: Schema.NullOr(Schema.String),
  commitTimestamp: Long,
  expireTimestamp: Long,
  former: Schema.NullOr(Schema.Struct({ offset: Long, commitTimestamp: Long }))
})
type StoredOffset = typeof Offset.Encoded

const State = Schema.Struct({
  version: Schema.Literal(1),
  producerId: Long,
  previousProducerId: Long,
  producerEpoch: Schema.Int,
  lastProducerEpoch: Schema.Int,
  timeoutMs: Schema.Int,
  phase: Schema.Literals(["Empty", "Ongoing", "CompleteCommit", "CompleteAbort"]),
  partitionIds: Schema.Array(Schema.Int),
  groups: mapOf(Schema.Array(Offset)),
  startedAtMs: Schema.Int,
  updatedAtMs: Schema.Int,
  failoverEpoch: Schema.Int
})
type Row = Omit<typeof State.Type, "version">

const writeOffset = ({ former, ...offset }: PendingOffset): StoredOffset => ({
  partitionId: offset.partitionId,
  offset: String(offset.offset),
  leaderEpoch: offset.leaderEpoch,
  metadata: offset.metadata,
  commitTimestamp: String(offset.commitTimestamp),
  expireTimestamp: String(offset.expireTimestamp),
  former: former === null ? null : { offset: String(former.offset), commitTimestamp: String(former.commitTimestamp) }
})

const rows: RowCodec<Row> = rowCodec(State, 1, MAX_CHARACTERS, (row) => ({
  ...row,
  producerId: String(row.producerId),
  previousProducerId: String(row.previousProducerId),
  groups: Object.fromEntries(Array.from(row.groups, ([groupId, offsets]) => [groupId, offsets.map(writeOffset)]))
}))

/** All that is kept of a transactional id. */
export const transactionRow: RowCodec<TransactionState> = {
  encode: (state) =>
    rows.encode({
      ...state,
      partitionIds: Array.from(state.partitionIds),
      groups: new Map(Array.from(state.groups, ([groupId, offsets]) => [groupId, Array.from(offsets.values())]))
    }),
  decode: (row) => {
    return Result.map(rows.decode(row), ({ groups, partitionIds, ...state }) => ({
      ...state,
      partitionIds: new Set(partitionIds),
      groups: new Map(Array.from(groups, ([groupId, offsets]) => [groupId, byPartition(offsets)]))
    }))
  }
}

const byPartition = (offsets: ReadonlyArray<PendingOffset>): ReadonlyMap<number, PendingOffset> =>
  new Map(offsets.map((offset) => [offset.partitionId, offset]))
