import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { Active } from "./Active.ts"
import { Admission } from "./Admission.ts"
import type { Done } from "./Admission.ts"
import { CommitQueue } from "./CommitQueue.ts"
import { Deciding } from "./Deciding.ts"
import { Flights } from "./Flights.ts"
import type { Participant } from "./Participant.ts"
import { writing } from "./Participant.ts"
import { Rounds } from "./Rounds.ts"
import { committerDefaults } from "../defaults.ts"
import { debugSwitch } from "../logging.ts"
import { makeSignal } from "../Signal.ts"
import type { Signal } from "../Signal.ts"
import { Counts } from "../StorageCounts.ts"
import type { CommitBeside } from "../port/CommitStore.ts"
import { Store } from "../port/Store.ts"
import type { Unit } from "../port/Write.ts"

export type { Done } from "./Admission.ts"

/** Longest wait for the store when this broker stops. */
const STOP_MS = 5000
/** How long to wait before a second door that could not be made ready is asked for again. */
const BESIDE_RETRY_MS = 5000
/** How often it looks for callers that have waited long enough. */
const DEADLINE_INTERVAL_MS = 500

export interface CommitterOptions {
  /** Bytes after which a commit takes no further unit; one alone may be larger. */
  readonly maxCommitBytes: number
  /** Bytes of waiting units beyond which `room` makes connections wait. */
  readonly maxQueuedBytes: number
  /** Bytes of batches for other partitions that begin a second commit beside the one in flight; 0: none does. */
  readonly besideBytes: number
  /** `request.timeout.ms`: how long a caller that names no time waits. */
  readonly requestTimeoutMs: number
  /** A commit is told that takes longer, with the wait of its first unit; 0: none is. */
  readonly slowMs: number
}

export const CommitterOptions = Context.Reference<CommitterOptions>("@tusk/storage/CommitterOptions", {
  defaultValue: () => committerDefaults
})

/**
 * Group commit: whatever waits when a commit returns goes into the next one. One commit is in flight at a time; beside one of
 * appends alone, a second one of appends to other partitions, if the store has a door for it.
 */
export class Committer extends Context.Service<
  Committer,
  {
    /**
     * Takes its place in the queue when it is run, in the caller's turn, and waits for what becomes of it. After
     * `timeoutMs` (`request.timeout.ms`; Infinity for never) REQUEST_TIMED_OUT: the unit goes on all the same, and so it does
     * if the caller is interrupted.
     */
    readonly submit: <A>(participant: Participant<A>, timeoutMs?: number) => Effect.Effect<A, KafkaError>
    /** The same for a caller that is no fiber. Takes its place now, never waits, never fails. */
    readonly offer: <A>(participant: Participant<A>, done: Done<A>, timeoutMs?: number) => void
    /** Submits writes that need no decision; of the broker's own, which wait for as long as it takes. */
    readonly write: (unit: Unit) => Effect.Effect<void, KafkaError>
    /**
     * Whether not too many bytes wait for a commit, and a wait until it is so. What is for objects is counted apart, and holds up
     * only those who bring more of it (`forObjects`): their store may be away.
     */
    readonly hasRoom: (forObjects?: boolean) => boolean
    readonly room: (forObjects?: boolean) => Effect.Effect<void>
    /** What waits for a commit now: bytes as far as they are known before it is put together. */
    readonly waiting: () => { readonly units: number; readonly bytes: number }
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
      const deciding = new Deciding((defect) => {
        fork(Effect.logError("defect in a decision", defect))
      })
      const flights = new Flights(options.besideBytes)
      const ports = {
        active,
        queue,
        deciding,
        flights,
        counts: yield* Counts,
        taken: changed.notify,
        slowMs: options.slowMs,
        isDebugTold: yield* debugSwitch
      }
      const { beside } = store
      const rounds = new Rounds({ ...ports, store, isBeside: false })
      const second =
        beside === undefined ? undefined : { beside, rounds: new Rounds({ ...ports, store: beside, isBeside: true }) }
      const admission = new Admission({ active, queue, changed, fork, options })
      const parts: Parts = { active, queue, changed, admission, flights, rounds, second }

      const loops = [yield* Effect.forkScoped(committing(parts))]
      if (second !== undefined) loops.push(yield* Effect.forkScoped(committingBeside(parts, second)))
      yield* Effect.forkScoped(deadlines(parts))
      active.onTakeOver(() => Effect.sync(changed.notify))
      yield* Effect.addFinalizer(() => stop(parts, loops))

      const { hasRoom, offer, submit } = admission
      return Committer.of({
        submit,
        offer,
        write: (unit) => submit(writing(unit), Infinity),
        hasRoom,
        room: (forObjects) => changed.until(() => hasRoom(forObjects)),
        waiting: () => ({ units: queue.size, bytes: queue.bytes })
      })
    })
  )
}

interface Parts {
  readonly active: Active["Service"]
  readonly queue: CommitQueue
  readonly changed: Signal
  readonly admission: Admission
  readonly flights: Flights
  readonly rounds: Rounds
  readonly second: SecondDoor | undefined
}

/** The rounds of commits beside others. */
interface SecondDoor {
  readonly beside: CommitBeside
  readonly rounds: Rounds
}

/** A round, whatever becomes of it. */
const oneRound = (rounds: Rounds): Effect.Effect<void> =>
  Effect.catchDefect(rounds.round, (defect) => {
    rounds.fail(defect)
    return Effect.logError("defect while committing", defect)
  }).pipe(Effect.andThen(Effect.sync(() => rounds.clear())))

/** Rounds, for as long as anything comes. */
const committing = ({ active, admission, changed, queue, rounds }: Parts): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (true) {
      yield* changed.until(() => queue.isDue(active.reign()) || (admission.isClosed && queue.isEmpty))
      if (queue.isEmpty && admission.isClosed) return
      yield* oneRound(rounds)
    }
  })

/** Rounds beside those, as long as there is so much to do. */
const committingBeside = (
  { admission, changed, flights, queue }: Parts,
  { beside, rounds }: SecondDoor
): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (true) {
      yield* changed.until(() => flights.isSecondWanted(queue) || (admission.isClosed && queue.isEmpty))
      if (queue.isEmpty && admission.isClosed) return
      if (yield* beside.ready) yield* oneRound(rounds)
      else
        yield* Effect.raceFirst(
          Effect.sleep(BESIDE_RETRY_MS),
          changed.until(() => admission.isClosed && queue.isEmpty)
        )
    }
  })

const deadlines = ({ active, rounds, second }: Parts): Effect.Effect<never> =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(DEADLINE_INTERVAL_MS)
      rounds.expire(active.nowMs())
      second?.rounds.expire(active.nowMs())
    }
  })

/** A clean stop: what was admitted is stored before the lock is given back, unless the store is away for too long. */
const stop = ({ admission, rounds, second }: Parts, loops: ReadonlyArray<Fiber.Fiber<void>>): Effect.Effect<void> => {
  admission.close()
  return Effect.timeoutOption(Fiber.awaitAll(loops), STOP_MS).pipe(
    Effect.andThen(Fiber.interruptAll(loops)),
    Effect.andThen(
      Effect.sync(() => {
        rounds.giveUp()
        second?.rounds.giveUp()
      })
    )
  )
}
