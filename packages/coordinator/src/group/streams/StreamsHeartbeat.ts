import { FencedMemberEpoch, GroupMaxSizeReached, InvalidRequest, UnknownMemberId } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { assignTasks, NOTHING_ASSIGNED } from "../../assignor/StickyTask.ts"
import type { TaskAssignment, TaskSource } from "../../assignor/StickyTask.ts"
import { configureTopology } from "./ConfiguredTopology.ts"
import type { ConfiguredSubtopology, ConfiguredTopology } from "./ConfiguredTopology.ts"
import { endpointPartitions } from "./Endpoints.ts"
import { reconcile, taskOwners } from "./Reconcile.ts"
import { Answer } from "./StreamsGroupState.ts"
import type { StreamsGroupState, StreamsHeartbeatEvent, StreamsMember } from "./StreamsGroupState.ts"
import type { TopicsView } from "./TopicsView.ts"
import type { StreamsDraft } from "./StreamsDraft.ts"
import type { StreamsStatus } from "./StreamsStatus.ts"
import { areWithin, isHeld, NOTHING_HELD, sameAssignment, TASK_ROLES } from "./Tasks.ts"
import { requiredTopics, sameTopology } from "./Topology.ts"
import type { Topology } from "./Topology.ts"

/** More tasks than this are too many for one group. */
const MAX_TASKS = 100_000

/** The refusal, if it is one: then nothing of the draft counts. */
export const heartbeat = (draft: StreamsDraft, event: StreamsHeartbeatEvent): KafkaError | null => {
  const { group } = draft
  const known = group.members.get(event.memberId)
  const unwelcome = admit(group, event, known)
  if (unwelcome !== null) return unwelcome
  const before = known ?? newMember(event.memberId)
  const told = withNews(before, event)
  let bump = told !== before

  const status: Array<StreamsStatus> = []
  const topology = topologyOf(group, event.topology)
  if ("_tag" in topology) return topology
  if (group.topology !== null && told.topologyEpoch < topology.epoch) status.push(stale(told.topologyEpoch, topology))
  if (group.topology === null) {
    group.topology = topology
    bump = true
  }

  const configured = configure(group, topology, event.topics)
  if ("_tag" in configured) return configured
  if (configured.seen !== group.topicsSeen) {
    group.topicsSeen = configured.seen
    bump = true
  }
  group.configured = configured.topology
  group.topicsVersion = configured.version
  const astray =
    configured.topology.subtopologies !== null && configured.topology.problem === null
      ? unknownTask(configured.topology.subtopologies, event.owned)
      : null
  if (astray !== null) return astray

  const validated = configured.topology.problem === null ? topology.epoch : -1
  if (validated !== group.validatedTopologyEpoch) {
    group.validatedTopologyEpoch = validated
    bump = true
  }
  if (group.standbyReplicas !== event.terms.streamsNumStandbyReplicas) {
    group.standbyReplicas = event.terms.streamsNumStandbyReplicas
    bump = true
  }
  if (bump) group.groupEpoch++
  const { streamsInitialRebalanceDelayMs: delayMs } = event.terms
  if (group.members.size === 0 && delayMs > 0 && group.initialDeadlineMs === Infinity) {
    draft.setInitialDeadline(draft.now + delayMs)
  }
  const owners = () => taskOwners(draft.group.members.values())
  draft.put(told)
  const target = targetFor(draft, event, status)
  const current = draft.group.members.get(event.memberId)!
  const reconciled = reconcile(current, target, event.owned, owners)
  draft.put({
    ...reconciled,
    sessionDeadlineMs: draft.now + event.terms.streamsSessionTimeoutMs,
    rebalanceDeadlineMs: rebalanceDeadline(draft.now, current, reconciled)
  })
  if (event.shutdownApplication) group.shutdownBy ??= event.memberId
  // a member that says it has something else may have lost the answer that told it
  const tell =
    event.memberEpoch === 0 ||
    reconciled.held !== before.held ||
    (event.owned !== null && !isHeld(event.owned, reconciled.held))
  draft.reply(event.waiter, answer(draft, event, reconciled, tell, status))
  return null
}

const admit = (
  { members }: StreamsGroupState,
  { memberEpoch, memberId, owned, terms }: StreamsHeartbeatEvent,
  member: StreamsMember | undefined
): KafkaError | null => {
  if (memberEpoch === 0) {
    return member === undefined && members.size >= terms.streamsMaxSize
      ? new GroupMaxSizeReached({
          message: `The streams group has reached its maximum capacity of ${terms.streamsMaxSize} members.`
        })
      : null
  }
  if (member === undefined) return unknownMember(memberId)
  if (memberEpoch === member.memberEpoch) return null
  // it did not get the answer that told of its newer epoch
  const late = memberEpoch === member.previousEpoch && owned !== null && areWithin(owned, member.held)
  if (late) return null
  const how = memberEpoch > member.memberEpoch ? "greater" : "smaller"
  return new FencedMemberEpoch({
    message: `The streams group member has a ${how} member epoch (${memberEpoch}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`
  })
}

