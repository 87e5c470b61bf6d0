import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { NOTHING_TOLD } from "../port/counters.ts"
import { makeSignal } from "../Signal.ts"
import { Store } from "../port/Store.ts"
import type { ClusterState, Told } from "../port/CommitStore.ts"
import { Fenced, StoreUnavailable } from "../port/StoreError.ts"
import type { AcquireError, StoreError } from "../port/StoreError.ts"

/** Without a proof that this broker is the writer for longer, it answers no reads. */
export const SILENCE_LIMIT_MS = 5000
/** Where no commit proves it, a heartbeat does, so often. */
const HEARTBEAT_INTERVAL_MS = 2000
const PING_INTERVAL_MS = 1000
/** A store bounds its answer to a ping itself; this one is for a store that does not. */
const PING_LIMIT_MS = 6000
const RETRY_INTERVAL_MS = 500

/** Reads a service's own state again after a take-over. Runs before anything is served. */
export type TakeOverHook = (cluster: ClusterState) => Effect.Effect<void, StoreError>

/**
 * What became of a commit that failed: the lock is held as before it, or it was taken again and the commit looked up. Unknown:
 * another broker wrote meanwhile, and nothing tells of it any more.
 */
export type Aftermath = "AsBefore" | "Stored" | "NotStored" | "Unknown"

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
    /** Returns when no take-over is under way: who waits for a commit anyway needs no other proof. */
    readonly whenReigning: Effect.Effect<void>
    /** Returns while another broker is known to hold the lock, at once where it does: clients are better off with that one. */
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
    /** How long in all the last proof was too old for anybody to be told anything. */
    readonly unservedMs: () => number
    /** Tells of a commit of a reign that failed; returns when it is known again what is stored. */
    readonly failed: (error: StoreError, reign: number) => Effect.Effect<Aftermath>
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
      const layerScope = yield* Effect.scope
      const hooks: Array<TakeOverHook> = []
      /** Notified where `isServing`, `reign` or `isElsewhere` may have become true. */
      const served = makeSignal()
      const nowMs = () => Number(clock.monotonicTimeNanosUnsafe()) / 1e6
      let told = NOTHING_TOLD
      let reign = 1
      let recovering = false
      let isElsewhere = false
      let unknownCommitStored: boolean | undefined
      let provenAtMs = nowMs()

      const tell = (counters: Partial<Told>): void => {
        told = {
          epoch: Math.max(told.epoch, counters.epoch ?? 0),
          nextProducerId: greater(told.nextProducerId, counters.nextProducerId ?? 0n),
          nextPartitionId: Math.max(told.nextPartitionId, counters.nextPartitionId ?? 0)
        }
      }
      const isServing = () => !recovering && nowMs() - provenAtMs < SILENCE_LIMIT_MS
      let unservedBeforeMs = 0
      let countedToMs = provenAtMs
      const unservedMs = () =>
        unservedBeforeMs + Math.max(0, nowMs() - Math.max(provenAtMs + SILENCE_LIMIT_MS, countedToMs))
      const proven = (askedAtMs: number) => {
        unservedBeforeMs = unservedMs()
        countedToMs = nowMs()
        provenAtMs = askedAtMs
      }
      const heard = (askedAtMs: number) => {
        if (askedAtMs <= provenAtMs) return
        proven(askedAtMs)
        served.notify()
      }

      /** The lock, and a watch over the session that holds it. */
      const acquire = Effect.gen(function* () {
        const session = yield* Scope.fork(layerScope)
        const askedAtMs = nowMs()
        const state = yield* Scope.provide(store.acquire(told), session)
        proven(askedAtMs)
        tell({ ...state, epoch: state.epoch })
        yield* Effect.forkIn(
          Effect.flatMap(store.lost, ({ message }) => recover(message)),
          session,
          { startImmediately: true }
        )
        return { session, state }
      })

      const takeOver = Effect.gen(function* () {
        yield* Scope.close(held.session, Exit.void)
        held = yield* acquire
        const { state } = held
        unknownCommitStored = state.unknownCommitStored
        yield* logFailover(state)
        for (const hook of hooks) yield* hook(state)
      })

      const recovery = Effect.gen(function* () {
        while (true) {
          const taken = yield* Effect.result(
            Effect.catchDefect(takeOver, (cause) =>
              Effect.fail(new StoreUnavailable({ message: "a take-over failed", cause }))
            )
          )
          isElsewhere = Result.isFailure(taken) && taken.failure._tag === "LockHeld"
          if (Result.isSuccess(taken)) break
          if (isElsewhere) served.notify()
          yield* Effect.logWarning(`the cluster's lock is not held: ${taken.failure.message}`)
          yield* Effect.sleep(RETRY_INTERVAL_MS)
        }
        yield* Effect.logInfo(`the cluster's lock is held again, epoch ${held.state.epoch}`)
        recovering = false
        served.notify()
      })

      const whenReigning = served.until(() => !recovering)

      /** In the layer's scope: who finds out that the lock is lost may be a request, and be interrupted. */
      const beginRecovery = (reason: string): Effect.Effect<void> =>
        Effect.suspend(() => {
          if (recovering) return Effect.void
          recovering = true
          reign++
          return Effect.logWarning(`the cluster's lock is taken again: ${reason}`).pipe(
            Effect.andThen(Effect.forkIn(recovery, layerScope, { startImmediately: true })),
            Effect.asVoid
          )
        })
      const recover = (reason: string): Effect.Effect<void> => Effect.andThen(beginRecovery(reason), whenReigning)

      const ping = Effect.timeoutOrElse(defectless(store.ping), {
        duration: PING_LIMIT_MS,
        orElse: () => Effect.fail(new StoreUnavailable({ message: `no answer to a ping for ${PING_LIMIT_MS} ms` }))
      })
      /** Whether the lock is still held; takes it again where it is not. */
      const check = Effect.suspend(() => {
        const before = reign
        return Effect.matchEffect(ping, {
          onFailure: (error) => (reign === before ? recover(error.message) : whenReigning),
          onSuccess: () => Effect.void
        })
      })

      const failed = (error: StoreError, failedReign: number): Effect.Effect<Aftermath> =>
        Effect.gen(function* () {
          if (reign === failedReign) {
            yield* Effect.logWarning(`a commit failed: ${error._tag} ${error.message}`)
            if (error._tag === "StoreUnavailable") yield* check
            else if (error._tag !== "StoreRefused") yield* recover(error.message)
          } else yield* whenReigning
          if (reign === failedReign) return "AsBefore"
          if (error._tag !== "OutcomeUnknown") return "NotStored"
          return unknownCommitStored === undefined ? "Unknown" : unknownCommitStored ? "Stored" : "NotStored"
        })

      let held = yield* acquire
      const cluster = held.state
      yield* logFailover(cluster)

      yield* Effect.gen(function* () {
        while (true) {
          yield* Effect.sleep(PING_INTERVAL_MS)
          if (!recovering) yield* check
        }
      }).pipe(Effect.forkScoped)

      const gate = Semaphore.makeUnsafe(1)
      /** One heartbeat at a time; who waited for one that was asked for after `sinceMs` needs none of its own. */
      const prove = (sinceMs: number): Effect.Effect<void, StoreError> =>
        gate.withPermit(
          Effect.suspend(() => {
            if (!recovering && provenAtMs > sinceMs) return Effect.void
            const askedAtMs = nowMs()
            const before = reign
            return Effect.matchEffect(defectless(store.heartbeat), {
              onFailure: (error) => {
                const isLost = error._tag === "Fenced" && reign === before
                return Effect.andThen(isLost ? beginRecovery(error.message) : Effect.void, Effect.fail(error))
              },
              onSuccess: () => {
                if (reign !== before) return Effect.fail(new Fenced({ message: "the lock was lost meanwhile" }))
                heard(askedAtMs)
                return Effect.void
              }
            })
          })
        )

      yield* Effect.gen(function* () {
        while (true) {
          const restMs = provenAtMs + HEARTBEAT_INTERVAL_MS - nowMs()
          if (restMs > 0 || recovering) {
            yield* Effect.sleep(Math.max(restMs, RETRY_INTERVAL_MS))
            continue
          }
          const beaten = yield* Effect.result(prove(nowMs()))
          if (Result.isFailure(beaten)) yield* Effect.sleep(RETRY_INTERVAL_MS)
        }
      }).pipe(Effect.forkScoped)

      return Active.of({
        clusterId: cluster.clusterId,
        cluster,
        epoch: () => held.state.epoch,
        failoverEpoch: () => held.state.failoverEpoch,
        reign: () => (recovering ? undefined : reign),
        isServing,
        whenServing: served.until(isServing),
        whenReigning,
        whenElsewhere: served.until(() => isElsewhere),
        // In a fiber of its own: one that is under way goes on where who asked waits no longer.
        proven: Effect.suspend(() => Effect.forkIn(prove(nowMs()), layerScope, { startImmediately: true })).pipe(
          Effect.flatMap(Fiber.join)
        ),
        heard,
        nowMs,
        unservedMs,
        failed,
        onTakeOver: (hook) => {
          hooks.push(hook)
        },
        tell
      })
    })
  )
}

/** A defect in a store must not end the watch over it. */
const defectless = (asked: Effect.Effect<void, StoreError>): Effect.Effect<void, StoreError> =>
  Effect.catchDefect(asked, (cause) => Effect.fail(new StoreUnavailable({ message: "a defect in the store", cause })))

const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const logFailover = ({ epoch, failover }: ClusterState): Effect.Effect<void> => {
  if (failover === undefined) return Effect.void
  const { from, to } = failover
  return Effect.logWarning(
    `the database has another history (system ${from.systemIdentifier} timeline ${from.timeline} became system ` +
      `${to.systemIdentifier} timeline ${to.timeline}): what was acknowledged last may be lost; epochs, ids and the ends of ` +
      `partitions leap, from epoch ${epoch} on`
  )
}
