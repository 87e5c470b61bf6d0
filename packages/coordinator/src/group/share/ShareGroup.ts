/**
 * The members of a share group (KIP-932). Pure. No member waits for another: partitions are shared, so each member is
 * told a new assignment with its next heartbeat.
 *
 * | event               | unknown member      | member                                              |
 * |---------------------|---------------------|-----------------------------------------------------|
 * | Heartbeat, epoch 0  | joins               | joins again, as it is                               |
 * | Heartbeat, epoch > 0| UNKNOWN_MEMBER_ID   | its epoch or the one before, else FENCED_MEMBER_EPOCH|
 * | Heartbeat, epoch -1 | UNKNOWN_MEMBER_ID   | leaves                                              |
 * | session over        | -                   | leaves                                              |
 * | Make                | stored              | -                                                   |
 * | Delete              | Dead, Remove        | NON_EMPTY_GROUP                                     |
 *
 * The group epoch rises with members, subscriptions and topics, once more when partitions come that it never had; a
 * member has the group's epoch from its next heartbeat on. Persist: the group at a new epoch, a member when it comes,
 * changes its subscription or gets a new epoch, or goes.
 */
import {
  FencedMemberEpoch,
  GroupIdNotFound,
  GroupMaxSizeReached,
  InvalidRequest,
  NonEmptyGroup,
  UnknownMemberId
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { assignSimple } from "../../assignor/Simple.ts"
import { Answer, LEAVE, RESTORED, empty } from "./ShareGroupState.ts"
import type {
  Event,
  Output,
  PersistedShareGroup,
  PersistedShareMember,
  ShareAssignment,
  ShareGroupState,
  ShareHeartbeatEvent,
  ShareMember,
  TopicsSeen
} from "./ShareGroupState.ts"

type Stepped = readonly [ShareGroupState, ReadonlyArray<Output>]

/** `now` in milliseconds of one clock that never goes back. */
export const step = (state: ShareGroupState, event: Event, now: number): Stepped => {
  switch (event._tag) {
    case "Heartbeat":
      if (state.dead) return refuse(state, event.waiter, new GroupIdNotFound())
      return event.memberEpoch === LEAVE ? leave(state, event) : heartbeat(state, event, now)
    case "Make": {
      if (state.dead) return refuse(state, event.waiter, new GroupIdNotFound())
      return finish(state, state, [], [], { waiter: event.waiter, answer: Answer.Done() })
    }
    case "Delete": {
      if (state.dead) return refuse(state, event.waiter, new GroupIdNotFound())
      if (state.members.size > 0) return refuse(state, event.waiter, new NonEmptyGroup())
      return [
        { ...state, dead: true },
        [{ _tag: "Remove" }, { _tag: "Reply", waiter: event.waiter, answer: Answer.Done() }]
      ]
    }
    case "Commit":
      return refuse(state, event.waiter, new GroupIdNotFound({ message: "A share group commits no offsets." }))
    case "Tick": {
      const removed = Array.from(state.members.values())
        .filter(({ sessionDeadlineMs }) => sessionDeadlineMs <= now)
        .map(({ memberId }) => memberId)
      // The timer has rung: it is set for the session that ends next.
      return finish({ ...state, wakeAtMs: Number.POSITIVE_INFINITY }, without(state, removed), [], removed, undefined)
    }
  }
}

/** The group after a restart: every session begins anew. */
export const restore = (
  group: PersistedShareGroup,
  members: ReadonlyArray<PersistedShareMember>,
  sessionTimeoutMs: number,
  now: number
): Stepped => {
  const nobody: ShareGroupState = { ...empty, ...group, isStored: true, topicsVersion: RESTORED }
  const sessionDeadlineMs = now + sessionTimeoutMs
  const restored = members.map((member) => [member.memberId, { ...member, told: null, sessionDeadlineMs }] as const)
  return finish(nobody, { ...nobody, members: new Map(restored) }, [], [], undefined)
}

const refuse = (state: ShareGroupState, waiter: number, error: KafkaError): Stepped => [
  state,
  [{ _tag: "Reply", waiter, answer: Answer.Refused({ error }) }]
]

const leave = (state: ShareGroupState, { memberId, waiter }: ShareHeartbeatEvent): Stepped => {
  if (!state.members.has(memberId)) return refuse(state, waiter, unknown(memberId))
  const answer = Answer.Beat({ memberEpoch: LEAVE, assignment: null })
  return finish(state, without(state, [memberId]), [], [memberId], { waiter, answer })
}

const unknown = (memberId: string): KafkaError =>
  new UnknownMemberId({ message: `Member ${memberId} is not a member of this group.` })

/** The assignment follows with the next heartbeat of any member. */
const without = (state: ShareGroupState, memberIds: ReadonlyArray<string>): ShareGroupState => {
  if (memberIds.length === 0) return state
  const members = new Map(state.members)
  for (const memberId of memberIds) members.delete(memberId)
  return { ...state, members, groupEpoch: state.groupEpoch + 1, topicsVersion: -1 }
}

const sameNames = (a: ReadonlyArray<string>, b: ReadonlyArray<string>): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i])

