import type { Assignment, Assignor, AssignorInput } from "./Assignor.ts"

/**
 * Apache Kafka's server-side `range`: of each topic, each subscriber gets one run of partitions, in order of instance
 * ids, then of member ids. If all subscribe to the same topics and these have as many partitions, a member gets the
 * same ones of each (co-partitioning). Knows nothing of the assignment before.
 */
export const range: Assignor = (input) => {
  const memberIds = inOrder(input)
  const subscribers = new Map<string, Array<string>>()
  for (const memberId of memberIds) {
    for (const topicId of input.members.get(memberId)!.topicIds) {
      const all = subscribers.get(topicId)
      if (all === undefined) subscribers.set(topicId, [memberId])
      else all.push(memberId)
    }
  }
  const target = new Map<string, Map<string, ReadonlySet<number>>>()
  for (const memberId of memberIds) target.set(memberId, new Map())
  for (const [topicId, all] of subscribers) {
    const count = input.partitionCount(topicId)
    const least = Math.floor(count / all.length)
    const extra = count % all.length
    let next = 0
    all.forEach((memberId, i) => {
      const end = next + least + (i < extra ? 1 : 0)
      if (end > next) target.get(memberId)!.set(topicId, run(next, end))
      next = end
    })
  }
  return target satisfies ReadonlyMap<string, Assignment>
}

/** Static members first, for they come back under the same name. */
const inOrder = ({ members }: AssignorInput): ReadonlyArray<string> =>
  Array.from(members.keys()).sort((a, b) => {
    const [first, second] = [members.get(a)!.instanceId, members.get(b)!.instanceId]
    if (first !== null && second !== null) return compare(first, second)
    if (first !== null) return -1
    return second !== null ? 1 : compare(a, b)
  })

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const run = (start: number, end: number): ReadonlySet<number> => {
  const partitions = new Set<number>()
  for (let partition = start; partition < end; partition++) partitions.add(partition)
  return partitions
}
