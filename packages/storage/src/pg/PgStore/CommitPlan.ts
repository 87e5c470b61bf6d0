import type { Unit, Write, WriteOf, WriteTag } from "../../port/Write.ts"
import { definitionOf, KINDS } from "../../writes/Writes.ts"

const PLACES = new Map(KINDS.map((kind, place) => [kind, place]))

/** Writes of one commit that may be carried out kind by kind. Kinds hold them in the order in which they came. */
export class Segment {
  readonly kinds = new Map<WriteTag, Array<Write>>()
  /** Ids of groups and partitions of which something is deleted. */
  private readonly deleted = new Set<string | number>()
  /** Place of the last kind that deletes all that there may be. Deleted topics are rare. */
  private deletesAll = -1

  /** Takes a write, or says that it has to come after all of this segment. */
  add(write: Write): boolean {
    const { after, deletes } = definitionOf(write).order
    if (this.deletesAll >= 0 && PLACES.get(write._tag)! < this.deletesAll) return false
    if (after !== undefined && this.deleted.size > 0 && this.deleted.has(after(write))) return false
    const ofKind = this.kinds.get(write._tag)
    if (ofKind === undefined) this.kinds.set(write._tag, [write])
    else ofKind.push(write)
    if (deletes === "all") this.deletesAll = Math.max(this.deletesAll, PLACES.get(write._tag)!)
    else if (deletes !== undefined) this.deleted.add(deletes(write))
    return true
  }

  of<T extends WriteTag>(kind: T): ReadonlyArray<WriteOf<T>> {
    return (this.kinds.get(kind) ?? []) as ReadonlyArray<Write> as ReadonlyArray<WriteOf<T>>
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
