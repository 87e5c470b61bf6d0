/** What groups have committed comes along, as far as the records are there. */
import { committedOffsets, commitOffsets } from "@tusk/client/admin/GroupOffsets"
import type { GroupOffset } from "@tusk/client/admin/GroupOffsets"
import { listGroups } from "@tusk/client/admin/Groups"
import { isRetriable } from "@tusk/client/ClientError"
import type { ClientError } from "@tusk/client/ClientError"
import type { TopicPartition } from "@tusk/client/Metadata"
import * as Effect from "effect/Effect"
import type { Tell } from "./preparing.ts"
import { at } from "./Sides.ts"
import type { Sides } from "./Sides.ts"

/** Names a partition in maps. */
export const placeOf = ({ partition, topic }: TopicPartition): string => `${partition} ${topic}`

/** What is to be committed in the target for one group. */
export interface Mirrored {
  readonly commit: ReadonlyArray<GroupOffset>
  /** Beyond what is imported: they come later. */
  readonly pending: number
  /** Further in the target than at the source, by somebody else's doing: they stay. */
  readonly ahead: number
}

/**
 * Pure. `ends`: how far the target is, of partitions that are imported. `written`: what was committed here before. An offset
 * goes back only if it was this that brought it forward: consumers that have moved to the target are not taken back.
 */
export const mirrored = (
  source: ReadonlyArray<GroupOffset>,
  target: ReadonlyArray<GroupOffset>,
  ends: ReadonlyMap<string, bigint>,
  written: ReadonlyMap<string, bigint>
): Mirrored => {
  const here = new Map(target.map((each) => [placeOf(each), each.offset]))
  const commit: Array<GroupOffset> = []
  let [pending, ahead] = [0, 0]
  for (const each of source) {
    const place = placeOf(each)
    const [end, own] = [ends.get(place), here.get(place)]
    if (end === undefined || own === each.offset) continue
    if (each.offset > end) pending++
    else if (own === undefined || own < each.offset || own === written.get(place)) commit.push(each)
    else ahead++
  }
  return { commit, pending, ahead }
}

const AT_A_TIME = 8

/** Mirrors the offsets of groups, again and again. */
export class GroupMirror {
  readonly #sides: Sides
  readonly #isWanted: (group: string) => boolean
  readonly #tell: Tell
  readonly #written = new Map<string, Map<string, bigint>>()
  readonly #told = new Set<string>()

  constructor(sides: Sides, isWanted: (group: string) => boolean, tell: Tell) {
    this.#sides = sides
    this.#isWanted = isWanted
    this.#tell = tell
  }

  /** Groups of which something was committed in the target by now. */
  get groups(): number {
    return this.#written.size
  }

  /** Tells how many offsets are still beyond what is imported. */
  run(ends: ReadonlyMap<string, bigint>): Effect.Effect<number, ClientError> {
    return Effect.gen({ self: this }, function* () {
      const groups = (yield* at(this.#sides.source, listGroups)).filter(({ group }) => this.#isWanted(group))
      for (const { group, type } of groups) {
        if (type === "share") yield* this.#tellOnce(group, "a share group has no offsets to take along")
      }
      const pending = yield* Effect.forEach(
        groups.filter(({ type }) => type !== "share"),
        ({ group }) => this.#one(group, ends),
        { concurrency: AT_A_TIME }
      )
      return pending.reduce((sum, each) => sum + each, 0)
    })
  }

  #one(group: string, ends: ReadonlyMap<string, bigint>): Effect.Effect<number, ClientError> {
    return Effect.gen({ self: this }, function* () {
      const source = yield* at(this.#sides.source, committedOffsets(group))
      if (!source.some((each) => ends.has(placeOf(each)))) return 0
      const target = yield* at(this.#sides.target, committedOffsets(group))
      const written = this.#written.get(group) ?? new Map<string, bigint>()
      const { ahead, commit, pending } = mirrored(source, target, ends, written)
      if (ahead > 0) yield* this.#tellOnce(group, "it has committed more in the target than at the source")
      if (commit.length > 0) {
        yield* at(this.#sides.target, commitOffsets({ group, generation: -1, memberId: "" }, commit))
        for (const each of commit) written.set(placeOf(each), each.offset)
        this.#written.set(group, written)
      }
      return pending
    }).pipe(
      Effect.catchTag("Refused", (error) =>
        isRetriable(error) ? Effect.fail(error) : Effect.as(this.#tellOnce(group, error.message), 0)
      )
    )
  }

  #tellOnce(group: string, why: string): Effect.Effect<void> {
    if (this.#told.has(group)) return Effect.void
    this.#told.add(group)
    return this.#tell(`offsets of group ${group} stay as they are: ${why}`)
  }
}
