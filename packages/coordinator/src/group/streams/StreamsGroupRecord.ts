import * as Result from "effect/Result"
import type { TaskAssignment, TaskIds } from "../../assignor/StickyTask.ts"
import type { PersistedStreamsGroup, PersistedStreamsMember } from "./StreamsGroupState.ts"
import type { Held, HeldTasks } from "./Tasks.ts"
import type { CopartitionGroup, InternalTopicInfo, Subtopology, Topology } from "./Topology.ts"

/** The form written; a reader refuses what it does not know. */
const VERSION = 1
/** A longer text is not parsed. */
const MAX_CHARACTERS = 128 * 1024 * 1024

/** A group as it lies in the store. */
export interface StreamsGroupRecord {
  readonly group: PersistedStreamsGroup
  /** Milliseconds since the epoch at which the group came into this state. */
  readonly savedAtMs: number
}

/** To JSON. Tasks: `{ subtopology: [partitions] }`, those held `{ subtopology: { epoch: [partitions] } }`. */
export const encode = ({ group, savedAtMs }: StreamsGroupRecord): string =>
  JSON.stringify({
    version: VERSION,
    savedAtMs,
    ...group,
    members: group.members.map((member) => ({
      ...member,
      held: mapRoles(member.held, fromHeld),
      revoking: mapRoles(member.revoking, fromHeld),
      target: mapRoles(member.target, fromTasks)
    }))
  })

/** What `encode` wrote, or why it cannot be that. */
export const decode = (value: string): Result.Result<StreamsGroupRecord, string> => {
  if (value.length > MAX_CHARACTERS) return Result.fail(`${value.length} characters are too many for a group`)
  try {
    const record = object(JSON.parse(value), "group")
    if (record["version"] !== VERSION)
      return Result.fail(`version ${String(record["version"])} of a group is not known`)
    return Result.succeed({
      savedAtMs: integer(record["savedAtMs"], "savedAtMs"),
      group: {
        groupEpoch: integer(record["groupEpoch"], "groupEpoch"),
        assignmentEpoch: integer(record["assignmentEpoch"], "assignmentEpoch"),
        topology: record["topology"] === null ? null : toTopology(record["topology"]),
        validatedTopologyEpoch: integer(record["validatedTopologyEpoch"], "validatedTopologyEpoch"),
        topicsSeen: string(record["topicsSeen"], "topicsSeen"),
        standbyReplicas: integer(record["standbyReplicas"], "standbyReplicas"),
        members: array(record["members"], "members").map(toMember)
      }
    })
  } catch (error) {
    if (error instanceof Mismatch || error instanceof SyntaxError) return Result.fail(error.message)
    throw error
  }
}

