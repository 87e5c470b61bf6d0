import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../../commit/Active.ts"
import { Committer } from "../../commit/Committer.ts"
import type { MergeableWhich, MergeReads } from "../../port/MergeReads.ts"
import { ObjectStore } from "../../port/ObjectStore.ts"
import { Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Recurring } from "../../Recurring.ts"
import { Counts } from "../../StorageCounts.ts"
import { Objects } from "../objects/Objects.ts"
import { Rewriting } from "../rewriting/Rewriting.ts"
import { MergeOptions } from "./MergeOptions.ts"
import { nextMerge } from "./MergePlan.ts"
import type { Mergeable } from "./MergePlan.ts"
import { cut, makeMoveBatches } from "./moveBatches.ts"
import type { MoveBatches } from "./moveBatches.ts"
import { Suspects } from "./Suspects.ts"

/**
 * Puts what lies in small objects together in large ones, in order of partition and offset, so that who reads a partition from
 * its beginning reads long ranges. Objects of which little is of use any more, and those in which erased records lie, are
 * emptied so, and go in their time.
 */
export class Merger extends Context.Service<
  Merger,
  {
    /** Merges all that is worth it now. */
    readonly check: Effect.Effect<void>
  }
>()("@tusk/storage/log/merging/Merger") {
  private static readonly layerNoDeps = Layer.effect(
    Merger,
    Effect.gen(function* () {
      const objectStore = yield* ObjectStore
      if (objectStore === undefined) return Merger.of({ check: Effect.void })
      const { merges: store } = yield* Store
      const active = yield* Active
      const options = yield* MergeOptions
      // What objects come to that grow is of no matter: batches lie in them as they came.
      const below = objectStore.grow === undefined ? options.bytes : Number.MAX_SAFE_INTEGER
      const objects = yield* Objects
      const move = makeMoveBatches({
        store,
        options,
        objects,
        committer: yield* Committer,
        rewriting: yield* Rewriting,
        counts: yield* Counts
      })
      const merging = new Merging({ store, objects, move, options, below })
      active.onTakeOver(() => Effect.sync(() => merging.clear()))
      const look = Effect.andThen(active.whenReigning, merging.check)
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.sleep(options.intervalMs), look)))
      return Merger.of({ check: merging.check })
    })
  )

  /** A layer is built once: whoever rewrites logs takes turns with the others. */
  static readonly layer = Layer.provide(this.layerNoDeps, Rewriting.layer)
}

interface MergingPorts {
  readonly store: MergeReads
  readonly objects: Pick<Objects, "endGrowing" | "isGrowing">
  readonly move: MoveBatches
  readonly options: MergeOptions
  /** Bytes of an object from which on it stays as it was put. */
  readonly below: number
}

/** Merges as long as something is worth it, half of the time at most. */
class Merging {
  readonly #ports: MergingPorts
  readonly #trouble = new Recurring("log")
  readonly #suspects = new Suspects()
  /** Objects up to here were looked at for what is of use in them. */
  #usesLookedAt = 0n

  constructor(ports: MergingPorts) {
    this.#ports = ports
  }

  clear(): void {
    this.#suspects.clear()
    this.#usesLookedAt = 0n
  }

  get check(): Effect.Effect<void> {
    return Effect.andThen(this.#lookAtSuspects, this.#mergeAll).pipe(
      Effect.andThen(this.#trouble.over("merging of objects goes on")),
      Effect.catch(({ message }: KafkaError | StoreError) =>
        this.#trouble.seen(`merging of objects goes on later: ${message}`)
      ),
      Effect.catchDefect((defect) => Effect.logError("defect in the merging of objects", defect))
    )
  }

  /** What is still of use in the next merged objects: little in some of them. */
  readonly #sparse = Effect.fnUntraced({ self: this }, function* () {
    const { options, store } = this.#ports
    const uses = yield* store.uses(this.#usesLookedAt, yield* this.#which(), options.usesPerLook)
    this.#usesLookedAt = uses.length < options.usesPerLook ? 0n : uses.at(-1)!.objectId
    const nowMs = yield* Clock.currentTimeMillis
    const sparse = uses.filter(({ bytes, usedBytes }) => 2 * usedBytes < bytes)
    return sparse.flatMap(({ objectId, usedBytes }): ReadonlyArray<Mergeable> =>
      this.#isLeft(objectId, nowMs) ? [] : [{ objectId, bytes: usedBytes, isUrgent: true }]
    )
  })

  readonly #mergeAll = Effect.gen({ self: this }, function* () {
    const { move, options } = this.#ports
    const sparse = yield* this.#sparse()
    /** Once a look each, whatever comes of it: else one that does not change would be read and put for ever. */
    const taken = new Set<bigint>()
    while (true) {
      const all = [...sparse, ...(yield* this.#unmerged())]
      const objects = nextMerge(
        all.filter(({ objectId }) => !taken.has(objectId)),
        options
      )
      if (objects.length === 0) return
      const objectIds = objects.map(({ objectId }) => objectId)
      for (const objectId of objectIds) taken.add(objectId)
      const suspect = Effect.sync(() => this.#suspects.add(objectIds))
      const [took] = yield* Effect.timed(Effect.tapError(move(objectIds), () => suspect))
      const tookMs = Duration.toMillis(took)
      if (tookMs >= 1) yield* Effect.sleep(tookMs)
    }
  })

  #which(): Effect.Effect<MergeableWhich> {
    const { below, options } = this.#ports
    return Effect.map(Clock.currentTimeMillis, (nowMs) => ({ before: BigInt(nowMs - options.leastAgeMs), below }))
  }

  /** It cannot be read, or grows yet. */
  #isLeft(objectId: bigint, nowMs: number): boolean {
    return this.#suspects.isResting(objectId, nowMs) || this.#ports.objects.isGrowing(objectId)
  }

  readonly #unmerged = Effect.fnUntraced({ self: this }, function* () {
    const { objects, options, store } = this.#ports
    const nowMs = yield* Clock.currentTimeMillis
    const found = yield* store.mergeable(yield* this.#which(), options.objectsPerLook)
    // What was erased is not kept for what may come to it yet.
    if (found.some(({ erased, objectId }) => erased && objects.isGrowing(objectId))) yield* objects.endGrowing
    return found.flatMap(({ bytes, erased, objectId }): ReadonlyArray<Mergeable> =>
      this.#isLeft(objectId, nowMs) ? [] : [{ objectId, bytes, isUrgent: erased }]
    )
  })

  /** Why the last merge failed: an object that cannot be read must not stand in the way of the others. */
  readonly #lookAtSuspects = Effect.gen({ self: this }, function* () {
    const { options, store } = this.#ports
    for (let next = this.#suspects.next; next !== undefined; next = this.#suspects.next) {
      const batches = yield* store.batchesIn([next], options.batches)
      const looked = (couldBeRead: boolean) =>
        Effect.map(Clock.currentTimeMillis, (nowMs) => this.#suspects.looked(couldBeRead, nowMs))
      // No more at a time than a merge has in memory.
      const read = Effect.forEach(cut(batches, options.bytes), (some) => store.bytesOf(some), { discard: true })
      yield* Effect.tapError(read, () => looked(false))
      yield* looked(true)
    }
  })
}
