import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Proofs } from "./Proofs.ts"
import { RETRY_INTERVAL_MS } from "./Reigning.ts"
import type { Reigning } from "./Reigning.ts"
import { Recurring } from "../Recurring.ts"
import type { Signal } from "../Signal.ts"
import type { CommitStore } from "../port/CommitStore.ts"
import { Fenced, StoreUnavailable } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"

/** If no commit proves it, a heartbeat does, so often. */
const HEARTBEAT_INTERVAL_MS = 2000
const PING_INTERVAL_MS = 1000
/** A store bounds its answer to a ping itself; this one is for a store that does not. */
const PING_LIMIT_MS = 6000

/**
 * What became of a commit that failed: the lock is held as before it, or it was taken again and the commit looked up. Unknown:
 * another broker wrote meanwhile, and nothing tells of it any more.
 */
export type Aftermath = "AsBefore" | "Stored" | "NotStored" | "Unknown"

/** What the watchdog is made with. */
export interface WatchdogPorts {
  readonly store: Pick<CommitStore, "ping" | "heartbeat">
  readonly nowMs: () => number
  readonly reigning: Reigning
  readonly proofs: Proofs
  /** Notified when there is a newer proof. */
  readonly served: Signal
  /** A heartbeat goes on in it when its caller does not wait any longer. */
  readonly scope: Scope.Scope
}

/** Finds out whether this broker is still the writer, and ends the reign if it is not. */
export class Watchdog {
  readonly #ports: WatchdogPorts
  readonly #ping: Effect.Effect<void, StoreError>
  readonly #gate = Semaphore.makeUnsafe(1)
  readonly #failures = new Recurring("commit")

  constructor(ports: WatchdogPorts) {
    this.#ports = ports
    this.#ping = inTime(ports.store.ping)
  }

  /** A commit or a heartbeat returned that was asked for at that time. */
  readonly heard = (askedAtMs: number): void => {
    if (this.#ports.proofs.add(askedAtMs)) this.#ports.served.notify()
  }

  /** Tells of a commit of a reign that failed (`isBeside`: by the second door); returns when it is known what is stored. */
  readonly failed = Effect.fnUntraced(
    { self: this },
    function* (error: StoreError, failedReign: number, isBeside = false) {
      const { reigning } = this.#ports
      if (reigning.count === failedReign) {
        yield* this.#failures.seen(`a commit failed: ${error._tag} ${error.message}`)
        if (error._tag === "StoreUnavailable") yield* this.#check()
        else if (error._tag !== "StoreRefused") yield* reigning.recover(error.message)
      } else yield* reigning.whenReigning
      return aftermathOf(error, reigning.count === failedReign, reigning.unknownStored(isBeside))
    }
  )

  /** In a fiber of its own: one that is under way goes on when the fiber that asked waits no longer. */
  readonly proven: Effect.Effect<void, StoreError> = Effect.suspend(() =>
    Effect.forkIn(this.#prove(this.#ports.nowMs()), this.#ports.scope, { startImmediately: true })
  ).pipe(Effect.flatMap(Fiber.join))

  readonly pings: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    while (true) {
      yield* Effect.sleep(PING_INTERVAL_MS)
      if (!this.#ports.reigning.isRecovering) yield* this.#check()
    }
  })

  readonly heartbeats: Effect.Effect<never> = Effect.gen({ self: this }, function* () {
    const { nowMs, proofs, reigning } = this.#ports
    while (true) {
      const restMs = proofs.askedAtMs + HEARTBEAT_INTERVAL_MS - nowMs()
      if (restMs > 0 || reigning.isRecovering) {
        yield* Effect.sleep(Math.max(restMs, RETRY_INTERVAL_MS))
        continue
      }
      const beaten = yield* Effect.result(this.#prove(nowMs()))
      if (Result.isFailure(beaten)) yield* Effect.sleep(RETRY_INTERVAL_MS)
    }
  })

  /** Whether the lock is still held; takes it again if it is not. */
  #check(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { reigning } = this.#ports
      const before = reigning.count
      return Effect.matchEffect(this.#ping, {
        onFailure: (error) => (reigning.count === before ? reigning.recover(error.message) : reigning.whenReigning),
        onSuccess: () => Effect.void
      })
    })
  }

  /** One heartbeat at a time; a fiber that waited for one asked for after `sinceMs` needs none of its own. */
  #prove(sinceMs: number): Effect.Effect<void, StoreError> {
    return this.#gate.withPermit(
      Effect.suspend(() => {
        const { nowMs, proofs, reigning, store } = this.#ports
        if (!reigning.isRecovering && proofs.askedAtMs > sinceMs) return Effect.void
        const askedAtMs = nowMs()
        const before = reigning.count
        return Effect.matchEffect(defectless(store.heartbeat), {
          onFailure: (error) => {
            const isLost = error._tag === "Fenced" && reigning.count === before
            return Effect.andThen(isLost ? reigning.end(error.message) : Effect.void, Effect.fail(error))
          },
          onSuccess: () => {
            if (reigning.count !== before) return Effect.fail(new Fenced({ message: "the lock was lost meanwhile" }))
            this.heard(askedAtMs)
            return Effect.void
          }
        })
      })
    )
  }
}

/** What became of a commit, by its error and by what the take-over behind it found, if there was one. */
export const aftermathOf = (error: StoreError, isSameReign: boolean, isStored: boolean | undefined): Aftermath => {
  if (isSameReign) return "AsBefore"
  if (error._tag !== "OutcomeUnknown") return "NotStored"
  return isStored === undefined ? "Unknown" : isStored ? "Stored" : "NotStored"
}

/** A defect in a store must not end the watch over it. */
const defectless = (asked: Effect.Effect<void, StoreError>): Effect.Effect<void, StoreError> =>
  Effect.catchDefect(asked, (cause) => Effect.fail(new StoreUnavailable({ message: "a defect in the store", cause })))

const inTime = (ping: Effect.Effect<void, StoreError>): Effect.Effect<void, StoreError> =>
  Effect.timeoutOrElse(defectless(ping), {
    duration: PING_LIMIT_MS,
    orElse: () => Effect.fail(new StoreUnavailable({ message: `no answer to a ping for ${PING_LIMIT_MS} ms` }))
  })
