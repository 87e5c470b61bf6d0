import { RequestTimedOut } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Active } from "./Active.ts"
import type { CommitQueue, Entry } from "./CommitQueue.ts"
import { fenced } from "./Deciding.ts"
import type { Deciding } from "./Deciding.ts"
import type { Flights } from "./Flights.ts"
import { Recurring } from "../Recurring.ts"
import { tellStored } from "./toldCommits.ts"
import type { CommitStore } from "../port/CommitStore.ts"
import type { Unit } from "../port/Write.ts"
import type { StorageCounts } from "../StorageCounts.ts"
import { Fenced, OutcomeUnknown, StoreRefused } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"
import { unitBytes } from "../writes/unitBytes.ts"

/** If the backend can do nothing, not every decision of a commit is tried alone. */
const MOST_UNAVAILABLE = 2

const late = () => new OutcomeUnknown({ message: "the cluster was taken over before the commit returned" })

/** What rounds are made with. */
export interface RoundPorts {
  readonly store: Pick<CommitStore, "commit">
  /** Whether that is the second door (`CommitStore.beside`). */
  readonly isBeside: boolean
  readonly flights: Flights
  readonly active: Active["Service"]
  readonly queue: CommitQueue
  readonly deciding: Deciding
  readonly counts: StorageCounts
  /** Units have left the queue. */
  readonly taken: () => void
  /** A commit is told that takes longer, with the wait of its first unit; 0: none is. */
  readonly slowMs: number
  /** Whether a commit is told at debug. */
  readonly isDebugTold: () => boolean
}

/** What one commit hands to the store. */
interface Sent {
  readonly units: ReadonlyArray<Unit>
  readonly bytes: number
}

/** A commit is stored. */
const count = (counts: StorageCounts, units: ReadonlyArray<Unit>, bytes: number, tookMs: number): void => {
  let batches = 0
  for (const unit of units) for (const { _tag } of unit) if (_tag === "Append") batches++
  counts.commitSeconds.observe(tookMs / 1000)
  counts.commitUnits.observe(units.length)
  counts.commitBatches.observe(batches)
  counts.commitBytes += bytes
}

/** From the queue to the store and back, one commit at a time; by a second door there is another one beside it. */
export class Rounds {
  readonly #ports: RoundPorts
  readonly #slow = new Recurring("commit")
  #inFlight: ReadonlyArray<Entry> = []
  /** Of a commit that was refused: each waits for one of its own. */
  #isolated: ReadonlyArray<Entry> = []

  constructor(ports: RoundPorts) {
    this.#ports = ports
  }

