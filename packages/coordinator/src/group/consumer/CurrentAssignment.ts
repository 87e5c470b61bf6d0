/**
 * One member on its way to its target, by Apache Kafka 4.3.1's CurrentAssignmentBuilder (KIP-848).
 *
 * | state                | until                                      | then                                           |
 * |----------------------|--------------------------------------------|------------------------------------------------|
 * | Stable               | the target has another epoch               | next                                           |
 * | UnrevokedPartitions  | it owns nothing of what it has to give up  | next                                           |
 * | UnreleasedPartitions | -                                          | next, at each heartbeat                        |
 *
 * next: it has something to give up -> UnrevokedPartitions, the epoch stays; else it gets what is free of its target
 * and the target's epoch -> Stable, or UnreleasedPartitions while some of its target is still another's.
 * A topic it does not subscribe to any more is given up at once, whatever the target says.
 */
import type { Assignment, Partitions } from "../../assignor/Assignor.ts"
import type { Assigned, Member, TopicPartitions } from "./ConsumerGroupState.ts"
import { NONE_ASSIGNED } from "./ConsumerGroupState.ts"

export interface Aim {
  readonly epoch: number
  readonly target: Assignment
  /** Ids of topics the member subscribes to. */
  readonly subscribed: ReadonlySet<string>
  /** The member subscribes to something else than before. */
  readonly subscriptionChanged: boolean
  /** What it says it owns; null: it did not say. */
  readonly owned: ReadonlyArray<TopicPartitions> | null
  /** Undefined: no member. */
  readonly ownerOf: (topicId: string, partition: number) => string | undefined
}

type Change = Pick<Member, "state" | "memberEpoch" | "assigned" | "pendingRevocation">

/** The member as it is from now on; the same object if nothing changed. */
export const reconcile = (member: Member, aim: Aim): Member => {
  switch (member.state) {
    case "Stable":
      if (member.memberEpoch !== aim.epoch) return next(member, aim)
      return aim.subscriptionChanged ? withoutUnsubscribed(member, aim) : member
    case "UnrevokedPartitions":
      if (!owns(aim.owned, member.pendingRevocation)) return next(member, aim)
      return aim.subscriptionChanged ? withoutUnsubscribed(member, aim) : member
    case "UnreleasedPartitions":
      return next(member, aim)
  }
}

const next = (member: Member, aim: Aim): Member => {
  const assigned = new Map<string, Map<number, number>>()
  const revoked = new Map<string, Map<number, number>>()
  const given = new Map<string, Array<number>>()
  let unreleased = false
  for (const topicId of new Set([...aim.target.keys(), ...member.assigned.keys()])) {
    const target = (aim.subscribed.has(topicId) && aim.target.get(topicId)) || NOTHING
    const held = member.assigned.get(topicId)
    if (held !== undefined) {
      for (const [partition, epoch] of held) set(target.has(partition) ? assigned : revoked, topicId, partition, epoch)
    }
    for (const partition of target.keys()) {
      if (held?.has(partition)) continue
      const owner = aim.ownerOf(topicId, partition)
      if (owner !== undefined && owner !== member.memberId) unreleased = true
      else push(given, topicId, partition)
    }
  }
  if (revoked.size > 0 && owns(aim.owned, revoked)) {
    const { memberEpoch } = member
    return changed(member, { state: "UnrevokedPartitions", memberEpoch, assigned, pendingRevocation: revoked })
  }
  for (const [topicId, partitions] of given) {
    for (const partition of partitions) set(assigned, topicId, partition, aim.epoch)
  }
  return changed(member, {
    state: unreleased ? "UnreleasedPartitions" : "Stable",
    memberEpoch: aim.epoch,
    assigned,
    pendingRevocation: NONE_ASSIGNED
  })
}

const withoutUnsubscribed = (member: Member, aim: Aim): Member => {
  const assigned = new Map(member.assigned)
  const revoked = new Map(member.pendingRevocation)
  for (const [topicId, partitions] of member.assigned) {
    if (aim.subscribed.has(topicId)) continue
    assigned.delete(topicId)
    revoked.set(topicId, new Map([...(revoked.get(topicId) ?? []), ...partitions]))
  }
  if (assigned.size === member.assigned.size) return member
  const { memberEpoch, pendingRevocation, state } = member
  return owns(aim.owned, revoked)
    ? changed(member, { state: "UnrevokedPartitions", memberEpoch, assigned, pendingRevocation: revoked })
    : changed(member, { state, memberEpoch, assigned, pendingRevocation })
}

const NOTHING: ReadonlySet<number> = new Set()

const push = (to: Map<string, Array<number>>, topicId: string, partition: number): void => {
  const partitions = to.get(topicId)
  if (partitions === undefined) to.set(topicId, [partition])
  else partitions.push(partition)
}

const set = (to: Map<string, Map<number, number>>, topicId: string, partition: number, epoch: number): void => {
  const partitions = to.get(topicId)
  if (partitions === undefined) to.set(topicId, new Map([[partition, epoch]]))
  else partitions.set(partition, epoch)
}

/** Whether a member that owns this owns something of that. A member that does not say may own all. */
const owns = (owned: ReadonlyArray<TopicPartitions> | null, of: Assigned): boolean => {
  if (owned === null) return true
  return owned.some(({ partitions, topicId }) => {
    const among = of.get(topicId)
    return among !== undefined && partitions.some((partition) => among.has(partition))
  })
}

/** Whether all that a member says it owns was given to it. */
export const isSubset = (owned: ReadonlyArray<TopicPartitions> | null, assigned: Assigned): boolean =>
  owned !== null &&
  owned.every(({ partitions, topicId }) => {
    const among = assigned.get(topicId)
    return among !== undefined && partitions.every((partition) => among.has(partition))
  })

const changed = (member: Member, to: Change): Member => {
  const same =
    member.state === to.state &&
    member.memberEpoch === to.memberEpoch &&
    member.previousMemberEpoch === member.memberEpoch &&
    isSame(member.assigned, to.assigned) &&
    isSame(member.pendingRevocation, to.pendingRevocation)
  return same ? member : { ...member, ...to, previousMemberEpoch: member.memberEpoch }
}

/** The same partitions, whenever they were given. */
export const isSame = (a: ReadonlyMap<string, Partitions>, b: ReadonlyMap<string, Partitions>): boolean => {
  if (a === b) return true
  if (a.size !== b.size) return false
  for (const [topicId, partitions] of a) {
    const others = b.get(topicId)
    if (others === undefined || others.size !== partitions.size) return false
    for (const partition of partitions.keys()) if (!others.has(partition)) return false
  }
  return true
}
