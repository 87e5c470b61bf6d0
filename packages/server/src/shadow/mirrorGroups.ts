import type { MappedOffset, ShadowPartition, ShadowPlace } from "@tusk/storage/port/ShadowRows"
import * as Effect from "effect/Effect"
import { targetOffset } from "./OffsetMap.ts"
import type { ShadowParts } from "./ShadowedPartition.ts"
import type { ShadowError, SourceGroup, TellTrouble } from "./ShadowPorts.ts"

const CONCURRENCY = 5
const keyOf = ({ partition, topic }: ShadowPlace): string => `${partition} ${topic}`

/** Rows and maps as they are at one look. */
interface Known {
  readonly rows: ReadonlyMap<string, ShadowPartition>
  readonly mapped: ReadonlyMap<string, ReadonlyArray<MappedOffset>>
}

/** ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, REBALANCE_IN_PROGRESS: the group has members at the target, which commit themselves. */
const IN_USE: ReadonlySet<number> = new Set([22, 25, 27])

type GroupParts = Pick<ShadowParts, "clusterId" | "mapMost" | "progress" | "rows" | "source" | "target">

/**
 * Commits at the target what groups have committed at the source, as the same records have it there. At first it leads a
 * group of the target only forward: somebody may go on there already. What changes at the source after that is followed.
 */
export class GroupMirror {
  readonly #parts: GroupParts
  readonly #tell: TellTrouble
  /** By group: what was committed of the source's offsets, by partition. */
  #last = new Map<string, ReadonlyMap<string, bigint>>()

  constructor(parts: GroupParts, tell: TellTrouble) {
    this.#parts = parts
    this.#tell = tell
  }

  readonly look: Effect.Effect<void, ShadowError> = Effect.gen({ self: this }, function* () {
    const { clusterId, rows, source } = this.#parts
    const groups = yield* source.groups
    const all = new Map((yield* rows.partitions(clusterId)).map((row) => [keyOf(row), row]))
    const mapped = new Map<string, ReadonlyArray<MappedOffset>>()
    for (const [key, row] of all) if (!row.fills) mapped.set(key, yield* rows.mapped(clusterId, row))
    const names = new Set(groups.map(({ group }) => group))
    for (const group of this.#last.keys()) if (!names.has(group)) this.#last.delete(group)
    yield* Effect.forEach(groups, (group) => this.#one(group, { rows: all, mapped }), {
      concurrency: CONCURRENCY,
      discard: true
    })
  })

  #one(group: SourceGroup, known: Known): Effect.Effect<void> {
    return Effect.catch(this.#mirrored(group, known), (error) =>
      error._tag === "Refused" && IN_USE.has(error.code)
        ? Effect.void
        : this.#tell(`offsets of group ${group.group} are not mirrored yet: ${error.message}`)
    )
  }

  #mirrored({ group, offsets }: SourceGroup, known: Known): Effect.Effect<void, ShadowError> {
    return Effect.gen({ self: this }, function* () {
      const { target } = this.#parts
      const last = this.#last.get(group)
      const changed = offsets.filter((each) => known.rows.has(keyOf(each)) && last?.get(keyOf(each)) !== each.offset)
      const translated = changed.flatMap((each) => this.#translated(each, known))
      if (translated.length === 0) return
      const there = last === undefined ? yield* target.offsets(group) : []
      const present = new Map(there.map((each) => [keyOf(each), each.offset]))
      const wanted = translated.filter((each) => (present.get(keyOf(each)) ?? -1n) < each.offset)
      if (wanted.length > 0) yield* target.commit(group, wanted)
      const done = translated.filter(({ isWhole }) => isWhole)
      const isDone = new Map(done.map((each) => [keyOf(each), each.source]))
      this.#last.set(group, new Map([...(last ?? []), ...isDone]))
    })
  }

  /** Whole: the target holds all before it; else it is looked at again. */
  #translated(place: SourceGroup["offsets"][number], { mapped, rows }: Known) {
    const key = keyOf(place)
    const end = this.#parts.progress.targetEnd(place)
    if (end === undefined) return []
    const offset = targetOffset(rows.get(key)!, mapped.get(key) ?? [], place.offset, end, this.#parts.mapMost)
    if (offset === undefined) return []
    const { partition, topic } = place
    return [{ topic, partition, offset, source: place.offset, isWhole: offset < end || this.#isThere(place) }]
  }

  #isThere({ offset, partition, topic }: SourceGroup["offsets"][number]): boolean {
    return (this.#parts.progress.sourceNext({ topic, partition }) ?? -1n) >= offset
  }
}
