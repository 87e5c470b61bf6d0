/** Partition indexes by topic id. */
export type Assignment = ReadonlyMap<string, ReadonlySet<number>>

/** Anything that tells which partition indexes are in it: an assignment's, or a map from them. */
export interface Partitions {
  readonly size: number
  has(partition: number): boolean
  keys(): Iterable<number>
}

export interface AssignorMember {
  /** `group.instance.id` of a static member. */
  readonly instanceId: string | null
  /** Topics that exist. */
  readonly topicIds: ReadonlySet<string>
  /** What the last assignment gave it. No two members have the same partition. */
  readonly assigned: ReadonlyMap<string, Partitions>
}

/** A group with the partitions to divide among its members. */
export interface AssignorInput {
  readonly members: ReadonlyMap<string, AssignorMember>
  readonly partitionCount: (topicId: string) => number
}

/** Divides all partitions of all topics subscribed to: an entry for each member, empty ones too. */
export type Assignor = (input: AssignorInput) => ReadonlyMap<string, Assignment>

export const NOTHING: Assignment = new Map()

/** Whether all members subscribe to the same topics. */
export const isHomogeneous = ({ members }: AssignorInput): boolean => {
  let first: ReadonlySet<string> | undefined
  for (const { topicIds } of members.values()) {
    first ??= topicIds
    if (first !== topicIds && !isSame(first, topicIds)) return false
  }
  return true
}

const isSame = (a: ReadonlySet<string>, b: ReadonlySet<string>): boolean => {
  if (a.size !== b.size) return false
  for (const topicId of a) if (!b.has(topicId)) return false
  return true
}

export const addPartition = (to: Map<string, Set<number>>, topicId: string, partition: number): void => {
  const partitions = to.get(topicId)
  if (partitions === undefined) to.set(topicId, new Set([partition]))
  else partitions.add(partition)
}
