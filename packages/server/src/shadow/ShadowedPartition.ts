import { isRetriable, Refused } from "@tusk/client/ClientError"
import { StoreUnavailable } from "@tusk/storage/port/StoreError"
import type { ShadowPlace, ShadowRows } from "@tusk/storage/port/ShadowRows"
import type { Recurring } from "@tusk/storage/Recurring"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type * as Semaphore from "effect/Semaphore"
import { FILL_MOST, FILLER_BYTES } from "./Fillers.ts"
import type { Fillers } from "./Fillers.ts"
import { Flight } from "./Flight.ts"
import type { Budget } from "./Flight.ts"
import { planned } from "./Plan.ts"
import type { PlanOptions, Position, SourceRead, Step } from "./Plan.ts"
import type { Progress } from "./Progress.ts"
import { resumed } from "./Resume.ts"
import type { Known } from "./Resume.ts"
import { ShadowStop } from "./ShadowPorts.ts"
import type { ShadowError, ShadowSource, ShadowTarget } from "./ShadowPorts.ts"
import { offsetsFrom } from "./TargetBatch.ts"
import type { Sender } from "./TargetBatch.ts"

/** What the partitions of a shadow have in common. */
export interface ShadowParts {
  readonly source: ShadowSource
  readonly target: ShadowTarget
  readonly rows: ShadowRows
  readonly clusterId: string
  readonly sender: Sender
  readonly fills: boolean
  /** Bytes read of a partition at a time. */
  readonly readBytes: number
  /** What a batch may expand to where it has to be opened. */
  readonly openBytes: number
  /** Most entries of a partition's map that are kept. */
  readonly mapMost: number
  /** So many partitions read at a time. */
  readonly turns: Semaphore.Semaphore
  /** So many begin at a time: each asks the target a few questions. */
  readonly beginnings: Semaphore.Semaphore
  readonly budget: Budget
  readonly progress: Progress
  readonly trouble: Recurring
  readonly fillers: Fillers
}

/** A topic on both sides. */
export interface ShadowedTopic {
  readonly name: string
  readonly sourceTopicId: string
  readonly targetTopicId: string
  /** Whether the target refuses records without a key. */
  readonly isCompacted: boolean
  /** Greatest batch that the target takes. */
  readonly maxMessageBytes: number
}

type Failure = ShadowError | ShadowStop

const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 30_000
/** What a person has to do something about is looked at again so often. */
const STOPPED_MS = 30_000
const HELD_BACK_MS = 100
/** So often another one is ahead of us at the same place; more is no race. */
const REFUSALS = 10

const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const DUPLICATE_SEQUENCE_NUMBER = 46
const UNKNOWN_PRODUCER_ID = 59
/** Another one that forwards was faster; or the target has forgotten the producer. */
const OUTRUN: ReadonlySet<number> = new Set([
  OUT_OF_ORDER_SEQUENCE_NUMBER,
  DUPLICATE_SEQUENCE_NUMBER,
  UNKNOWN_PRODUCER_ID
])

const isOutrun = (error: Failure): boolean => error._tag === "Refused" && OUTRUN.has(error.code)

/** Whether somebody has to do something about it. */
const isLasting = (error: Failure): boolean =>
  error._tag === "ShadowStop" ||
  error._tag === "UnsupportedApi" ||
  (error instanceof Refused && !isRetriable(error) && !isOutrun(error))

/** One partition: from where its target ends on, without end. */
export class ShadowedPartition {
  readonly #parts: ShadowParts
  readonly #topic: ShadowedTopic
  readonly #place: ShadowPlace
  readonly #name: string
  #waitMs = FIRST_WAIT_MS
  /** Where the target ended when another one was faster, and how often. */
  #outrunAt = -1n
  #outrun = 0
  #isTroubled = false
  #isStopped = false

  constructor(parts: ShadowParts, topic: ShadowedTopic, partition: number) {
    this.#parts = parts
    this.#topic = topic
    this.#place = { topic: topic.name, partition }
    this.#name = `${topic.name}-${partition}`
  }

