import { addPartition, isHomogeneous } from "./Assignor.ts"
import type { Assignment, Assignor, AssignorInput } from "./Assignor.ts"

/** Passes over all topics until nothing more is moved; a later one finds less to do. As in Kafka. */
const MAX_PASSES = 16

/**
 * Apache Kafka's server-side `uniform`: balance first, then as few partitions moved as that allows. If all subscribe
 * to the same topics, counts differ by one at most, and no more is moved than balance asks for (Kafka moves a few more,
 * as it gives the members that come first the odd partitions). Else no single move could bring two subscribers of a
 * topic nearer to each other, as far as 16 passes go.
 */
export const uniform: Assignor = (input) => {
  if (input.members.size === 0) return new Map()
  return isHomogeneous(input) ? homogeneous(input) : heterogeneous(input)
}

type Target = Map<string, Map<string, Set<number>>>

/** What each member has and may keep; `owners` gets each topic's owners by partition. */
const retained = (
  input: AssignorInput,
  topicIds: Iterable<string>,
  owners: Map<string, Array<string | null>>
): Target => {
  for (const topicId of topicIds) {
    owners.set(topicId, new Array<string | null>(input.partitionCount(topicId)).fill(null))
  }
  const target: Target = new Map()
  for (const [memberId, member] of input.members) {
    const keeps = new Map<string, Set<number>>()
    for (const [topicId, partitions] of member.assigned) {
      const ownersOf = owners.get(topicId)
      if (ownersOf === undefined || !member.topicIds.has(topicId)) continue
      for (const partition of partitions.keys()) {
        if (ownersOf[partition] !== null) continue
        ownersOf[partition] = memberId
        addPartition(keeps, topicId, partition)
      }
    }
    target.set(memberId, keeps)
  }
  return target
}

const homogeneous = (input: AssignorInput): ReadonlyMap<string, Assignment> => {
  const { topicIds } = input.members.values().next().value!
  const owners = new Map<string, Array<string | null>>()
  const target = retained(input, topicIds, owners)
  let total = 0
  for (const ownersOf of owners.values()) total += ownersOf.length
  const least = Math.floor(total / target.size)
  /** Members that get one more than `least`; a member that has one more keeps it. */
  let extra = total % target.size

  const quotas = new Map<string, number>()
  const free: Array<readonly [topicId: string, partition: number]> = []
  for (const [topicId, ownersOf] of owners) {
    ownersOf.forEach((owner, partition) => owner === null && free.push([topicId, partition]))
  }
  for (const [memberId, keeps] of target) {
    const has = size(keeps)
    const quota = has > least && extra > 0 ? least + 1 : least
    if (quota > least) extra--
    quotas.set(memberId, quota - has)
    let surplus = has - quota
    for (const [topicId, partitions] of keeps) {
      for (const partition of surplus > 0 ? Array.from(partitions).reverse() : []) {
        if (surplus === 0) break
        surplus--
        partitions.delete(partition)
        free.push([topicId, partition])
      }
      if (partitions.size === 0) keeps.delete(topicId)
    }
  }

  let next = 0
  for (const [memberId, keeps] of target) {
    let room = quotas.get(memberId)!
    // A member that gets one more is below its quota or just there; one cut down to `least + 1` has had its turn.
    if (extra > 0 && size(keeps) <= least) {
      extra--
      room++
    }
    for (; room > 0 && next < free.length; room--, next++) {
      const [topicId, partition] = free[next]!
      addPartition(keeps, topicId, partition)
    }
  }
  return target
}

const size = (assignment: Assignment): number => {
  let count = 0
  for (const partitions of assignment.values()) count += partitions.size
  return count
}

interface Topic {
  readonly topicId: string
  readonly subscribers: ReadonlyArray<string>
  /** By partition. */
  readonly owners: Array<string | null>
}

const heterogeneous = (input: AssignorInput): ReadonlyMap<string, Assignment> => {
  const subscribers = new Map<string, Array<string>>()
  for (const [memberId, { topicIds }] of input.members) {
    for (const topicId of topicIds) {
      const all = subscribers.get(topicId)
      if (all === undefined) subscribers.set(topicId, [memberId])
      else all.push(memberId)
    }
  }
  const owners = new Map<string, Array<string | null>>()
  const target = retained(input, subscribers.keys(), owners)
  const loads = new Map(Array.from(target, ([memberId, keeps]) => [memberId, size(keeps)]))

  const topics = Array.from(owners, ([topicId, ownersOf]): Topic => ({
    topicId,
    subscribers: subscribers.get(topicId)!,
    owners: ownersOf
  })).sort(compareTopics)

  const give = ({ owners: ownersOf, topicId }: Topic, partition: number, memberId: string): void => {
    const from = ownersOf[partition] ?? null
    if (from !== null) {
      const keeps = target.get(from)!
      const partitions = keeps.get(topicId)!
      partitions.delete(partition)
      if (partitions.size === 0) keeps.delete(topicId)
      loads.set(from, loads.get(from)! - 1)
    }
    addPartition(target.get(memberId)!, topicId, partition)
    ownersOf[partition] = memberId
    loads.set(memberId, loads.get(memberId)! + 1)
  }

  for (const topic of topics) {
    for (let partition = 0; partition < topic.owners.length; partition++) {
      if (topic.owners[partition] === null) give(topic, partition, least(topic.subscribers, loads))
    }
  }
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    let moved = 0
    for (const topic of topics) moved += balance(topic, target, loads, give)
    if (moved === 0) break
  }
  return target
}

/** Those with the most partitions a subscriber first: what is left to fit in later is small. */
const compareTopics = (a: Topic, b: Topic): number =>
  b.owners.length / b.subscribers.length - a.owners.length / a.subscribers.length ||
  a.subscribers.length - b.subscribers.length ||
  (a.topicId < b.topicId ? -1 : 1)

const least = (memberIds: ReadonlyArray<string>, loads: ReadonlyMap<string, number>): string =>
  memberIds.reduce((best, memberId) => (loads.get(memberId)! < loads.get(best)! ? memberId : best))

/** Moves partitions of one topic from the member with most to that with least, while that brings them nearer. */
const balance = (
  topic: Topic,
  target: Target,
  loads: ReadonlyMap<string, number>,
  give: (topic: Topic, partition: number, memberId: string) => void
): number => {
  let moved = 0
  while (true) {
    const to = least(topic.subscribers, loads)
    let from: string | undefined
    for (const memberId of topic.subscribers) {
      const owns = target.get(memberId)!.has(topic.topicId)
      if (owns && (from === undefined || loads.get(memberId)! > loads.get(from)!)) from = memberId
    }
    if (from === undefined || loads.get(from)! - loads.get(to)! <= 1) return moved
    const partitions = Array.from(target.get(from)!.get(topic.topicId)!)
    give(topic, partitions[partitions.length - 1]!, to)
    moved++
  }
}
