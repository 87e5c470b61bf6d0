import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"
import { groupRowCodec, memberRowCodec, rowCodec } from "../machine/RowCodec.ts"
import type { GroupRow, MemberRowCodec, RowCodec } from "../machine/RowCodec.ts"
import type { PersistedShareGroup, PersistedShareMember } from "./ShareGroupState.ts"
import type { PersistedRange, PersistedSharePartition } from "./SharePartitionState.ts"

const MAX_CHARACTERS = 16 * 1024 * 1024
const MAX_PARTITION_CHARACTERS = 64 * 1024 * 1024

const Group = Schema.Struct({
  version: Schema.Literal(1),
  savedAtMs: Schema.Int,
  groupEpoch: Schema.Int,
  assignmentEpoch: Schema.Int
})

const Member = Schema.Struct({
  version: Schema.Literal(1),
  rackId: Schema.NullOr(Schema.String),
  clientId: Schema.String,
  clientHost: Schema.String,
  subscribedTopicNames: Schema.Array(Schema.String),
  memberEpoch: Schema.Int,
  previousMemberEpoch: Schema.Int
})

/** By their numbers in a row. */
const STATES = ["Available", "Acknowledged", "Archived"] as const

/** A text: an offset may be beyond what a JSON number holds. */
const Offset = Schema.String.check(Schema.isPattern(/^\d{1,19}$/))

/** A range in four places, as there may be thousands: its first offset, how many, its state's number, its deliveries. */
const StoredRange = Schema.Tuple([
  Offset,
  Schema.Int.check(Schema.isGreaterThan(0)),
  Schema.Literals([0, 1, 2]),
  Schema.Int
])
type StoredRange = typeof StoredRange.Type

const readRange = ([from, size, state, deliveryCount]: StoredRange): PersistedRange => {
  const first = BigInt(from)
  return { first, last: first + BigInt(size) - 1n, state: STATES[state], deliveryCount }
}
const writeRange = ({ deliveryCount, first, last, state }: PersistedRange): StoredRange => [
  String(first),
  Number(last - first) + 1,
  STATES.indexOf(state) as StoredRange[2],
  deliveryCount
]

const Partition = Schema.Struct({
  version: Schema.Literal(1),
  startOffset: Offset.pipe(
    Schema.decodeTo(Schema.BigInt, Transformation.transform({ decode: BigInt, encode: String }))
  ),
  ranges: Schema.Array(
    StoredRange.pipe(
      Schema.decodeTo(
        Schema.declare((input): input is PersistedRange => typeof input === "object" && input !== null),
        Transformation.transform({ decode: readRange, encode: writeRange })
      )
    )
  )
})

/** A group's own row: all but its members and partitions. */
export const groupRow: RowCodec<GroupRow<PersistedShareGroup>> = groupRowCodec(Group, 1, MAX_CHARACTERS)

export const memberRow: MemberRowCodec<PersistedShareMember> = memberRowCodec(Member, 1, MAX_CHARACTERS)

/** What the group has done with one partition, stored under the partition's id. */
export const partitionRow: RowCodec<PersistedSharePartition> = rowCodec(
  Partition,
  1,
  MAX_PARTITION_CHARACTERS,
  ({ ranges, startOffset, version }) => ({ version, startOffset: String(startOffset), ranges: ranges.map(writeRange) })
)