  /** Takes what waits, commits it, and tells each unit in it what became of it. */
  readonly round: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const { active, deciding, flights, isBeside, queue, taken } = this.#ports
    if (active.reign() === undefined) yield* active.whenReigning
    const reign = active.reign()
    // What was decided before a take-over, on state that was another broker's since, must not be stored after it.
    const others = queue.takeOthers(reign)
    if (others.length > 0) deciding.settleAll(others, fenced())
    if (reign === undefined) return
    for (const entry of queue.takeFailed()) deciding.settle(entry, entry.failure)
    if (isBeside && !flights.isSecondWanted(queue)) return
    const { bytes, joined, units } = queue.assemble(deciding.assemble, deciding.retract, flights.besides(isBeside))
    flights.begin(
      isBeside,
      joined.map(({ participant }) => participant)
    )
    taken()
    if (joined.length === 0) return
    const error = yield* this.#commit(joined, { units, bytes }, reign)
    const isAlone = joined.length === 1 || active.reign() !== reign
    if (error !== undefined && !isAlone) yield* this.#isolate(joined, reign)
  })

  /** A round ended in a defect: each unit in it is told. */
  fail(defect: unknown): void {
    const { deciding } = this.#ports
    deciding.settleAll(this.#inFlight, new OutcomeUnknown({ message: "a defect while committing", cause: defect }))
    deciding.settleAll(this.#isolated, new StoreRefused({ message: "a defect while committing", cause: defect }))
  }

  /** A round is over, and no unit is in it any more. */
  clear(): void {
    const { flights, isBeside, queue, taken } = this.#ports
    const wasHolding = this.#inFlight.length > 0
    this.#inFlight = []
    this.#isolated = []
    flights.end(isBeside)
    if (!wasHolding) return
    queue.freshen()
    taken()
  }

  /** Tells the callers that have waited long enough. */
  expire(nowMs: number): void {
    for (const entry of this.#inFlight) entry.expire(nowMs)
    for (const entry of this.#isolated) entry.expire(nowMs)
    this.#ports.queue.expire(nowMs)
  }

  /** There is no further round. What is in flight may be stored: its caller alone is told. */
  giveUp(): void {
    for (const entry of this.#inFlight) entry.tell(new RequestTimedOut({ message: "this broker stops" }))
    const { deciding, queue } = this.#ports
    deciding.settleAll([...this.#isolated, ...queue.takeAll()], new Fenced({ message: "this broker stops" }))
  }

  /** A unit that waits without writing wants to know that what it was decided on was still this broker's to tell. */
  #send(units: ReadonlyArray<Unit>): Effect.Effect<void, StoreError> {
    const { active, store } = this.#ports
    const written = units.filter((unit) => unit.length > 0)
    return Effect.catchDefect(written.length === 0 ? active.proven : store.commit(written), (cause) =>
      Effect.fail(new OutcomeUnknown({ message: "a defect in the store", cause }))
    )
  }

  /** One commit, and what becomes of those in it; returns the error of one that stored nothing. */
  readonly #commit = Effect.fnUntraced(
    { self: this },
    function* (joined: ReadonlyArray<Entry>, { bytes, units }: Sent, reign: number) {
      const { active, counts, deciding, isBeside } = this.#ports
      const askedAtMs = active.nowMs()
      this.#inFlight = joined
      const stored = yield* Effect.result(this.#send(units))
      if (Result.isSuccess(stored)) {
        // A take-over waits for both doors; that the lock is held is asked of the one that holds it.
        if (!isBeside) active.heard(askedAtMs)
        const tookMs = active.nowMs() - askedAtMs
        count(counts, units, bytes, tookMs)
        const line = this.#lineOf(joined, units, tookMs, askedAtMs)
        if (line !== undefined) yield* line
        if (active.reign() === reign) {
          deciding.settleAll(joined, undefined)
          return undefined
        }
      }
      // Behind a take-over an answer tells what a server did that may be no one's any more: what is there now holds.
      const error = Result.isFailure(stored) ? stored.failure : late()
      counts.commitFailed(error._tag)
      const aftermath = yield* active.failed(error, reign, isBeside)
      if (aftermath === "Stored") {
        deciding.settleAll(joined, undefined)
        return undefined
      }
      deciding.retractAll(joined)
      if (aftermath === "AsBefore" && joined.length > 1) return error
      // Nothing of it is stored. If there are several, it is not known any more which one is at fault.
      const isNobodys = joined.length > 1 || error._tag === "OutcomeUnknown"
      deciding.settleAll(joined, aftermath === "NotStored" && isNobodys ? fenced() : error)
      return error
    }
  )

  /** What is stored, at debug; a slow commit always. */
  #lineOf(
    joined: ReadonlyArray<Entry>,
    units: ReadonlyArray<Unit>,
    tookMs: number,
    askedAtMs: number
  ): Effect.Effect<void> | undefined {
    const { isDebugTold, slowMs } = this.#ports
    const queuedMs = askedAtMs - joined[0]!.sinceMs
    const stored = isDebugTold() ? tellStored(units, tookMs) : undefined
    if (slowMs === 0 || tookMs + queuedMs < slowMs) return stored
    const where = `${Math.round(queuedMs)} ms of its first unit in the queue, ${Math.round(tookMs)} ms in the store`
    const slow = this.#slow.seen(`slow commit of ${units.length} units: ${where}`)
    return stored === undefined ? slow : Effect.andThen(stored, slow)
  }

  /** A refusal is one unit's: each is decided anew, and committed alone. */
  readonly #isolate = Effect.fnUntraced({ self: this }, function* (entries: ReadonlyArray<Entry>, reign: number) {
    const { active, deciding } = this.#ports
    let unavailable = 0
    let last: StoreError | undefined
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!
      this.#isolated = entries.slice(i + 1)
      if (active.reign() !== reign || unavailable >= MOST_UNAVAILABLE) {
        return deciding.settleAll(entries.slice(i), active.reign() === reign ? last : fenced())
      }
      const unit = deciding.assemble(entry)
      if (unit === undefined) continue
      const error = yield* this.#commit([entry], { units: [unit], bytes: unitBytes(unit) }, reign)
      unavailable = error?._tag === "StoreUnavailable" ? unavailable + 1 : 0
      if (error !== undefined) last = error
    }
  })
}
