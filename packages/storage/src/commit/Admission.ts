import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type { Active } from "./Active.ts"
import type { CommitQueue, Entry } from "./CommitQueue.ts"
import { fenced } from "./Deciding.ts"
import type { Participant } from "./Participant.ts"
import type { Signal } from "../Signal.ts"
import { Fenced, StoreRefused } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"
import { toKafkaError } from "../port/toKafkaError.ts"

/** Told once, when it is known what became of the unit, or when the caller's wait is over. */
export type Done<A> = (error: KafkaError | undefined, answer: () => A) => void

/** What the entrance is made with. */
export interface AdmissionPorts {
  readonly active: Active["Service"]
  readonly queue: CommitQueue
  /** Notified when something comes, or is prepared. */
  readonly changed: Signal
  readonly fork: (effect: Effect.Effect<void, StoreError>) => Fiber.Fiber<void, StoreError>
  readonly options: { readonly maxQueuedBytes: number; readonly requestTimeoutMs: number }
}

/** The entrance to the queue: a unit takes its place in the turn in which it is offered. */
export class Admission {
  readonly #ports: AdmissionPorts
  #isClosed = false

  constructor(ports: AdmissionPorts) {
    this.#ports = ports
  }

  /** Whether nothing more comes in: this broker stops. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  close(): void {
    this.#isClosed = true
    this.#ports.changed.notify()
  }

  readonly offer = <A>(
    participant: Participant<A>,
    done: Done<A>,
    timeoutMs: number = this.#ports.options.requestTimeoutMs
  ): void => {
    const { active, changed, queue } = this.#ports
    const reign = active.reign()
    const tell = (error: KafkaError | undefined) => done(error, () => participant.answer())
    if (reign === undefined || this.#isClosed) {
      const error = this.#isClosed ? new Fenced({ message: "this broker is stopping" }) : fenced()
      participant.settle(error)
      return tell(toKafkaError(error))
    }
    const nowMs = active.nowMs()
    const entry = queue.add(participant, reign, nowMs + timeoutMs, tell)
    entry.sinceMs = nowMs
    if (participant.prepare !== undefined) this.#prepare(entry, participant.prepare)
    changed.notify()
  }

  readonly submit = <A>(participant: Participant<A>, timeoutMs?: number): Effect.Effect<A, KafkaError> =>
    Effect.callback<A, KafkaError>((resume) => {
      this.offer(
        participant,
        (error, answer) => resume(error === undefined ? Effect.succeed(answer()) : Effect.fail(error)),
        timeoutMs
      )
    })

  readonly hasRoom = (forObjects = false): boolean => {
    const { options, queue } = this.#ports
    const { bytes, objectBytes } = queue
    if (bytes <= options.maxQueuedBytes) return true
    return (forObjects ? Math.max(objectBytes, bytes - objectBytes) : bytes - objectBytes) <= options.maxQueuedBytes
  }

  /** What a unit needs is read beside the queue: only units behind it in the same partitions wait for it. */
  #prepare(entry: Entry, needs: Effect.Effect<void, StoreError>): void {
    const { changed, fork, queue } = this.#ports
    // A unit of an object topic comes by here for each of its requests: an observer costs less than steps behind the effect.
    fork(needs).addObserver((exit) => {
      queue.prepared(entry, Exit.isSuccess(exit) ? undefined : failureOf(exit.cause))
      changed.notify()
    })
  }
}

const failureOf = (cause: Cause.Cause<StoreError>): StoreError => {
  const failed = Cause.findError(cause)
  if (Result.isSuccess(failed)) return failed.success
  return new StoreRefused({ message: "a defect while a decision was prepared", cause: Cause.squash(cause) })
}
