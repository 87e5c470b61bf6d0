import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import * as Semaphore from "effect/Semaphore"
import { Active } from "../../commit/Active.ts"
import { Committer } from "../../commit/Committer.ts"
import type { Erasures } from "../../port/Erasures.ts"
import { Store } from "../../port/Store.ts"
import { Recurring } from "../../Recurring.ts"
import { Counts } from "../../StorageCounts.ts"
import { Topics } from "../../topics/Topics.ts"
import { BatchCodec } from "../batches/BatchCodec.ts"
import { OpenBatches } from "../batches/OpenBatches.ts"
import { Follower } from "../follower/Follower.ts"
import { Log } from "../Log.ts"
import { makeFilterBatch } from "../rewriting/filterBatch.ts"
import { Rewriting } from "../rewriting/Rewriting.ts"
import { makeReadBatches } from "../rewriting/walkBatches.ts"
import { EraseOptions } from "./EraseOptions.ts"
import { makeEraseRows } from "./eraseRows.ts"
import { Pace } from "./Pace.ts"
import { makeEraseStep } from "./PartitionErasure.ts"
import { TopicErasure } from "./TopicErasure.ts"
import type { Outcome, TopicErasurePorts } from "./TopicErasure.ts"

/**
 * Takes all records of a key away, as SQL asks by `kafka.erase`: out of the log, batch after batch, at a bounded rate, and
 * then out of what is kept of it as rows. Goes on where it was after a crash or a take-over.
 */
export class Erase extends Context.Service<
  Erase,
  {
    /** Carries out what can be carried out now. Tells whether something waits. */
    readonly check: Effect.Effect<boolean>
    /** Topics for which something is to be erased. */
    readonly waiting: () => number
  }
>()("@tusk/storage/log/erase/Erase") {
  private static readonly layerNoDeps = Layer.effect(
    Erase,
    Effect.gen(function* () {
      const store = yield* Store
      const { erasures } = store
      if (erasures === undefined) return Erase.of({ check: Effect.succeed(false), waiting: () => 0 })
      const active = yield* Active
      const options = yield* EraseOptions
      const rewriting = yield* Rewriting
      const clock = yield* Clock.Clock
      const counts = yield* Counts
      const filter = makeFilterBatch(yield* OpenBatches, yield* BatchCodec)
      const read = makeReadBatches(store, options.stepBytes)
      const due = yield* Queue.sliding<void>(1)
      const isVacuumDue = () => void Queue.offerUnsafe(due, undefined)
      const erasing = new Erasing({
        active,
        erasures,
        store,
        topics: yield* Topics,
        log: yield* Log,
        committer: yield* Committer,
        rewriting,
        step: makeEraseStep({ read, filter, rewriting, counts }),
        rows: makeEraseRows(erasures, store, yield* Follower),
        pace: new Pace(options),
        options,
        nowMs: () => clock.currentTimeMillisUnsafe(),
        finished: isVacuumDue
      })
      active.onTakeOver(() =>
        Effect.sync(() => {
          erasing.clear()
          isVacuumDue()
        })
      )
      isVacuumDue()
      yield* Effect.forkScoped(erasing.work)
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(Queue.take(due), vacuuming(active, erasures, options))))
      return Erase.of({ check: erasing.check, waiting: () => erasing.waiting })
    })
  )

  /** A layer is built once: whoever rewrites logs takes turns with the others. */
  static readonly layer = Layer.provide(this.layerNoDeps, Rewriting.layer)
}

/** Between two tries to vacuum, at most. */
const LONGEST_REST_MS = 600_000

/** Until it has succeeded. */
const vacuuming = (active: Active["Service"], { vacuum }: Erasures, { longestWaitMs }: EraseOptions) => {
  const trouble = new Recurring("log")
  const tried = (restMs: number): Effect.Effect<void> =>
    Effect.andThen(active.whenReigning, vacuum).pipe(
      Effect.andThen(trouble.over("what was erased is vacuumed")),
      Effect.catch(({ message }) =>
        trouble
          .seen(`what was erased is vacuumed in ${restMs} ms: ${message}`)
          .pipe(
            Effect.andThen(Effect.sleep(restMs)),
            Effect.andThen(Effect.suspend(() => tried(Math.min(2 * restMs, LONGEST_REST_MS))))
          )
      )
    )
  return tried(longestWaitMs)
}

type ErasingPorts = TopicErasurePorts & { readonly active: Active["Service"] }

/** The topics for which something is asked, in turn. */
class Erasing {
  readonly #ports: ErasingPorts
  readonly #trouble = new Recurring("log")
  readonly #one = Semaphore.makeUnsafe(1)
  #topics: ReadonlyMap<string, TopicErasure> = new Map()
  #waitMs: number

  constructor(ports: ErasingPorts) {
    this.#ports = ports
    this.#waitMs = ports.options.waitMs
  }

  get waiting(): number {
    return this.#topics.size
  }

  clear(): void {
    this.#topics = new Map()
  }

  /** All topics in turn, until each is done with or waits. */
  get check(): Effect.Effect<boolean> {
    const check = Effect.gen({ self: this }, function* () {
      while (true) {
        const outcomes = yield* this.#lookAtAll
        if (!outcomes.includes("GoesOn")) return outcomes.includes("Waits")
        this.#waitMs = this.#ports.options.waitMs
      }
    })
    return this.#one.withPermits(1)(check)
  }

  /** Without end. What waits is looked at again, more rarely each time. */
  get work(): Effect.Effect<never> {
    return Effect.forever(
      Effect.andThen(
        this.#ports.active.whenReigning,
        Effect.flatMap(this.check, (waits) => this.#pause(waits))
      )
    )
  }

  #pause(waits: boolean): Effect.Effect<void> {
    const { erasures, options } = this.#ports
    const waitMs = waits ? this.#waitMs : options.lookMs
    if (waits) this.#waitMs = Math.min(2 * waitMs, options.longestWaitMs)
    return Effect.catch(erasures.woken(waitMs), () => Effect.sleep(options.waitMs))
  }

  get #lookAtAll(): Effect.Effect<ReadonlyArray<Outcome>> {
    return Effect.gen({ self: this }, function* () {
      const ids = yield* this.#ports.erasures.topics
      const known = this.#topics
      this.#topics = new Map(ids.map((id) => [id, known.get(id) ?? new TopicErasure(this.#ports, id)]))
      const outcomes: Array<Outcome> = []
      for (const topic of this.#topics.values()) outcomes.push(yield* this.#guarded(topic.look))
      return outcomes
    }).pipe(Effect.catch((error) => Effect.as(this.#tell(error.message), ["Waits" as const])))
  }

  /** One topic's trouble does not keep the others from their turn. */
  #guarded(look: TopicErasure["look"]): Effect.Effect<Outcome> {
    return look.pipe(
      Effect.tap(() => this.#trouble.over("erasing goes on")),
      Effect.catchDefect((defect) => Effect.fail({ message: `a defect: ${String(defect)}` })),
      Effect.catch(({ message }) => Effect.as(this.#tell(message), "Waits" as const))
    )
  }

  /** During a take-over nothing is wrong. */
  #tell(message: string | undefined): Effect.Effect<void> {
    return this.#ports.active.reign() === undefined
      ? Effect.void
      : this.#trouble.seen(`erasing goes on later: ${message}`)
  }
}
