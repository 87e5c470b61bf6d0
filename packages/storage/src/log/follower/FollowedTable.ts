import { isKafkaError, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { ErasedKey, FollowerPosition } from "../../port/FollowerRows.ts"
import type { MaterialisedRows, MaterialisedTable } from "../../port/MaterialisedTables.ts"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Recurring } from "../../Recurring.ts"
import type { Topic, Topics } from "../../topics/Topics.ts"
import type { Log, PartitionEnd } from "../Log.ts"
import type { FollowerOptions } from "./FollowerOptions.ts"
import { Patience } from "./Patience.ts"
import type { ReadStep } from "./readStep.ts"
import { readNewest } from "./readNewest.ts"
import { Standstill } from "./Standstill.ts"

/** Rows that one statement deletes. */
const CLEAR_ROWS = 10_000

/** What tables are kept with. */
export interface TablePorts {
  readonly log: Pick<Log["Service"], "ends" | "awaitBytes">
  readonly topics: Pick<Topics["Service"], "byName" | "ofPartition">
  readonly readStep: ReadStep
  /** Another one: what is stored of rows may be less than it was, after a crash of the database. */
  readonly reign: () => number | undefined
  /** So many steps at a time have their batches in memory. */
  readonly turns: Semaphore.Semaphore
  readonly options: Pick<FollowerOptions, "paceMs" | "tableLookMs" | "tablePatienceMs">
}

/** How far a table is, over its partitions. */
export interface TableState {
  readonly table: string
  /** Records that the log has beyond it. */
  readonly lag: bigint
  /** Partitions that do not go on: all of them if the table takes nothing. */
  readonly standing: number
}

type Failure = KafkaError | StoreError
/** What came of a look at a partition: there was nothing to do, all of it is done, or there is more. */
type Outcome = "Idle" | "Reached" | "More"

const movedAway = () => new StoreUnavailable({ message: "the position is not where this broker left it" })

/**
 * One table that follows a topic. Its partitions take turns, a step each; what the table as a whole refuses holds all of them
 * up, a record that does not fit only its own partition.
 */
export class FollowedTable {
  readonly table: MaterialisedTable
  readonly #rows: MaterialisedRows
  readonly #ports: TablePorts
  readonly #trouble = new Recurring("log")
  readonly #patience: Patience
  readonly #standstill: Standstill
  /** One step at a time, or an erasure between two. */
  readonly #turn = Semaphore.makeUnsafe(1)
  /** Where each partition goes on; one that is missing is looked up. */
  readonly #next = new Map<number, FollowerPosition>()
  /** Where they end, as of the last look. */
  readonly #ends = new Map<number, bigint>()
  /** In which `#next` was stored. */
  #reign: number | undefined
  #topicId: string | undefined
  /** What was noted of a step that failed: each reason once. */
  #noted: string | undefined

  constructor(table: MaterialisedTable, rows: MaterialisedRows, ports: TablePorts) {
    this.table = table
    this.#rows = rows
    this.#ports = ports
    this.#topicId = table.topicId
    this.#patience = new Patience(this.#what, this.#trouble, ports.options.tablePatienceMs)
    this.#standstill = new Standstill(ports.options.tablePatienceMs)
  }

  /** Whose rows it has, as far as it knows. */
  get topicId(): string | undefined {
    return this.#topicId
  }

