import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { Active } from "../../commit/Active.ts"
import { Store } from "../../port/Store.ts"
import type { ErasedKey } from "../../port/FollowerRows.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { UnpackedPosition, UnpackedRows } from "../../port/UnpackedRows.ts"
import { Recurring } from "../../Recurring.ts"
import { Topics } from "../../topics/Topics.ts"
import { OpenBatches } from "../batches/OpenBatches.ts"
import { Log } from "../Log.ts"
import type { TableState } from "./FollowedTable.ts"
import { FollowedTables } from "./FollowedTables.ts"
import { FollowedPartition } from "./FollowedPartition.ts"
import type { RowPorts } from "./FollowedPartition.ts"
import { FollowerOptions, KeepsRows } from "./FollowerOptions.ts"
import { makeReadStep } from "./readStep.ts"

/** A partition whose rows are kept, or taken away. */
interface Kept {
  readonly partition: FollowedPartition
  readonly isFollowed: boolean
  readonly fiber: Fiber.Fiber<void>
}

/**
 * Keeps the records of topics with `tusk.sql.records` as rows, for SQL: behind what is stored, on a session of its own. A
 * fiber for each partition waits as a consumer does. Beside it tables of `kafka.materialise`, a fiber each. Without SQL it
 * does nothing.
 */
export class Follower extends Context.Service<
  Follower,
  {
    /** Looks which topics are to be followed, and by which tables. */
    readonly look: Effect.Effect<void>
    /** Takes rows away that the log has lost, and those of partitions that are not followed. */
    readonly upkeep: Effect.Effect<void>
    /**
     * Takes away what is kept of a key's records below an offset, in `kafka.unpacked` and in materialised tables. The log has to
     * hold them no more: what a follower reads from then on is without them. Fails if a table stands: it is to be asked again.
     */
    readonly erase: (erased: ErasedKey) => Effect.Effect<void, KafkaError | StoreError>
    /** How far the materialised tables are. */
    readonly tables: () => ReadonlyArray<TableState>
  }
>()("@tusk/storage/log/follower/Follower") {
  static readonly layer = Layer.effect(
    Follower,
    Effect.gen(function* () {
      const { materialised, unpacked: rows } = yield* Store
      if (rows === undefined) return nothing
      const active = yield* Active
      const topics = yield* Topics
      const keepsRows = yield* KeepsRows
      const log = yield* Log
      const options = yield* FollowerOptions
      const readStep = makeReadStep(log, yield* OpenBatches, options)
      const turns = yield* Semaphore.make(1)
      const trouble = new Recurring("log")
      const tableTrouble = new Recurring("log")
      const { reign } = active
      const ports = { rows, log, readStep, turns, reign, paceMs: options.paceMs, trouble }
      const scope = yield* Effect.scope
      const followed = new Followed(ports, topics, scope)
      const tables =
        materialised === undefined
          ? undefined
          : new FollowedTables(
              materialised,
              { log, topics, readStep, options, reign, turns: yield* Semaphore.make(options.tableSteps) },
              scope
            )
      active.onTakeOver(() => Effect.sync(() => followed.unsettle()))

      const look = Effect.suspend(() =>
        followed.follow(
          new Set(topics.all().flatMap(({ name, partitionIds }) => (keepsRows(name) ? partitionIds : [])))
        )
      )
      const lookAtTables = Effect.matchEffect(tables?.look ?? Effect.void, {
        onFailure: (error) => tableTrouble.seen(`tables of kafka.materialise are looked for later: ${error.message}`),
        onSuccess: () => tableTrouble.over("tables of kafka.materialise are looked for")
      })
      const upkeep = Effect.catch(followed.upkeep, (error) =>
        trouble.seen(`rows follow the log later: ${error.message}`)
      )
      yield* Effect.forkScoped(often(options.lookMs, look))
      yield* Effect.forkScoped(often(options.upkeepIntervalMs, upkeep))
      if (tables !== undefined) yield* Effect.forkScoped(often(options.tableLookMs, lookAtTables))
      return Follower.of({
        look: Effect.andThen(look, lookAtTables),
        upkeep,
        erase: (erased) => Effect.andThen(followed.erase(erased), tables?.erase(erased) ?? Effect.void),
        tables: () => tables?.states ?? []
      })
    })
  )
}

/** Without SQL there is nothing to follow into. */
const nothing = Follower.of({
  look: Effect.void,
  upkeep: Effect.void,
  erase: () => Effect.void,
  tables: () => []
})

/** At once and then again and again. A bug ends one look, and not all that would follow. */
const often = (everyMs: number, look: Effect.Effect<void>): Effect.Effect<never> => {
  const guarded = Effect.catchDefect(look, (defect) => Effect.logError("defect in the follower", defect))
  return Effect.forever(Effect.andThen(guarded, Effect.sleep(everyMs)))
}

