import type { KafkaError } from "@tusk/protocol/KafkaError"
import { RequestTimedOut } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Active } from "./Active.ts"
import { CommitQueue } from "./CommitQueue.ts"
import type { Entry } from "./CommitQueue.ts"
import type { Participant } from "./Participant.ts"
import { writing } from "./Participant.ts"
import { committerDefaults } from "../defaults.ts"
import { makeSignal } from "../Signal.ts"
import { Store } from "../port/Store.ts"
import type { Unit } from "../port/Write.ts"
import { Fenced, OutcomeUnknown, StoreRefused } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"
import { toKafkaError } from "../port/toKafkaError.ts"

/** Longest wait for the store when this broker stops. */
const STOP_MS = 5000
/** How often those are looked for who have waited long enough. */
const DEADLINE_INTERVAL_MS = 500
/** Where the backend can do nothing, not every decision of a commit is tried alone. */
const MOST_UNAVAILABLE = 2

const late = () => new OutcomeUnknown({ message: "the cluster was taken over before the commit returned" })
const fenced = () => new Fenced({ message: "this broker does not hold the cluster's lock" })

export interface CommitterOptions {
  /** Bytes after which a commit takes no further unit; one alone may be larger. */
  readonly maxCommitBytes: number
  /** Bytes of waiting units beyond which `room` makes connections wait. */
  readonly maxQueuedBytes: number
  /** `request.timeout.ms`: how long a caller waits who names no time. */
  readonly requestTimeoutMs: number
}

export const CommitterOptions = Context.Reference<CommitterOptions>("@tusk/storage/CommitterOptions", {
  defaultValue: () => committerDefaults
})

/** Told once, when it is known what became of the unit, or nobody waits any longer. */
export type Done<A> = (error: KafkaError | undefined, answer: () => A) => void

/** Group commit: whatever waits when a commit returns goes into the next one; one commit is in flight at a time. */
export class Committer extends Context.Service<
  Committer,
  {
    /**
     * Takes its place in the queue when it is run, in the caller's turn, and waits for what becomes of it. After
     * `timeoutMs` (`request.timeout.ms`; Infinity for never) REQUEST_TIMED_OUT: the unit goes on all the same, and so it does
     * if the caller is interrupted.
     */
    readonly submit: <A>(participant: Participant<A>, timeoutMs?: number) => Effect.Effect<A, KafkaError>
    /** The same for who is no fiber. Takes its place now, never waits, never fails. */
    readonly offer: <A>(participant: Participant<A>, done: Done<A>, timeoutMs?: number) => void
    /** Submits writes that need no decision; of the broker's own, which wait for as long as it takes. */
    readonly write: (unit: Unit) => Effect.Effect<void, KafkaError>
    /** Whether not too many bytes wait for a commit, and a wait until it is so. */
    readonly hasRoom: () => boolean
    readonly room: Effect.Effect<void>
  }