interface Roles<A> {
  readonly active: A
  readonly standby: A
  readonly warmup: A
}
const mapRoles = <A, B>({ active, standby, warmup }: Roles<A>, to: (tasks: A) => B): Roles<B> => ({
  active: to(active),
  standby: to(standby),
  warmup: to(warmup)
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

const toAssignment = (value: unknown): TaskAssignment =>
  mapRoles(roles(value), (tasks) => new Map(entries(tasks).map(([id, list]) => [id, new Set(integers(list))])))

const toHeld = (value: unknown): Held =>
  mapRoles(
    roles(value),
    (tasks): HeldTasks =>
      new Map(
        entries(tasks).map(([id, byEpoch]) => [
          id,
          new Map(
            entries(byEpoch).flatMap(([epoch, list]) =>
              integers(list).map((partition) => [partition, integer(Number(epoch), "epoch")] as const)
            )
          )
        ])
      )
  )

const roles = (value: unknown): Roles<unknown> => {
  const { active, standby, warmup } = object(value, "tasks")
  return { active, standby, warmup }
}

const toMember = (value: unknown): PersistedStreamsMember => {
  const member = object(value, "member")
  const phase = member["phase"]
  if (phase !== "Stable" && phase !== "UnrevokedTasks" && phase !== "UnreleasedTasks") {
    throw new Mismatch("phase is none")
  }
  return {
    memberId: string(member["memberId"], "memberId"),
    memberEpoch: integer(member["memberEpoch"], "memberEpoch"),
    previousEpoch: integer(member["previousEpoch"], "previousEpoch"),
    phase,
    rackId: member["rackId"] === null ? null : string(member["rackId"], "rackId"),
    clientId: string(member["clientId"], "clientId"),
    clientHost: string(member["clientHost"], "clientHost"),
    rebalanceTimeoutMs: integer(member["rebalanceTimeoutMs"], "rebalanceTimeoutMs"),
    topologyEpoch: integer(member["topologyEpoch"], "topologyEpoch"),
    processId: string(member["processId"], "processId"),
    userEndpoint: member["userEndpoint"] === null ? null : toEndpoint(member["userEndpoint"]),
    clientTags: array(member["clientTags"], "clientTags").map(toPair),
    held: toHeld(member["held"]),
    revoking: toHeld(member["revoking"]),
    target: toAssignment(member["target"])
  }
}

const toEndpoint = (value: unknown) => {
  const endpoint = object(value, "userEndpoint")
  return { host: string(endpoint["host"], "host"), port: integer(endpoint["port"], "port") }
}

const toTopology = (value: unknown): Topology => {
  const topology = object(value, "topology")
  return {
    epoch: integer(topology["epoch"], "epoch"),
    subtopologies: array(topology["subtopologies"], "subtopologies").map(toSubtopology)
  }
}

const toSubtopology = (value: unknown): Subtopology => {
  const subtopology = object(value, "subtopology")
  return {
    subtopologyId: string(subtopology["subtopologyId"], "subtopologyId"),
    sourceTopics: strings(subtopology["sourceTopics"]),
    stateChangelogTopics: array(subtopology["stateChangelogTopics"], "stateChangelogTopics").map(toInfo),
    repartitionSinkTopics: strings(subtopology["repartitionSinkTopics"]),
    repartitionSourceTopics: array(subtopology["repartitionSourceTopics"], "repartitionSourceTopics").map(toInfo),
    copartitionGroups: array(subtopology["copartitionGroups"], "copartitionGroups").map(toCopartition)
  }
}

const toInfo = (value: unknown): InternalTopicInfo => {
  const info = object(value, "topic")
  return {
    name: string(info["name"], "name"),
    partitions: integer(info["partitions"], "partitions"),
    replicationFactor: integer(info["replicationFactor"], "replicationFactor"),
    topicConfigs: array(info["topicConfigs"], "topicConfigs").map(toPair)
  }
}

const toCopartition = (value: unknown): CopartitionGroup => {
  const group = object(value, "copartition group")
  return {
    sourceTopics: integers(group["sourceTopics"]),
    repartitionSourceTopics: integers(group["repartitionSourceTopics"])
  }
}

const toPair = (value: unknown) => {
  const pair = object(value, "pair")
  return { key: string(pair["key"], "key"), value: string(pair["value"], "value") }
}

/** Never leaves this file. */
class Mismatch extends Error {}

const expected = (what: string, name: string): never => {
  throw new Mismatch(`${name} is not ${what}`)
}
const object = (value: unknown, name: string): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : expected("an object", name)
const entries = (value: unknown): ReadonlyArray<readonly [string, unknown]> => Object.entries(object(value, "tasks"))
const array = (value: unknown, name: string): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : expected("an array", name)
const string = (value: unknown, name: string): string => (typeof value === "string" ? value : expected("a text", name))
const strings = (value: unknown): ReadonlyArray<string> => array(value, "names").map((name) => string(name, "name"))
const integer = (value: unknown, name: string): number =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : expected("an integer", name)
const integers = (value: unknown): ReadonlyArray<number> => array(value, "numbers").map((each) => integer(each, "one"))