export const unknownMember = (memberId: string): UnknownMemberId =>
  new UnknownMemberId({ message: `Member ${memberId} is not a member of the group.` })

const newMember = (memberId: string): StreamsMember => ({
  memberId,
  memberEpoch: 0,
  previousEpoch: 0,
  phase: "Stable",
  rackId: null,
  clientId: "",
  clientHost: "",
  rebalanceTimeoutMs: -1,
  topologyEpoch: -1,
  processId: "",
  userEndpoint: null,
  clientTags: [],
  held: NOTHING_HELD,
  revoking: NOTHING_HELD,
  target: NOTHING_ASSIGNED,
  sessionDeadlineMs: Infinity,
  rebalanceDeadlineMs: Infinity
})

/** The same object if the member tells nothing new of itself. */
const withNews = (member: StreamsMember, event: StreamsHeartbeatEvent): StreamsMember => {
  const told: StreamsMember = {
    ...member,
    clientId: event.clientId,
    clientHost: event.clientHost,
    rackId: event.rackId ?? member.rackId,
    rebalanceTimeoutMs: event.rebalanceTimeoutMs === -1 ? member.rebalanceTimeoutMs : event.rebalanceTimeoutMs,
    topologyEpoch: event.topology?.epoch ?? member.topologyEpoch,
    processId: event.processId ?? member.processId,
    userEndpoint: event.userEndpoint ?? member.userEndpoint,
    clientTags: event.clientTags ?? member.clientTags
  }
  const same =
    told.clientId === member.clientId &&
    told.clientHost === member.clientHost &&
    told.rackId === member.rackId &&
    told.rebalanceTimeoutMs === member.rebalanceTimeoutMs &&
    told.topologyEpoch === member.topologyEpoch &&
    told.processId === member.processId &&
    told.userEndpoint?.host === member.userEndpoint?.host &&
    told.userEndpoint?.port === member.userEndpoint?.port &&
    told.clientTags.length === member.clientTags.length &&
    told.clientTags.every(({ key, value }) =>
      member.clientTags.some((other) => other.key === key && other.value === value)
    )
  return same ? member : told
}

/** The group's topology, or the first one told; another one of the same or a later epoch is refused, as in 4.3.1. */
const topologyOf = (group: StreamsGroupState, told: Topology | null): Topology | KafkaError => {
  if (group.topology === null) return told ?? new InvalidRequest({ message: "The group has no topology yet." })
  if (told === null || told.epoch < group.topology.epoch || sameTopology(told, group.topology)) return group.topology
  return new InvalidRequest({ message: "Topology updates are not supported yet." })
}

const stale = (epoch: number, topology: Topology): StreamsStatus => ({
  name: "STALE_TOPOLOGY",
  detail: `The member's topology epoch ${epoch} is behind the group's topology epoch ${topology.epoch}.`
})

interface Configured {
  readonly topology: ConfiguredTopology
  readonly seen: string
  readonly version: number
}

/** Worked out anew when one of its topics has changed. */
const configure = (group: StreamsGroupState, topology: Topology, topics: TopicsView): Configured | KafkaError => {
  const version = topics.version()
  const { configured, topicsSeen } = group
  if (configured !== null && version === group.topicsVersion) return { topology: configured, seen: topicsSeen, version }
  const seen = fingerprint(topology, topics)
  if (configured !== null && seen === topicsSeen) return { topology: configured, seen, version }
  const found = configureTopology(topology, (name) => topics.find(name)?.partitions)
  if ("_tag" in found) return found
  let tasks = 0
  for (const subtopology of found.subtopologies?.values() ?? []) tasks += subtopology.tasks
  if (tasks > MAX_TASKS) {
    return new InvalidRequest({ message: `The topology has ${tasks} tasks, at most ${MAX_TASKS} are taken.` })
  }
  return { topology: found, seen, version }
}

const fingerprint = (topology: Topology, topics: TopicsView): string =>
  Array.from(requiredTopics(topology))
    .sort()
    .flatMap((name) => {
      const topic = topics.find(name)
      return topic === undefined ? [] : [`${topic.topicId} ${topic.partitions} ${name}`]
    })
    .join("\n")