>()("@tusk/storage/commit/Committer") {
  static readonly layer = Layer.effect(
    Committer,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const options = yield* CommitterOptions
      const fork = Effect.runForkWith(yield* Effect.context<never>())
      const changed = makeSignal()
      const queue = new CommitQueue(options.maxCommitBytes)
      let inFlight: ReadonlyArray<Entry> = []
      /** Of a commit that was refused: each waits for one of its own. */
      let isolated: ReadonlyArray<Entry> = []
      let stopping = false

      const log = (defect: unknown): void => {
        fork(Effect.logError("defect in a decision", defect))
      }
      /** The last of a unit: its service is told, then its caller. */
      const settle = (entry: Entry, error: StoreError | undefined): void => {
        let outcome = error === undefined ? entry.refusal : toKafkaError(error)
        if (entry.refusal === undefined || error !== undefined) {
          try {
            entry.participant.settle(error)
          } catch (defect) {
            log(defect)
            outcome ??= toKafkaError(
              new StoreRefused({ message: "a defect while a commit was settled", cause: defect })
            )
          }
        }
        entry.tell(outcome)
      }
      const settleAll = (entries: ReadonlyArray<Entry>, error: StoreError | undefined): void => {
        for (const entry of entries) settle(entry, error)
      }
      /** Takes back what was assumed, the last first, so that each finds the state it left. */
      const retractAll = (entries: ReadonlyArray<Entry>): void => {
        for (let i = entries.length - 1; i >= 0; i--) retract(entries[i]!)
      }
      const retract = ({ participant }: Entry): void => {
        try {
          participant.retract()
        } catch (defect) {
          log(defect)
        }
      }

      /** Decides one unit. Its writes where it is part of the commit, else undefined: it has its answer. */
      const assemble = (entry: Entry): Unit | undefined => {
        const writes: Array<Unit[number]> = []
        try {
          const verdict = entry.participant.assemble(writes)
          entry.refusal = undefined
          if (verdict === "Stored") return writes
          if (verdict === "Told") {
            entry.tell(undefined)
            return undefined
          }
          // What it was refused for may be a thing of this very commit: it is told when that is stored.
          retract(entry)
          entry.refusal = verdict
          return []
        } catch (cause) {
          log(cause)
          retract(entry)
          settle(entry, new StoreRefused({ message: "a decision could not be made", cause }))
          return undefined
        }
      }

      /** Who waits without writing wants to know that what it was decided on was still this broker's to tell. */
      const send = (units: ReadonlyArray<Unit>): Effect.Effect<void, StoreError> => {
        const written = units.filter((unit) => unit.length > 0)
        return Effect.catchDefect(written.length === 0 ? active.proven : store.commit(written), (cause) =>
          Effect.fail(new OutcomeUnknown({ message: "a defect in the store", cause }))
        )
      }

      /** One commit, and what becomes of those in it; returns the error of one that stored nothing. */
      const commit = Effect.fnUntraced(function* (
        joined: ReadonlyArray<Entry>,
        units: ReadonlyArray<Unit>,
        reign: number
      ) {
        const askedAtMs = active.nowMs()
        inFlight = joined
        const stored = yield* Effect.result(send(units))
        if (Result.isSuccess(stored)) {
          active.heard(askedAtMs)
          if (active.reign() === reign) {
            settleAll(joined, undefined)
            return undefined
          }
        }
        // Behind a take-over an answer tells what a server did that may be no one's any more: what is there now holds.
        const error = Result.isFailure(stored) ? stored.failure : late()
        const aftermath = yield* active.failed(error, reign)
        if (aftermath === "Stored") {
          settleAll(joined, undefined)
          return undefined
        }
        retractAll(joined)
        if (aftermath === "AsBefore" && joined.length > 1) return error
        // Nothing of it is stored, and whose fault that is cannot be found out any more where there are several.
        const isNobodys = joined.length > 1 || error._tag === "OutcomeUnknown"
        settleAll(joined, aftermath === "NotStored" && isNobodys ? fenced() : error)
        return error
      })

      /** A refusal is one unit's: each is decided anew, and committed alone. */
      const isolate = Effect.fnUntraced(function* (entries: ReadonlyArray<Entry>, reign: number) {
        let unavailable = 0
        let last: StoreError | undefined
        for (let i = 0; i < entries.length; i++) {
          const entry = entries[i]!
          isolated = entries.slice(i + 1)
          if (active.reign() !== reign || unavailable >= MOST_UNAVAILABLE) {
            return settleAll(entries.slice(i), active.reign() === reign ? last : fenced())
          }
          const unit = assemble(entry)
          if (unit === undefined) continue
          const error = yield* commit([entry], [unit], reign)
          unavailable = error?._tag === "StoreUnavailable" ? unavailable + 1 : 0
          if (error !== undefined) last = error
        }
      })

      const round = Effect.gen(function* () {
        if (active.reign() === undefined) yield* active.whenReigning
        const reign = active.reign()
        // What was decided before a take-over, on state that was another broker's since, must not be stored after it.
        const others = queue.takeOthers(reign)
        if (others.length > 0) settleAll(others, fenced())
        if (reign === undefined) return
        for (const entry of queue.takeFailed()) settle(entry, entry.failure)
        const { joined, units } = queue.assemble(assemble, retract)
        changed.notify()
        if (joined.length === 0) return
        const error = yield* commit(joined, units, reign)
        const isAlone = joined.length === 1 || active.reign() !== reign
        if (error !== undefined && !isAlone) yield* isolate(joined, reign)
      })

      const loop = yield* Effect.gen(function* () {
        while (true) {
          yield* changed.until(() => queue.isDue(active.reign()) || (stopping && queue.isEmpty))
          if (queue.isEmpty && stopping) return
          yield* Effect.catchDefect(round, (defect) => {
            settleAll(inFlight, new OutcomeUnknown({ message: "a defect while committing", cause: defect }))
            settleAll(isolated, new StoreRefused({ message: "a defect while committing", cause: defect }))
            return Effect.logError("defect while committing", defect)
          })
          inFlight = []
          isolated = []
        }
      }).pipe(Effect.forkScoped)

      yield* Effect.gen(function* () {
        while (true) {
          yield* Effect.sleep(DEADLINE_INTERVAL_MS)
          const nowMs = active.nowMs()
          for (const entry of inFlight) entry.expire(nowMs)
          for (const entry of isolated) entry.expire(nowMs)
          queue.expire(nowMs)
        }
      }).pipe(Effect.forkScoped)
      active.onTakeOver(() => Effect.sync(changed.notify))

      // A clean stop: what was admitted is stored before the lock is given back, unless the store is away for too long.
      yield* Effect.addFinalizer(() => {
        stopping = true
        changed.notify()
        return Effect.timeoutOption(Fiber.await(loop), STOP_MS).pipe(
          Effect.andThen(Fiber.interrupt(loop)),
          Effect.andThen(
            Effect.sync(() => {
              for (const entry of inFlight) entry.tell(new RequestTimedOut({ message: "this broker stops" }))
              settleAll([...isolated, ...queue.takeAll()], new Fenced({ message: "this broker stops" }))
            })
          )
        )
      })

      /** What a unit needs is read beside the queue: nobody waits for it but who comes behind it in the same partitions. */
      const prepare = (entry: Entry, needs: Effect.Effect<void, StoreError>): void => {
        fork(
          needs.pipe(
            Effect.catchDefect((cause) =>
              Effect.fail(new StoreRefused({ message: "a defect while a decision was prepared", cause }))
            ),
            Effect.matchEffect({
              onFailure: (error) => Effect.sync(() => queue.prepared(entry, error)),
              onSuccess: () => Effect.sync(() => queue.prepared(entry, undefined))
            }),
            Effect.andThen(Effect.sync(changed.notify))
          )
        )
      }

      const offer = <A>(
        participant: Participant<A>,
        done: Done<A>,
        timeoutMs: number = options.requestTimeoutMs
      ): void => {
        const reign = active.reign()
        const tell = (error: KafkaError | undefined) => done(error, () => participant.answer())
        if (reign === undefined || stopping) {
          const error = stopping ? new Fenced({ message: "this broker is stopping" }) : fenced()
          participant.settle(error)
          return tell(toKafkaError(error))
        }
        const entry = queue.add(participant, reign, active.nowMs() + timeoutMs, tell)
        if (participant.prepare !== undefined) prepare(entry, participant.prepare)
        changed.notify()
      }

      const hasRoom = () => queue.bytes <= options.maxQueuedBytes

      const submit = <A>(participant: Participant<A>, timeoutMs?: number): Effect.Effect<A, KafkaError> =>
        Effect.callback<A, KafkaError>((resume) => {
          offer(
            participant,
            (error, answer) => resume(error === undefined ? Effect.succeed(answer()) : Effect.fail(error)),
            timeoutMs
          )
        })

      return Committer.of({
        submit,
        offer,
        write: (unit) => submit(writing(unit), Infinity),
        hasRoom,
        room: changed.until(hasRoom)
      })
    })
  )
}
