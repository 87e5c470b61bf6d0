import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"
import { Base64, groupRowCodec, mapOf, memberRowCodec } from "../machine/RowCodec.ts"
import type { GroupRow, MemberRowCodec, RowCodec } from "../machine/RowCodec.ts"
import type { PersistedGroup, PersistedMember } from "./ConsumerGroupState.ts"

const MAX_CHARACTERS = 32 * 1024 * 1024

const Group = Schema.Struct({
  version: Schema.Literal(1),
  savedAtMs: Schema.Int,
  groupEpoch: Schema.Int,
  assignmentEpoch: Schema.Int,
  metadataHash: Schema.Int
})

/** Partitions and the epoch of each, two numbers a partition. */
const Epochs: Schema.Codec<ReadonlyMap<number, number>, ReadonlyArray<number>> = Schema.Array(Schema.Int)
  .check(Schema.makeFilter((numbers) => numbers.length % 2 === 0, { expected: "pairs of numbers" }))
  .pipe(
    Schema.decodeTo(
      Schema.declare((input): input is ReadonlyMap<number, number> => input instanceof Map),
      Transformation.transform<ReadonlyMap<number, number>, ReadonlyArray<number>>({
        decode: (numbers) => {
          const epochs = new Map<number, number>()
          for (let i = 0; i < numbers.length; i += 2) epochs.set(numbers[i]!, numbers[i + 1]!)
          return epochs
        },
        encode: (epochs) => Array.from(epochs).flat()
      })
    )
  )

const Assigned = mapOf(Epochs)

const Member = Schema.Struct({
  version: Schema.Literal(1),
  instanceId: Schema.NullOr(Schema.String),
  rackId: Schema.NullOr(Schema.String),
  clientId: Schema.String,
  clientHost: Schema.String,
  rebalanceTimeoutMs: Schema.Int,
  subscribedTopicNames: Schema.Array(Schema.String),
  subscribedTopicRegex: Schema.String,
  serverAssignor: Schema.NullOr(Schema.String),
  memberEpoch: Schema.Int,
  previousMemberEpoch: Schema.Int,
  state: Schema.Literals(["Stable", "UnrevokedPartitions", "UnreleasedPartitions"]),
  assigned: Assigned,
  pendingRevocation: Assigned,
  classic: Schema.NullOr(
    Schema.Struct({
      sessionTimeoutMs: Schema.Int,
      protocols: Schema.Array(Schema.Struct({ name: Schema.String, metadata: Base64 }))
    })
  )
})

/** A group's own row: all but its members. */
export const groupRow: RowCodec<GroupRow<PersistedGroup>> = groupRowCodec(Group, 1, MAX_CHARACTERS)

export const memberRow: MemberRowCodec<PersistedMember> = memberRowCodec(Member, 1, MAX_CHARACTERS)
