/** Members in order, and what each subscribes to. */
export interface SimpleMember {
  readonly memberId: string
  readonly subscribedTopicNames: ReadonlyArray<string>
}

/**
 * Assigns partitions of share groups, in the manner of Kafka's `simple` assignor (KIP-932): each partition of a topic has
 * one member or more, each member subscribed to it one partition or more, numbers as even as can be. The same members and
 * topics give the same assignment. Partition indexes in order, by topic id, by member id.
 */
export const assignSimple = (
  members: ReadonlyArray<SimpleMember>,
  find: (name: string) => { readonly topicId: string; readonly partitions: number } | undefined
): ReadonlyMap<string, ReadonlyMap<string, ReadonlyArray<number>>> => {
  const assigned = new Map(members.map(({ memberId }) => [memberId, new Map<string, Array<number>>()]))
  const subscribers = new Map<string, Array<string>>()
  for (const { memberId, subscribedTopicNames } of members) {
    for (const name of subscribedTopicNames) {
      const all = subscribers.get(name)
      if (all === undefined) subscribers.set(name, [memberId])
      else all.push(memberId)
    }
  }
  // Each topic's round begins after the end of the one before: no member gets the first partition of every topic.
  let turn = 0
  for (const name of Array.from(subscribers.keys()).sort()) {
    const topic = find(name)
    const all = subscribers.get(name)!
    if (topic === undefined || topic.partitions === 0) continue
    const rounds = Math.max(topic.partitions, all.length)
    for (let i = 0; i < rounds; i++) {
      const mine = assigned.get(all[(turn + i) % all.length]!)!
      const partitions = mine.get(topic.topicId)
      if (partitions === undefined) mine.set(topic.topicId, [i % topic.partitions])
      else partitions.push(i % topic.partitions)
    }
    turn += rounds
  }
  for (const topics of assigned.values()) for (const partitions of topics.values()) partitions.sort((a, b) => a - b)
  return assigned
}
