import type { Unit, Write } from "../../port/Write.ts"

/** The kinds of writes. */
export type WriteTag = Write["_tag"]
export type Of<T extends WriteTag> = Extract<Write, { readonly _tag: T }>

/**
 * The order in which the kinds of writes of one commit are carried out: what makes something first, then what fills it,
 * then what takes away. A write that would so be carried out before an earlier one it depends on begins a new segment.
 */
export const ORDER = [
  "PutTopic",
  "PutPartition",
  "PutConfig",
  "Append",
  "PutLeaderEpoch",
  "PutProducerSnapshot",
  "PutLogStart",
  "PutFailoverEpoch",
  "ReplaceBatches",
  "PutCompaction",
  "PutOffset",
  "PutGroup",
  "PutGroupMember",
  "DeleteOffset",
  "DeleteGroupMember",
  "DeleteGroup",
  "DeleteBatches",
  "DeleteTopic",
  "DropPartition",
  "PutNextProducerId"
] as const satisfies ReadonlyArray<WriteTag>

/** Fails to compile where a kind of write has no place in the order. */
const complete: Exclude<WriteTag, (typeof ORDER)[number]> extends never ? true : never = true
void complete

/** Writes of one commit that may be carried out kind by kind. Kinds hold them in the order in which they came. */
export class Segment {
  readonly kinds = new Map<WriteTag, Array<Write>>()
  private readonly groupsWithDeletes = new Set<string>()
  private readonly partitionsWithDeletes = new Set<number>()

  /** Whether carrying out `write` by its kind's place would put it before a write it has to follow. */
  private conflicts(write: Write): boolean {
    const { kinds } = this
    switch (write._tag) {
      case "DropPartition":
      case "PutNextProducerId":
        return false
      case "DeleteTopic":
        return kinds.has("DropPartition")
      default:
        // Deleted topics are rare: nothing that follows one is mixed with what came before it.
        if (kinds.has("DeleteTopic") || kinds.has("DropPartition")) return true
    }
    switch (write._tag) {
      case "PutOffset":
      case "PutGroup":
      case "PutGroupMember":
        return this.groupsWithDeletes.size > 0 && this.groupsWithDeletes.has(write.groupId)
      case "Append":
      case "DeleteBatches":
        return this.partitionsWithDeletes.size > 0 && this.partitionsWithDeletes.has(write.partitionId)
      default:
        return false
    }
  }

  /** Takes a write, or says that it has to come after all of this segment. */
  add(write: Write): boolean {
    if (this.conflicts(write)) return false
    const ofKind = this.kinds.get(write._tag)
    if (ofKind === undefined) this.kinds.set(write._tag, [write])
    else ofKind.push(write)
    switch (write._tag) {
      case "DeleteOffset":
      case "DeleteGroup":
      case "DeleteGroupMember":
        this.groupsWithDeletes.add(write.groupId)
        break
      case "DeleteBatches":
        this.partitionsWithDeletes.add(write.partitionId)
    }
    return true
  }

  of<T extends WriteTag>(tag: T): ReadonlyArray<Of<T>> {
    return (this.kinds.get(tag) ?? []) as unknown as ReadonlyArray<Of<T>>
  }
}

/** Sorts a commit by kind, keeping every order that has a meaning. Nearly always one segment. */
export const planCommit = (units: ReadonlyArray<Unit>): ReadonlyArray<Segment> => {
  let last = new Segment()
  const segments = [last]
  for (const unit of units) {
    for (const write of unit) {
      if (last.add(write)) continue
      last = new Segment()
      last.add(write)
      segments.push(last)
    }
  }
  return segments
}

/** Of writes that set the same thing, the last: `insert … on conflict` takes a row once. */
export const lastByKey = <W extends Write>(
  writes: ReadonlyArray<W>,
  key: (write: W) => string | number
): ReadonlyArray<W> => {
  if (writes.length < 2) return writes
  const found = new Map<string | number, W>()
  for (const write of writes) found.set(key(write), write)
  return found.size === writes.length ? writes : Array.from(found.values())
}
