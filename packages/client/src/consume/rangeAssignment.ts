import type { AssignedTopic } from "../admin/Groups.ts"

/** What each member gets, as Kafka's range assignor gives it: of each topic one run of partitions, in order of member ids. */
export const rangeAssignment = (
  members: ReadonlyMap<string, ReadonlyArray<string>>,
  partitionCount: (topic: string) => number
): ReadonlyMap<string, ReadonlyArray<AssignedTopic>> => {
  const assigned = new Map<string, Array<AssignedTopic>>([...members.keys()].map((id) => [id, []]))
  const topics = [...new Set([...members.values()].flat())].sort()
  for (const topic of topics) {
    const subscribers = [...members.keys()].filter((id) => members.get(id)!.includes(topic)).sort()
    const count = partitionCount(topic)
    const [least, extra] = [Math.floor(count / subscribers.length), count % subscribers.length]
    let next = 0
    for (const [i, id] of subscribers.entries()) {
      const size = least + (i < extra ? 1 : 0)
      if (size > 0) assigned.get(id)!.push({ topic, partitions: Array.from({ length: size }, (_, at) => next + at) })
      next += size
    }
  }
  return assigned
}