/** Of the topics that were there when the group looked last. */
export const topicOfId = (topicsSeen: string, topicId: string): string | undefined => {
  const line = topicsSeen.split("\n").find((line) => line.startsWith(`${topicId} `))
  return line?.split(" ")[2]
}

const unknownTask = (
  subtopologies: ReadonlyMap<string, ConfiguredSubtopology>,
  owned: TaskAssignment | null
): KafkaError | null => {
  if (owned === null) return null
  for (const role of TASK_ROLES) {
    for (const [subtopologyId, partitions] of owned[role]) {
      const subtopology = subtopologies.get(subtopologyId)
      if (subtopology === undefined) {
        return new InvalidRequest({ message: `Subtopology ${subtopologyId} does not exist in the topology.` })
      }
      for (const partition of partitions) {
        if (partition < 0 || partition >= subtopology.tasks) {
          return new InvalidRequest({
            message: `Task ${partition} for subtopology ${subtopologyId} is invalid. Number of tasks for this subtopology: ${subtopology.tasks}`
          })
        }
      }
    }
  }
  return null
}

/** What the member shall have, after a new assignment if one is due and may be made. */
const targetFor = (
  draft: StreamsDraft,
  { memberId, terms }: StreamsHeartbeatEvent,
  status: Array<StreamsStatus>
): { readonly epoch: number; readonly tasks: TaskAssignment } => {
  const { group } = draft
  const delayed = (detail: string) => status.push({ name: "ASSIGNMENT_DELAYED", detail })
  if (group.initialDeadlineMs !== Infinity) {
    delayed("Assignment delayed due to the configured initial rebalance delay.")
    return { epoch: group.assignmentEpoch, tasks: NOTHING_ASSIGNED }
  }
  if (group.assignmentEpoch < group.groupEpoch) {
    const since = group.assignedAtMs === null ? Infinity : draft.now - group.assignedAtMs
    if (since >= terms.streamsAssignmentIntervalMs) assign(draft)
    else delayed("Assignment delayed due to the configured assignment interval.")
  }
  return { epoch: group.assignmentEpoch, tasks: group.members.get(memberId)!.target }
}

/** Makes a target for every member of the group as it is now; without tasks while its topology is not ready. */
export const assign = (draft: StreamsDraft): void => {
  const { group } = draft
  const ready = group.configured !== null && group.configured.problem === null ? group.configured.subtopologies : null
  const sources = new Map<string, TaskSource>()
  for (const [id, { stateChangelogTopics, tasks }] of ready ?? []) {
    sources.set(id, { tasks, stateful: stateChangelogTopics.length > 0 })
  }
  const members = Array.from(group.members.values())
  const targets = assignTasks(
    new Map(members.map(({ memberId, processId, target }) => [memberId, { processId, before: target }])),
    sources,
    group.standbyReplicas
  )
  for (const member of members) {
    const target = targets.get(member.memberId) ?? NOTHING_ASSIGNED
    if (!sameAssignment(target, member.target)) draft.put({ ...member, target })
  }
  group.assignmentEpoch = group.groupEpoch
  group.assignedAtMs = draft.now
}

/** It runs from the moment on at which the member was told to give something up. */
const rebalanceDeadline = (now: number, before: StreamsMember, after: StreamsMember): number =>
  after.phase !== "UnrevokedTasks"
    ? Infinity
    : after === before
      ? before.rebalanceDeadlineMs
      : now + after.rebalanceTimeoutMs

const answer = (
  { group }: StreamsDraft,
  event: StreamsHeartbeatEvent,
  member: StreamsMember,
  tell: boolean,
  status: ReadonlyArray<StreamsStatus>
): Answer => {
  if (tell && member.userEndpoint !== null) group.endpointEpoch++
  const { configured, shutdownBy } = group
  const problems = configured?.problem ?? null
  return Answer.Heard({
    memberId: member.memberId,
    memberEpoch: member.memberEpoch,
    heartbeatIntervalMs: event.terms.streamsHeartbeatIntervalMs,
    status: [
      ...status,
      ...(problems === null ? [] : [problems]),
      ...(shutdownBy === null ? [] : [shutdown(shutdownBy)])
    ],
    tasks: tell ? member.held : null,
    endpointEpoch: group.endpointEpoch,
    endpoints:
      group.endpointEpoch === event.endpointEpoch
        ? null
        : endpointPartitions(group.members.values(), configured?.subtopologies ?? null, event.topics),
    missingTopics: configured?.missing ?? []
  })
}

const shutdown = (memberId: string): StreamsStatus => ({
  name: "SHUTDOWN_APPLICATION",
  detail: `Streams group member ${memberId} encountered a fatal error and requested a shutdown for the entire application.`
})
