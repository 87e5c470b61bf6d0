import type * as Result from "effect/Result"
import type { TaskAssignment, TaskIds } from "../../assignor/StickyTask.ts"
import * as Read from "../machine/RecordFields.ts"
import type { PersistedStreamsGroup, PersistedStreamsMember } from "./StreamsGroupState.ts"
import type { Held, HeldTasks, TaskRole } from "./Tasks.ts"
import type { CopartitionGroup, InternalTopicInfo, Subtopology, Topology } from "./Topology.ts"

/** The form written; a reader refuses what it does not know. */
const VERSION = 1
/** A longer text is not parsed. */
const MAX_CHARACTERS = 32 * 1024 * 1024

const PHASES: ReadonlyArray<PersistedStreamsMember["phase"]> = ["Stable", "UnrevokedTasks", "UnreleasedTasks"]

/** A group's own row: all but its members. */
export interface StreamsGroupRecord {
  readonly group: PersistedStreamsGroup
  /** Milliseconds since the epoch at which the group came into this state. */
  readonly savedAtMs: number
}

export const encodeGroup = ({ group, savedAtMs }: StreamsGroupRecord): string =>
  JSON.stringify({ version: VERSION, savedAtMs, ...group })

/** What `encodeGroup` wrote, or why it cannot be that. */
export const decodeGroup = (value: string): Result.Result<StreamsGroupRecord, string> =>
  Read.reading(value, MAX_CHARACTERS, (json) => {
    const record = Read.object(json, "group")
    Read.version(record, VERSION)
    const integer = (name: string) => Read.integer(record[name], name)
    return {
      savedAtMs: integer("savedAtMs"),
      group: {
        groupEpoch: integer("groupEpoch"),
        assignmentEpoch: integer("assignmentEpoch"),
        topology: record["topology"] === null ? null : toTopology(record["topology"]),
        validatedTopologyEpoch: integer("validatedTopologyEpoch"),
        topicsSeen: Read.string(record["topicsSeen"], "topicsSeen"),
        standbyReplicas: integer("standbyReplicas")
      }
    }
  })

/** A member's row. Tasks: `{ subtopology: [partitions] }`, those held `{ subtopology: { epoch: [partitions] } }`. */
export const encodeMember = ({ held, memberId: _key, revoking, target, ...rest }: PersistedStreamsMember): string =>
  JSON.stringify({
    version: VERSION,
    ...rest,
    held: byRole((role) => fromHeld(held[role])),
    revoking: byRole((role) => fromHeld(revoking[role])),
    target: byRole((role) => fromTasks(target[role]))
  })

/** What `encodeMember` wrote, or why it cannot be that. */
export const decodeMember = (memberId: string, value: string): Result.Result<PersistedStreamsMember, string> =>
  Read.reading(value, MAX_CHARACTERS, (json): PersistedStreamsMember => {
    const record = Read.object(json, "member")
    Read.version(record, VERSION)
    const text = (name: string) => Read.string(record[name], name)
    const integer = (name: string) => Read.integer(record[name], name)
    const { userEndpoint } = record
    return {
      memberId,
      memberEpoch: integer("memberEpoch"),
      previousEpoch: integer("previousEpoch"),
      phase: PHASES.find((phase) => phase === record["phase"]) ?? "UnreleasedTasks",
      rackId: Read.nullable(record["rackId"], "rackId"),
      clientId: text("clientId"),
      clientHost: text("clientHost"),
      rebalanceTimeoutMs: integer("rebalanceTimeoutMs"),
      topologyEpoch: integer("topologyEpoch"),
      processId: text("processId"),
      userEndpoint: userEndpoint === null ? null : toEndpoint(userEndpoint),
      clientTags: list(record["clientTags"], toPair),
      held: toHeld(record["held"]),
      revoking: toHeld(record["revoking"]),
      target: toAssignment(record["target"])
    }
  })