  get #what(): string {
    return `the table ${this.table.name}`
  }

  get state(): TableState {
    let lag = 0n
    for (const [partitionId, end] of this.#ends) lag += end - (this.#next.get(partitionId)?.nextOffset ?? end)
    return {
      table: this.table.name,
      lag,
      standing: this.#noted === undefined ? this.#standstill.size : this.#ends.size
    }
  }

  /** Writes what is appended, without end. What fails is told, and waited for; a bug ends one try. */
  get follow(): Effect.Effect<never> {
    return Effect.forever(
      this.#round.pipe(
        Effect.catch((error) => this.#patience.after(error.message)),
        Effect.catchDefect((defect) => this.#patience.after(`defect: ${String(defect)}`))
      )
    )
  }

  /** Between two steps: none has read batches that were replaced meanwhile. Fails if the table does not take it now. */
  erase(erased: ErasedKey): Effect.Effect<void, Failure> {
    return this.#turn.withPermits(1)(this.#erase(erased))
  }

  /** A step of each partition that has one, or a wait until there may be one. */
  readonly #round: Effect.Effect<void, Failure> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      const { log, options, reign } = this.#ports
      if (this.#reign !== reign()) this.#next.clear()
      this.#reign = reign()
      const topic = yield* this.#turn.withPermits(1)(this.#owner())
      if (topic === undefined) return yield* Effect.sleep(options.tableLookMs)
      const outcomes = yield* this.#steps(topic)
      if (outcomes.includes("More")) return
      if (outcomes.includes("Reached")) return yield* Effect.sleep(options.paceMs)
      const nowMs = yield* Clock.currentTimeMillis
      const waiting = topic.partitionIds
        .filter((partitionId) => !this.#standstill.isHeld(partitionId, nowMs))
        .map((partitionId) => ({
          partitionId,
          bound: "LastStableOffset" as const,
          readableEnd: this.#ends.get(partitionId) ?? 0n
        }))
      const aWhile = Effect.sleep(this.#standstill.leftMs(nowMs, options.tableLookMs))
      yield* waiting.length === 0 ? aWhile : Effect.raceFirst(log.awaitBytes(waiting, 1), aWhile)
    })
  )

  /** The topic as it is now, once all rows are its own; undefined: there is none. */
  readonly #owner = Effect.fnUntraced({ self: this }, function* () {
    const topic = this.#ports.topics.byName(this.table.topic)
    if (topic !== undefined && topic.topicId === this.#topicId) return topic
    this.#next.clear()
    this.#ends.clear()
    this.#standstill.clear()
    if (topic === undefined) return undefined
    // Rows of another topic that had this name, or nothing yet; if they are not, whoever looks for tables begins with it anew.
    const former = this.#topicId
    const clear = this.#ports.turns.withPermits(1)(this.#rows.clear(former, CLEAR_ROWS))
    let gone = yield* clear
    while (gone === CLEAR_ROWS) gone = yield* clear
    if (gone === undefined || !(yield* this.#rows.belongTo(former, topic.topicId))) return yield* movedAway()
    this.#topicId = topic.topicId
    return topic
  })

  readonly #steps = Effect.fnUntraced({ self: this }, function* ({ partitionIds }: Topic) {
    const ends = yield* this.#ports.log.ends(partitionIds)
    const outcomes: Array<Outcome> = []
    for (const [i, partitionId] of partitionIds.entries()) {
      const end = ends[i]!
      if (isKafkaError(end)) return yield* end
      this.#ends.set(partitionId, end.lastStableOffset)
      if (this.#standstill.isHeld(partitionId, yield* Clock.currentTimeMillis)) continue
      outcomes.push(yield* this.#turn.withPermits(1)(this.#step(partitionId, end)))
    }
    return outcomes
  })

  readonly #step = Effect.fnUntraced({ self: this }, function* (partitionId: number, end: PartitionEnd) {
    const from = this.#next.get(partitionId) ?? (yield* this.#begin(partitionId, end))
    this.#next.set(partitionId, from)
    if (from.nextOffset >= end.lastStableOffset) {
      // Somebody else has taken it beyond the record at which it stood.
      yield* this.#goesOn(partitionId)
      return "Idle" as const
    }
    const added = yield* this.#ports.turns.withPermits(1)(this.#advance(partitionId, from, end))
    this.#noted = undefined
    if (added === undefined) {
      this.#next.delete(partitionId)
      return yield* movedAway()
    }
    const { nextOffset, refusal } = added
    this.#next.set(partitionId, added)
    if (refusal === undefined) yield* this.#goesOn(partitionId)
    else yield* this.#stands(partitionId, nextOffset)
    return refusal !== undefined || nextOffset >= end.lastStableOffset ? ("Reached" as const) : ("More" as const)
  })

  readonly #begin = Effect.fnUntraced({ self: this }, function* (partitionId: number, end: PartitionEnd) {
    const known = yield* this.#rows.position(partitionId)
    if (known !== undefined) return known
    yield* this.#rows.begin(partitionId, end.logStartOffset)
    return (yield* this.#rows.position(partitionId)) ?? (yield* movedAway())
  })

  readonly #advance = Effect.fnUntraced(
    { self: this },
    function* (partitionId: number, at: FollowerPosition, end: PartitionEnd) {
      const start = end.logStartOffset
      const from = at.nextOffset
      const step =
        from < start
          ? { partitionId, from, to: start, batches: [] }
          : yield* this.#ports.readStep(partitionId, from, end.lastStableOffset)
      return yield* Effect.tapError(this.#rows.add(step, at.version), (error) => this.#note(partitionId, error))
    }
  )

  /** Once a reason. That it cannot be noted, as a database that is away, is not to hide it. */
  #note(partitionId: number, { _tag, message }: StoreError): Effect.Effect<void> {
    if (_tag === "Fenced" || this.#noted === message) return Effect.void
    this.#noted = message
    return Effect.ignore(this.#rows.stands(partitionId, message))
  }

  #goesOn(partitionId: number): Effect.Effect<void> {
    this.#standstill.release(partitionId)
    return this.#standstill.size === 0 ? this.#patience.reset : Effect.void
  }

  /** Why is told where it can be erased: it may quote a record. */
  readonly #stands = Effect.fnUntraced({ self: this }, function* (partitionId: number, at: bigint) {
    this.#standstill.hold(partitionId, at, yield* Clock.currentTimeMillis)
    const index = this.#ports.topics.ofPartition(partitionId)?.index
    yield* this.#trouble.seen(
      `${this.#what} stands at offset ${at} of ${this.table.topic}-${index}: see kafka.materialised`
    )
  })

  readonly #erase = Effect.fnUntraced({ self: this }, function* (erased: ErasedKey) {
    const { below, key, partitionId } = erased
    const at = yield* this.#rows.position(partitionId)
    if (at === undefined) return
    const to = at.nextOffset
    const newest = below < to ? yield* this.#newest(partitionId, key, below, to) : undefined
    const batches = newest === undefined ? [] : [newest]
    const from = below < to ? below : to
    const since = { partitionId, from, to, batches }
    // It is in another version then, by which a step that comes late is told from one that is read from here.
    this.#next.delete(partitionId)
    const isDone = yield* this.#ports.turns.withPermits(1)(this.#rows.erase(erased, since, at.version))
    // With it went what was noted: it may tell a value.
    this.#noted = undefined
    return isDone ? undefined : yield* movedAway()
  })

  readonly #newest = Effect.fnUntraced(
    { self: this },
    function* (partitionId: number, key: Uint8Array, from: bigint, to: bigint) {
      const [end] = yield* this.#ports.log.ends([partitionId])
      if (end === undefined) return yield* new UnknownTopicOrPartition()
      if (isKafkaError(end)) return yield* end
      const start = from < end.logStartOffset ? end.logStartOffset : from
      return yield* readNewest(this.#ports.readStep, { partitionId, key, from: start, to })
    }
  )
}