const heartbeat = (state: ShareGroupState, event: ShareHeartbeatEvent, now: number): Stepped => {
  const { memberEpoch, memberId, terms, topics, waiter } = event
  const known = state.members.get(memberId)
  if (known === undefined) {
    if (memberEpoch !== 0) return refuse(state, waiter, unknown(memberId))
    if (state.members.size >= terms.maxSize) {
      const message = `The share group has reached its maximum capacity of ${terms.maxSize} members.`
      return refuse(state, waiter, new GroupMaxSizeReached({ message }))
    }
    if (event.subscribedTopicNames === null) {
      return refuse(
        state,
        waiter,
        new InvalidRequest({ message: "SubscribedTopicNames must be set in first request." })
      )
    }
  } else if (memberEpoch !== 0 && memberEpoch !== known.memberEpoch && memberEpoch !== known.previousMemberEpoch) {
    const message = `The member's epoch is ${known.memberEpoch}, not ${memberEpoch}.`
    return refuse(state, waiter, new FencedMemberEpoch({ message }))
  }
  const names = event.subscribedTopicNames
  const subscribedTopicNames =
    names === null ? known!.subscribedTopicNames : Array.from(new Set(names)).sort((a, b) => (a < b ? -1 : 1))
  const isChanged = known === undefined || !sameNames(known.subscribedTopicNames, subscribedTopicNames)
  const member: ShareMember = {
    memberId,
    rackId: event.rackId ?? known?.rackId ?? null,
    clientId: event.clientId,
    clientHost: event.clientHost,
    subscribedTopicNames,
    memberEpoch: known?.memberEpoch ?? 0,
    previousMemberEpoch: known?.previousMemberEpoch ?? -1,
    sessionDeadlineMs: now + terms.sessionTimeoutMs,
    // A member at the epoch before has not heard of this one's assignment.
    told: memberEpoch === 0 || memberEpoch !== known?.memberEpoch ? null : known.told
  }
  const members = new Map(state.members).set(memberId, member)
  const grown: ShareGroupState = {
    ...state,
    members,
    groupEpoch: isChanged ? state.groupEpoch + 1 : state.groupEpoch,
    topicsVersion: isChanged ? -1 : state.topicsVersion
  }
  const next = grown.topicsVersion === topics.version ? grown : assign(grown, state, topics, isChanged)
  return tell(state, next, member, isChanged, waiter)
}

/** Makes the assignment anew; if only topics changed, and the assignment with them, in a new epoch. */
const assign = (
  grown: ShareGroupState,
  before: ShareGroupState,
  topics: TopicsSeen,
  isBumped: boolean
): ShareGroupState => {
  const assignment = assignSimple(Array.from(grown.members.values()), topics.find)
  // What the broker before has told is not kept: in a new epoch every member hears of this one, lost answers or not.
  const isOther = before.topicsVersion === RESTORED || !sameAll(before.assignment, assignment)
  const moved = !isBumped && before.topicsVersion !== -1 && isOther
  // Apache Kafka gives out new partitions in an epoch of their own, when it has stored the offsets at which they begin.
  const begun = isBumped && hasNew(before.assignment, assignment)
  const groupEpoch = moved || begun ? grown.groupEpoch + 1 : grown.groupEpoch
  return { ...grown, assignment, topicsVersion: topics.version, groupEpoch, assignmentEpoch: groupEpoch }
}