/** Which partitions are followed, and which are left. */
class Followed {
  readonly #ports: RowPorts
  readonly #topics: Pick<Topics["Service"], "ofPartition">
  readonly #scope: Scope.Scope
  readonly #kept = new Map<number, Kept>()
  #wanted: ReadonlySet<number> | undefined
  /** There may be rows of partitions that this process does not know of. */
  #isUnsettled = true

  constructor(ports: RowPorts, topics: Pick<Topics["Service"], "ofPartition">, scope: Scope.Scope) {
    this.#ports = ports
    this.#topics = topics
    this.#scope = scope
  }

  unsettle(): void {
    this.#isUnsettled = true
  }

  readonly follow = Effect.fnUntraced({ self: this }, function* (wanted: ReadonlySet<number>) {
    this.#wanted = wanted
    for (const [partitionId, kept] of this.#kept) {
      if (!kept.isFollowed || wanted.has(partitionId)) continue
      yield* Fiber.interrupt(kept.fiber)
      yield* this.#start(partitionId, false)
    }
    // One whose rows are still being taken away is followed once they are gone.
    for (const partitionId of wanted) if (!this.#kept.has(partitionId)) yield* this.#start(partitionId, true)
  })

  erase(erased: ErasedKey): Effect.Effect<void, StoreError> {
    const kept = this.#kept.get(erased.partitionId)
    return kept?.isFollowed === true ? kept.partition.erase(erased) : Effect.void
  }

  get upkeep(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      if (this.#wanted === undefined || (!this.#isUnsettled && this.#kept.size === 0)) return
      const { rows } = this.#ports
      const wasUnsettled = this.#isUnsettled
      this.#isUnsettled = false
      const strangers = wasUnsettled ? yield* this.#strangers(rows) : []
      for (const partitionId of strangers) yield* this.#start(partitionId, false)
      const reached = Array.from(
        this.#kept,
        ([partitionId, { partition }]) => [partitionId, partition.nextOffset] as const
      )
      const positions = yield* rows.positions
      yield* this.#lookAgain(reached, positions)
      for (const position of positions) {
        const kept = this.#kept.get(position.partitionId)
        if (kept?.isFollowed !== true) continue
        yield* Effect.catch(kept.partition.upkeep(position), (error) =>
          this.#ports.trouble.seen(
            `rows of ${this.#nameOf(position.partitionId)} follow the log later: ${error.message}`
          )
        )
      }
    })
  }

  /** A broker that did not know yet that it had lost the lock may have taken rows away that it was not to keep. */
  readonly #lookAgain = Effect.fnUntraced(
    { self: this },
    function* (
      reached: ReadonlyArray<readonly [partitionId: number, nextOffset: bigint | undefined]>,
      positions: ReadonlyArray<UnpackedPosition>
    ) {
      const there = new Map(positions.map(({ nextOffset, partitionId }) => [partitionId, nextOffset]))
      for (const [partitionId, nextOffset] of reached) {
        const kept = this.#kept.get(partitionId)
        if (nextOffset === undefined || kept?.isFollowed !== true) continue
        if ((there.get(partitionId) ?? -1n) >= nextOffset) continue
        yield* Fiber.interrupt(kept.fiber)
        yield* this.#start(partitionId, true)
      }
    }
  )

  /** Partitions with rows that nobody wants. */
  #strangers(rows: UnpackedRows): Effect.Effect<ReadonlyArray<number>, StoreError> {
    const found = Effect.zip(rows.positions, rows.leftOver)
    return found.pipe(
      Effect.map(([positions, leftOver]) =>
        [...positions.map(({ partitionId }) => partitionId), ...leftOver].filter(
          (partitionId) => this.#wanted?.has(partitionId) !== true && !this.#kept.has(partitionId)
        )
      ),
      Effect.tapError(() => Effect.sync(() => this.unsettle()))
    )
  }

  #start(partitionId: number, isFollowed: boolean): Effect.Effect<void> {
    const partition = new FollowedPartition(this.#ports, partitionId, this.#nameOf(partitionId))
    const retire = Effect.ensuring(
      partition.retire,
      Effect.sync(() => this.#kept.delete(partitionId))
    )
    return Effect.map(Effect.forkIn(isFollowed ? partition.follow : retire, this.#scope), (fiber) => {
      this.#kept.set(partitionId, { partition, isFollowed, fiber })
    })
  }

  #nameOf(partitionId: number): string {
    const known = this.#topics.ofPartition(partitionId)
    return known === undefined ? `partition ${partitionId}` : `${known.topic.name}-${known.index}`
  }
}