const byRole = <A>(of: (role: TaskRole) => A): { readonly [Role in TaskRole]: A } => ({
  active: of("active"),
  standby: of("standby"),
  warmup: of("warmup")
})

const fromTasks = (tasks: TaskIds): Record<string, ReadonlyArray<number>> =>
  Object.fromEntries(Array.from(tasks, ([id, partitions]) => [id, Array.from(partitions)]))

const fromHeld = (tasks: HeldTasks): Record<string, Record<string, ReadonlyArray<number>>> =>
  Object.fromEntries(
    Array.from(tasks, ([id, partitions]) => {
      const byEpoch: Record<string, Array<number>> = {}
      for (const [partition, epoch] of partitions) (byEpoch[epoch] ??= []).push(partition)
      return [id, byEpoch]
    })
  )

const entries = (value: unknown): ReadonlyArray<readonly [string, unknown]> =>
  Object.entries(Read.object(value, "tasks"))

const toAssignment = (value: unknown): TaskAssignment => {
  const roles = Read.object(value, "target")
  return byRole((role) => new Map(entries(roles[role]).map(([id, partitions]) => [id, new Set(integers(partitions))])))
}

const toHeld = (value: unknown): Held => {
  const roles = Read.object(value, "held")
  return byRole((role) => new Map(entries(roles[role]).map(([id, byEpoch]) => [id, toPartitions(byEpoch)])))
}

const toPartitions = (byEpoch: unknown): ReadonlyMap<number, number> =>
  new Map(
    entries(byEpoch).flatMap(([epoch, partitions]) =>
      integers(partitions).map((partition) => [partition, Read.integer(Number(epoch), "epoch")] as const)
    )
  )

const toEndpoint = (value: unknown) => {
  const endpoint = Read.object(value, "userEndpoint")
  return { host: Read.string(endpoint["host"], "host"), port: Read.integer(endpoint["port"], "port") }
}

const toTopology = (value: unknown): Topology => {
  const topology = Read.object(value, "topology")
  return {
    epoch: Read.integer(topology["epoch"], "epoch"),
    subtopologies: list(topology["subtopologies"], toSubtopology)
  }
}

const toSubtopology = (value: unknown): Subtopology => {
  const subtopology = Read.object(value, "subtopology")
  return {
    subtopologyId: Read.string(subtopology["subtopologyId"], "subtopologyId"),
    sourceTopics: list(subtopology["sourceTopics"], toName),
    stateChangelogTopics: list(subtopology["stateChangelogTopics"], toInfo),
    repartitionSinkTopics: list(subtopology["repartitionSinkTopics"], toName),
    repartitionSourceTopics: list(subtopology["repartitionSourceTopics"], toInfo),
    copartitionGroups: list(subtopology["copartitionGroups"], toCopartition)
  }
}

const toInfo = (value: unknown): InternalTopicInfo => {
  const info = Read.object(value, "topic")
  return {
    name: Read.string(info["name"], "name"),
    partitions: Read.integer(info["partitions"], "partitions"),
    replicationFactor: Read.integer(info["replicationFactor"], "replicationFactor"),
    topicConfigs: list(info["topicConfigs"], toPair)
  }
}

const toCopartition = (value: unknown): CopartitionGroup => {
  const group = Read.object(value, "copartition group")
  return {
    sourceTopics: integers(group["sourceTopics"]),
    repartitionSourceTopics: integers(group["repartitionSourceTopics"])
  }
}

const toPair = (value: unknown) => {
  const pair = Read.object(value, "pair")
  return { key: Read.string(pair["key"], "key"), value: Read.string(pair["value"], "value") }
}

const list = <A>(value: unknown, each: (element: unknown) => A): ReadonlyArray<A> => Read.array(value, "list").map(each)
const toName = (value: unknown): string => Read.string(value, "name")
const integers = (value: unknown): ReadonlyArray<number> => list(value, (one) => Read.integer(one, "number"))
