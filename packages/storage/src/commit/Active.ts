import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Proofs } from "./Proofs.ts"
import { Reigning } from "./Reigning.ts"
import type { TakeOverHook } from "./Reigning.ts"
import { Watchdog } from "./Watchdog.ts"
import type { Aftermath } from "./Watchdog.ts"
import { makeSignal } from "../Signal.ts"
import { Store } from "../port/Store.ts"
import type { ClusterState, Told } from "../port/CommitStore.ts"
import type { AcquireError, StoreError } from "../port/StoreError.ts"

export { SILENCE_LIMIT_MS } from "./Proofs.ts"
export type { TakeOverHook } from "./Reigning.ts"
export type { Aftermath } from "./Watchdog.ts"

/**
 * Whether this broker is the cluster's one writer. Holds the store's lock for as long as its layer lives; after a lost
 * session or an unknown outcome takes it again, and lets every service load its state anew. Three things tell of it: the
 * store, when the session is gone; a ping once a second, beside whatever the session is doing; and proofs, which are
 * commits and heartbeats that returned.
 */
export class Active extends Context.Service<
  Active,
  {
    readonly clusterId: string
    /** The cluster as it was when the lock was first taken. */
    readonly cluster: ClusterState
    /** The leader epoch of every partition. */
    readonly epoch: () => number
    /** `ClusterState.failoverEpoch` of this reign. */
    readonly failoverEpoch: () => number
    /**
     * For how long a decision on what is in memory holds: a count of this process, another one after each take-over, and
     * undefined during one, when memory is partly old and partly new.
     */
    readonly reign: () => number | undefined
    /** Whether what is in memory may be told: false during a take-over, and 5 s after the last proof was asked for. */
    readonly isServing: () => boolean
    readonly whenServing: Effect.Effect<void>
    /** Returns when no take-over is under way: a caller that waits for a commit anyway needs no other proof. */
    readonly whenReigning: Effect.Effect<void>
    /** Returns once another broker is known to hold the lock: clients are better off with that one. */
    readonly whenElsewhere: Effect.Effect<void>
    /**
     * Returns once there is a proof that was asked for after this: what is refused by what is in memory is refused by the
     * writer. A ping tells less: a server that another one has taken over from answers it.
     */
    readonly proven: Effect.Effect<void, StoreError>
    /** A commit returned that was asked for at that time (`nowMs`). */
    readonly heard: (askedAtMs: number) => void
    /** Milliseconds of the monotonic clock. */
    readonly nowMs: () => number
    /** How long in all the last proof was too old for any client to be told anything. */
    readonly unservedMs: () => number
    /** Tells of a commit of a reign that failed (`isBeside`: by `CommitStore.beside`); returns when it is known again what is stored. */
    readonly failed: (error: StoreError, reign: number, isBeside?: boolean) => Effect.Effect<Aftermath>
    readonly onTakeOver: (hook: TakeOverHook) => void
    /** Ids up to these are given: no take-over gives them again. */
    readonly tell: (counters: Partial<Omit<Told, "epoch">>) => void
  }
>()("@tusk/storage/commit/Active") {
  static readonly layer: Layer.Layer<Active, AcquireError, Store> = Layer.effect(
    Active,
    Effect.gen(function* () {
      const store = yield* Store
      const clock = yield* Clock.Clock
      const scope = yield* Effect.scope
      /** Notified when `isServing`, `reign` or `isElsewhere` may have become true. */
      const served = makeSignal()
      const nowMs = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
      const proofs = new Proofs(nowMs)
      const reigning = new Reigning({ store, nowMs, proofs, served, scope })
      const watchdog = new Watchdog({ store, nowMs, reigning, proofs, served, scope })
      const isServing = () => !reigning.isRecovering && proofs.isFresh

      const cluster = yield* reigning.begin
      yield* Effect.forkScoped(watchdog.pings)
      yield* Effect.forkScoped(watchdog.heartbeats)

      return Active.of({
        clusterId: cluster.clusterId,
        cluster,
        epoch: () => reigning.state.epoch,
        failoverEpoch: () => reigning.state.failoverEpoch,
        reign: () => (reigning.isRecovering ? undefined : reigning.count),
        isServing,
        whenServing: served.until(isServing),
        whenReigning: reigning.whenReigning,
        whenElsewhere: served.until(() => reigning.isElsewhere),
        proven: watchdog.proven,
        heard: watchdog.heard,
        nowMs,
        unservedMs: () => proofs.unservedMs(),
        failed: watchdog.failed,
        onTakeOver: (hook) => reigning.onTakeOver(hook),
        tell: (counters) => reigning.tell(counters)
      })
    })
  )
}
