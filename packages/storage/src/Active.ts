import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import { Store } from "./Store.ts"
import type { ClusterState } from "./Store.ts"
import { StoreUnavailable } from "./StoreError.ts"
import type { AcquireError, StoreError } from "./StoreError.ts"

/** Without word from the session that holds the lock for longer, this broker answers nobody. */
export const SILENCE_LIMIT_MS = 5000
const PING_INTERVAL_MS = 1000
const RETRY_INTERVAL_MS = 500

/** Reads a service's own state again after a take-over. Runs before anything is served. */
export type TakeOverHook = (cluster: ClusterState) => Effect.Effect<void, StoreError>

/**
 * Whether this broker is the cluster's one writer (storage.md 3). Holds the store's lock for as long as its layer lives;
 * after a lost session or an unknown outcome takes it again, and lets every service load its state anew.
 */
export class Active extends Context.Service<
  Active,
  {
    readonly clusterId: string
    /** The cluster as it was when the lock was first taken. */
    readonly cluster: ClusterState
    /** The leader epoch of every partition. */
    readonly epoch: () => number
    /**
     * For how long a decision on what is in memory holds: another number after each take-over, and undefined during one,
     * when memory is partly old and partly new.
     */
    readonly reign: () => number | undefined
    /** False between a loss of the lock and the end of a take-over, and while the session has been silent too long. */
    readonly isServing: () => boolean
    readonly whenServing: Effect.Effect<void>
    /** The session just answered. */
    readonly heard: () => void
    /** Tells of a failed commit; returns when it is known again what is stored. */
    readonly failed: (error: StoreError) => Effect.Effect<void>
    readonly onTakeOver: (hook: TakeOverHook) => void
  }
>()("@tusk/storage/Active") {
  static readonly layer: Layer.Layer<Active, AcquireError, Store> = Layer.effect(
    Active,
    Effect.gen(function* () {
      const store = yield* Store
      const clock = yield* Clock.Clock
      const layerScope = yield* Effect.scope
      const hooks: Array<TakeOverHook> = []
      const serving = Latch.makeUnsafe(true)
      const monotonicMs = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

      let session = yield* Scope.fork(layerScope)
      const cluster = yield* Scope.provide(store.acquire, session)
      let epoch = cluster.epoch
      let recovering = false
      let lastHeardMs = monotonicMs()
      const heard = () => {
        lastHeardMs = monotonicMs()
      }

      const ping = Effect.result(Effect.timeout(store.ping, SILENCE_LIMIT_MS))

      const takeOver = Effect.gen(function* () {
        yield* Scope.close(session, Exit.void)
        session = yield* Scope.fork(layerScope)
        const state = yield* Scope.provide(store.acquire, session)
        epoch = state.epoch
        for (const hook of hooks) yield* hook(state)
        heard()
      })

      const recovery = Effect.gen(function* () {
        while (true) {
          const taken = yield* Effect.result(
            Effect.catchDefect(takeOver, (cause) =>
              Effect.fail(new StoreUnavailable({ message: "a take-over failed", cause }))
            )
          )
          if (Result.isSuccess(taken)) break
          yield* Effect.logWarning(`the cluster's lock is not held: ${taken.failure.message}`)
          yield* Effect.sleep(RETRY_INTERVAL_MS)
        }
        yield* Effect.logInfo(`the cluster's lock is held again, epoch ${epoch}`)
        recovering = false
        serving.openUnsafe()
      })

      /** Runs in the layer's scope: who finds out that the lock is lost may be a request, and be interrupted. */
      const recover = Effect.suspend(() => {
        if (recovering) return serving.await
        recovering = true
        serving.closeUnsafe()
        return Effect.andThen(Effect.forkIn(recovery, layerScope, { startImmediately: true }), serving.await)
      })

      /** A refusal by a session that still answers leaves things as they were; all else needs the lock anew. */
      const failed = (error: StoreError): Effect.Effect<void> =>
        Effect.logWarning(`a commit failed: ${error._tag} ${error.message}`).pipe(
          Effect.andThen(
            error._tag === "StoreUnavailable" ? Effect.map(ping, Result.isSuccess) : Effect.succeed(false)
          ),
          Effect.flatMap((isAsBefore) => (isAsBefore ? Effect.void : recover))
        )

      yield* Effect.gen(function* () {
        while (true) {
          yield* Effect.sleep(PING_INTERVAL_MS)
          if (recovering) continue
          const answered = yield* ping
          if (Result.isSuccess(answered)) heard()
          else yield* recover
        }
      }).pipe(Effect.forkScoped)

      return Active.of({
        clusterId: cluster.clusterId,
        cluster,
        epoch: () => epoch,
        reign: () => (recovering ? undefined : epoch),
        isServing: () => !recovering && monotonicMs() - lastHeardMs < SILENCE_LIMIT_MS,
        whenServing: Effect.suspend(() => {
          if (recovering) return serving.await
          if (monotonicMs() - lastHeardMs < SILENCE_LIMIT_MS) return Effect.void
          return Effect.flatMap(ping, (answered) => {
            if (Result.isFailure(answered)) return recover
            heard()
            return Effect.void
          })
        }),
        heard,
        failed,
        onTakeOver: (hook) => {
          hooks.push(hook)
        }
      })
    })
  )
}
