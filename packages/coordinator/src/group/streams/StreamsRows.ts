import * as Schema from "effect/Schema"
import * as Transformation from "effect/SchemaTransformation"
import { groupRowCodec, mapOf, memberRowCodec } from "../machine/RowCodec.ts"
import type { GroupRow, MemberRowCodec, RowCodec } from "../machine/RowCodec.ts"
import type { PersistedStreamsGroup, PersistedStreamsMember } from "./StreamsGroupState.ts"

const MAX_CHARACTERS = 32 * 1024 * 1024

const Pair = Schema.Struct({ key: Schema.String, value: Schema.String })

const InternalTopic = Schema.Struct({
  name: Schema.String,
  partitions: Schema.Int,
  replicationFactor: Schema.Int,
  topicConfigs: Schema.Array(Pair)
})

const Topology = Schema.Struct({
  epoch: Schema.Int,
  subtopologies: Schema.Array(
    Schema.Struct({
      subtopologyId: Schema.String,
      sourceTopics: Schema.Array(Schema.String),
      stateChangelogTopics: Schema.Array(InternalTopic),
      repartitionSinkTopics: Schema.Array(Schema.String),
      repartitionSourceTopics: Schema.Array(InternalTopic),
      copartitionGroups: Schema.Array(
        Schema.Struct({
          sourceTopics: Schema.Array(Schema.Int),
          repartitionSourceTopics: Schema.Array(Schema.Int)
        })
      )
    })
  )
})

const Group = Schema.Struct({
  version: Schema.Literal(1),
  savedAtMs: Schema.Int,
  groupEpoch: Schema.Int,
  assignmentEpoch: Schema.Int,
  topology: Schema.NullOr(Topology),
  validatedTopologyEpoch: Schema.Int,
  topicsSeen: Schema.String,
  standbyReplicas: Schema.Int
})

/** Partitions of a subtopology's tasks, as a list. */
const Partitions: Schema.Codec<ReadonlySet<number>, ReadonlyArray<number>> = Schema.Array(Schema.Int).pipe(
  Schema.decodeTo(
    Schema.declare((input): input is ReadonlySet<number> => input instanceof Set),
    Transformation.transform<ReadonlySet<number>, ReadonlyArray<number>>({
      decode: (partitions) => new Set(partitions),
      encode: (partitions) => Array.from(partitions)
    })
  )
)

/** Those that are held, by the epoch at which they were given: `{ epoch: [partitions] }`. */
const HeldPartitions: Schema.Codec<
  ReadonlyMap<number, number>,
  Readonly<Record<string, ReadonlyArray<number>>>
> = Schema.Record(Schema.String.check(Schema.isPattern(/^-?\d{1,15}$/)), Schema.Array(Schema.Int)).pipe(
  Schema.decodeTo(
    Schema.declare((input): input is ReadonlyMap<number, number> => input instanceof Map),
    Transformation.transform<ReadonlyMap<number, number>, Readonly<Record<string, ReadonlyArray<number>>>>({
      decode: (byEpoch) => {
        const held = new Map<number, number>()
        for (const [epoch, partitions] of Object.entries(byEpoch)) {
          for (const partition of partitions) held.set(partition, Number(epoch))
        }
        return held
      },
      encode: (held) => {
        const byEpoch: Record<string, Array<number>> = {}
        for (const [partition, epoch] of held) (byEpoch[epoch] ??= []).push(partition)
        return byEpoch
      }
    })
  )
)

/** By role, then by subtopology. */
const byRole = <A, I>(partitions: Schema.Codec<A, I>) => {
  const tasks = mapOf(partitions)
  return Schema.Struct({ active: tasks, standby: tasks, warmup: tasks })
}

const Member = Schema.Struct({
  version: Schema.Literal(1),
  memberEpoch: Schema.Int,
  previousEpoch: Schema.Int,
  phase: Schema.Literals(["Stable", "UnrevokedTasks", "UnreleasedTasks"]),
  rackId: Schema.NullOr(Schema.String),
  clientId: Schema.String,
  clientHost: Schema.String,
  rebalanceTimeoutMs: Schema.Int,
  topologyEpoch: Schema.Int,
  processId: Schema.String,
  userEndpoint: Schema.NullOr(Schema.Struct({ host: Schema.String, port: Schema.Int })),
  clientTags: Schema.Array(Pair),
  held: byRole(HeldPartitions),
  revoking: byRole(HeldPartitions),
  target: byRole(Partitions)
})

/** A group's own row: all but its members. */
export const groupRow: RowCodec<GroupRow<PersistedStreamsGroup>> = groupRowCodec(Group, 1, MAX_CHARACTERS)

export const memberRow: MemberRowCodec<PersistedStreamsMember> = memberRowCodec(Member, 1, MAX_CHARACTERS)