type Assignments = ReadonlyMap<string, ShareAssignment>

/** Whether a member has a partition that none had before. */
const hasNew = (before: Assignments, after: Assignments): boolean => {
  const had = partitionsOf(before)
  return Array.from(partitionsOf(after)).some((name) => !had.has(name))
}

const partitionsOf = (assignments: Assignments): ReadonlySet<string> => {
  const names = new Set<string>()
  for (const assignment of assignments.values()) {
    for (const [topicId, partitions] of assignment)
      for (const partition of partitions) names.add(`${topicId}/${partition}`)
  }
  return names
}

const sameAll = (a: ReadonlyMap<string, ShareAssignment>, b: ReadonlyMap<string, ShareAssignment>): boolean =>
  a.size === b.size && Array.from(a).every(([memberId, each]) => same(each, b.get(memberId) ?? new Map()))

const same = (a: ShareAssignment, b: ShareAssignment): boolean =>
  a.size === b.size &&
  Array.from(a).every(([topicId, partitions]) => {
    const others = b.get(topicId)
    return others?.length === partitions.length && partitions.every((partition, i) => partition === others[i])
  })

const NOTHING: ShareAssignment = new Map()

/** Brings the member up to the group's epoch, and tells it what it does not know. */
const tell = (
  before: ShareGroupState,
  state: ShareGroupState,
  member: ShareMember,
  isChanged: boolean,
  waiter: number
): Stepped => {
  const assignment = state.assignment.get(member.memberId) ?? NOTHING
  const isNews = member.told === null || !same(member.told, assignment)
  const isBehind = member.memberEpoch !== state.groupEpoch
  const told: ShareMember = {
    ...member,
    told: assignment,
    memberEpoch: state.groupEpoch,
    previousMemberEpoch: isBehind ? member.memberEpoch : member.previousMemberEpoch
  }
  const members = new Map(state.members).set(member.memberId, told)
  const answer = Answer.Beat({ memberEpoch: told.memberEpoch, assignment: isNews ? assignment : null })
  return finish(before, { ...state, members }, isChanged || isBehind ? [told] : [], [], { waiter, answer })
}

const wakeOf = ({ members }: ShareGroupState): number => {
  let wakeAtMs = Number.POSITIVE_INFINITY
  for (const { sessionDeadlineMs } of members.values()) wakeAtMs = Math.min(wakeAtMs, sessionDeadlineMs)
  return wakeAtMs
}

const finish = (
  before: ShareGroupState,
  after: ShareGroupState,
  changed: ReadonlyArray<ShareMember>,
  removed: ReadonlyArray<string>,
  reply: { readonly waiter: number; readonly answer: Answer } | undefined
): Stepped => {
  const outputs: Array<Output> = []
  const { assignmentEpoch, groupEpoch } = after
  const isAsBefore = before.groupEpoch === groupEpoch && before.assignmentEpoch === assignmentEpoch
  const group = before.isStored && isAsBefore ? null : { groupEpoch, assignmentEpoch }
  const persists = group !== null || changed.length > 0 || removed.length > 0
  if (persists) outputs.push({ _tag: "Persist", group: { group, members: changed, removed } })
  const wakeAtMs = wakeOf(after)
  // A deadline that moves on is looked at when the timer rings.
  if (wakeAtMs !== Infinity && (wakeAtMs < before.wakeAtMs || removed.length > 0 || before.wakeAtMs === Infinity)) {
    outputs.push({ _tag: "WakeAt", atMs: wakeAtMs })
  }
  if (reply !== undefined) outputs.push({ _tag: "Reply", ...reply })
  const armed = outputs.some(({ _tag }) => _tag === "WakeAt")
  const next = { ...after, isStored: before.isStored || persists, wakeAtMs: armed ? wakeAtMs : before.wakeAtMs }
  return [next, outputs]
}