  get run(): Effect.Effect<never> {
    const guarded = Effect.catchDefect(this.#session, (defect) =>
      Effect.fail(new ShadowStop({ message: `a defect: ${String(defect)}` }))
    )
    return Effect.forever(Effect.catch(Effect.scoped(guarded), (error) => this.#failed(error)))
  }

  /** From the target's end on, until something fails. */
  get #session(): Effect.Effect<never, Failure, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const { budget, fillers, fills, openBytes, progress, sender, target } = this.#parts
      let position = yield* this.#parts.beginnings.withPermits(1)(this.#begin)
      const flight = new Flight({
        send: yield* target.channel(this.#place),
        sender,
        options: { fills, isCompacted: this.#topic.isCompacted, maxBytes: openBytes, fillers },
        budget,
        scope: yield* Effect.scope,
        acknowledged: ({ next, records, target: at }) => {
          this.#waitMs = FIRST_WAIT_MS
          progress.at(this.#place, at + BigInt(records), next)
        }
      })
      for (;;) {
        const step = Effect.catch(this.#step(position, flight), (error) =>
          // What is on its way arrives, or fails, before the target's end is looked at again.
          Effect.andThen(Effect.ignore(flight.settled), Effect.fail(error))
        )
        position = yield* step
      }
    })
  }

  #step(position: Position, flight: Flight): Effect.Effect<Position, Failure> {
    const { progress, source } = this.#parts
    return Effect.gen({ self: this }, function* () {
      const { next, read } = yield* this.#parts.turns.withPermits(1)(this.#forward(position, flight))
      if (next.source !== position.source) return next
      yield* flight.settled
      progress.at(this.#place, next.target, next.source, read.lastStableOffset)
      yield* this.#over
      if (next.source < read.lastStableOffset) yield* Effect.sleep(HELD_BACK_MS)
      else yield* source.moved(this.#place, read.lastStableOffset)
      return next
    })
  }

  #forward(position: Position, flight: Flight): Effect.Effect<{ next: Position; read: SourceRead }, Failure> {
    return Effect.gen({ self: this }, function* () {
      const { progress, readBytes, source } = this.#parts
      const read = yield* source.read(this.#place, position.source, readBytes)
      if (read.lastStableOffset < position.source) return yield* this.#ahead(position, read)
      progress.seen(this.#place, read.lastStableOffset)
      const { position: next, steps } = planned(position, read, this.#planOptions)
      yield* this.#map(steps)
      for (const step of steps) if (step._tag !== "Map") yield* flight.send(step)
      return { next, read }
    })
  }

  get #planOptions(): PlanOptions {
    const { fills, openBytes } = this.#parts
    const fitting = Math.floor(this.#topic.maxMessageBytes / FILLER_BYTES)
    return {
      fills,
      fillMost: Math.max(1, Math.min(FILL_MOST, fitting)),
      offsetsOf: (batch, from) => offsetsFrom(batch, from, openBytes)
    }
  }

  /** The target holds what the source does not have. */
  #ahead(position: Position, { lastStableOffset }: SourceRead): Effect.Effect<never, ShadowStop> {
    const message = `the target holds all up to ${position.source}, the log here ends at ${lastStableOffset}: it lost records`
    return Effect.fail(new ShadowStop({ message }))
  }

  /** Before anything behind it is sent: whoever goes on later has to know. */
  #map(steps: ReadonlyArray<Step>): Effect.Effect<void, Failure> {
    const { clusterId, rows } = this.#parts
    const entries = steps.flatMap((step) => (step._tag === "Map" ? [{ source: step.source, target: step.target }] : []))
    if (entries.length === 0) return Effect.void
    return Effect.flatMap(rows.map(clusterId, this.#place, entries), (held) =>
      held ? Effect.void : Effect.fail(elsewhere)
    )
  }

  get #begin(): Effect.Effect<Position, Failure> {
    return Effect.gen({ self: this }, function* () {
      const { clusterId, fills, rows, sender, source, target } = this.#parts
      if (!fills && !(yield* rows.lockMap(clusterId))) return yield* Effect.fail(elsewhere)
      // In this order: the target's end is no older than what was noted.
      const [row] = yield* rows.partitions(clusterId, this.#place)
      const mapped = fills ? [] : yield* rows.mapped(clusterId, this.#place)
      const { lastStableOffset, logStartOffset: sourceStart } = yield* source.ends(this.#place)
      const { sourceTopicId, targetTopicId } = this.#topic
      const end = yield* target.end(this.#place)
      const known = { row, target: end, sourceTopicId, targetTopicId, sourceStart, fills, sender, mapped }
      const found = resumed(known)
      switch (found._tag) {
        case "Stop":
          if (row === undefined) yield* this.#keep(known, 0n, "")
          return yield* new ShadowStop({ message: found.why })
        case "Anew":
          yield* rows.forget(clusterId, this.#place)
          return yield* this.#begin
        case "Begin":
          yield* this.#keep(known, found.position.difference, targetTopicId)
          break
        case "GoOn":
          if (!fills) yield* this.#trim(mapped, end.end)
      }
      this.#parts.progress.at(this.#place, found.position.target, found.position.source, lastStableOffset)
      return found.position
    })
  }

  /** Entries of what was not sent go, and the oldest of too many. */
  #trim(mapped: Known["mapped"], from: bigint): Effect.Effect<void, Failure> {
    const { clusterId, mapMost, rows } = this.#parts
    const oldest = mapped.length > mapMost ? mapped[mapped.length - mapMost]!.target : -1n
    return rows.trimMap(clusterId, this.#place, { from, oldest })
  }

  #keep({ fills, sourceStart, sourceTopicId, target }: Known, difference: bigint, targetTopicId: string) {
    const { clusterId, rows } = this.#parts
    const { end } = target
    return rows.begin(clusterId, {
      ...this.#place,
      sourceTopicId,
      targetTopicId,
      difference,
      fills,
      targetStart: end,
      targetEnd: end,
      sourceNext: sourceStart,
      sourceEnd: sourceStart,
      stoppedWhy: undefined
    })
  }

  #failed(error: Failure): Effect.Effect<void> {
    if (isOutrun(error)) return this.#outran(error)
    return isLasting(error) ? this.#stopped(error.message) : this.#later(error)
  }

  /** A race is no trouble; the one that loses it leaves the way to the other. */
  #outran(error: Failure): Effect.Effect<void> {
    const at = this.#parts.progress.targetEnd(this.#place) ?? -1n
    this.#outrun = at === this.#outrunAt ? this.#outrun + 1 : 1
    this.#outrunAt = at
    if (this.#outrun >= REFUSALS) return this.#stopped(`the target refuses what follows ${at}: ${error.message}`)
    return Effect.suspend(() => Effect.sleep(this.#nextWaitMs()))
  }

  /** It has caught up. */
  get #over(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const wasStopped = this.#isStopped
      const wasTroubled = this.#isTroubled
      this.#isStopped = this.#isTroubled = false
      if (wasStopped) return Effect.logInfo(`the shadow of ${this.#name} goes on`)
      return wasTroubled ? this.#parts.trouble.over(`the shadow of ${this.#name} goes on`) : Effect.void
    })
  }

  #later({ _tag, message }: Failure): Effect.Effect<void> {
    return Effect.suspend(() => {
      // Of a connection that nobody used for long a broker may have had enough.
      if (_tag === "ConnectionLost" && this.#waitMs === FIRST_WAIT_MS) return Effect.sleep(this.#nextWaitMs())
      this.#isTroubled = true
      const waitMs = this.#nextWaitMs()
      const told = this.#parts.trouble.seen(`the shadow of ${this.#name} goes on in ${waitMs} ms: ${message}`)
      return Effect.andThen(told, Effect.sleep(waitMs))
    })
  }

  #nextWaitMs(): number {
    const waitMs = this.#waitMs
    this.#waitMs = Math.min(LONGEST_WAIT_MS, waitMs * 2)
    return waitMs
  }

  #stopped(why: string): Effect.Effect<void> {
    const { clusterId, progress, rows } = this.#parts
    this.#isStopped = true
    const isNew = progress.stop(this.#place, why)
    const told = isNew ? Effect.logWarning(`the shadow of ${this.#name} stops: ${why}`) : Effect.void
    const noted = Effect.catch(rows.stop(clusterId, this.#place, why), ({ message }) =>
      this.#parts.trouble.seen(`why a shadow stopped is not noted: ${message}`)
    )
    return Effect.andThen(Effect.andThen(told, noted), Effect.sleep(STOPPED_MS))
  }
}

/** Offsets are mapped by one at a time. */
const elsewhere = new StoreUnavailable({ message: "another one forwards without fillers, and maps offsets" })
