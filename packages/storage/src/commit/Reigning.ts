import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import type { Proofs } from "./Proofs.ts"
import { Recurring } from "../Recurring.ts"
import type { Signal } from "../Signal.ts"
import { NOTHING_TOLD } from "../port/counters.ts"
import type { ClusterState, CommitStore, ServerIdentity, Told } from "../port/CommitStore.ts"
import { StoreUnavailable } from "../port/StoreError.ts"
import type { AcquireError, StoreError } from "../port/StoreError.ts"

/** How long to wait before a store is asked once more that could not do it. */
export const RETRY_INTERVAL_MS = 500

/** Reads a service's own state again after a take-over. Runs before anything is served. */
export type TakeOverHook = (cluster: ClusterState) => Effect.Effect<void, StoreError>

/** What it is made with. */
export interface ReigningPorts {
  readonly store: Pick<CommitStore, "acquire" | "lost">
  readonly nowMs: () => number
  readonly proofs: Proofs
  /** Notified when there is a reign again, or another broker is known to have one. */
  readonly served: Signal
  /** In which sessions live, and take-overs run. */
  readonly scope: Scope.Scope
}

interface Held {
  readonly session: Scope.Closeable
  readonly state: ClusterState
}

/** The lock, as it is held, lost and taken again: each time is a reign. */
export class Reigning {
  /** Returns when no take-over is under way. */
  readonly whenReigning: Effect.Effect<void>
  readonly #ports: ReigningPorts
  readonly #hooks: Array<TakeOverHook> = []
  readonly #trouble = new Recurring("commit")
  #told = NOTHING_TOLD
  /** Undefined only until `begin` has returned. */
  #held: Held | undefined
  #count = 1
  #isRecovering = false
  #isElsewhere = false
  /** Of the last take-over: whether the commits with unknown outcomes are stored, by door. */
  #unknownStored: Pick<ClusterState, "unknownBesideStored" | "unknownCommitStored"> = { unknownCommitStored: undefined }

  constructor(ports: ReigningPorts) {
    this.#ports = ports
    this.whenReigning = ports.served.until(() => !this.#isRecovering)
  }

  /** A count of this process: it goes up when a take-over begins. */
  get count(): number {
    return this.#count
  }

  /** Whether a take-over is under way. */
  get isRecovering(): boolean {
    return this.#isRecovering
  }

  /** Whether another broker is known to hold the lock. */
  get isElsewhere(): boolean {
    return this.#isElsewhere
  }

  /** Of the last take-over: whether the commit with the unknown outcome is stored. Undefined: nothing tells of it. */
  unknownStored(isBeside: boolean): boolean | undefined {
    return isBeside ? this.#unknownStored.unknownBesideStored : this.#unknownStored.unknownCommitStored
  }

  /** The cluster as it was when the lock was taken the last time. */
  get state(): ClusterState {
    return this.#held!.state
  }

  tell(counters: Partial<Told>): void {
    this.#told = withCounters(this.#told, counters)
  }

  onTakeOver(hook: TakeOverHook): void {
    this.#hooks.push(hook)
  }

  /** The lock, and a watch over the session that holds it. */
  #acquire(): Effect.Effect<Held, AcquireError> {
    return Effect.gen({ self: this }, function* () {
      const { nowMs, proofs, scope, store } = this.#ports
      const session = yield* Scope.fork(scope)
      const askedAtMs = nowMs()
      const state = yield* Scope.provide(store.acquire(this.#told), session)
      proofs.begin(askedAtMs)
      this.tell(state)
      yield* Effect.forkIn(
        Effect.flatMap(store.lost, ({ message }) => this.recover(message)),
        session,
        { startImmediately: true }
      )
      return { session, state }
    })
  }

  /** The first reign. */
  readonly begin: Effect.Effect<ClusterState, AcquireError> = Effect.gen({ self: this }, function* () {
    this.#held = yield* this.#acquire()
    const { state } = this.#held
    yield* logFailover(state)
    return state
  })

  readonly #takeOver = Effect.gen({ self: this }, function* () {
    yield* Scope.close(this.#held!.session, Exit.void)
    const held = yield* this.#acquire()
    this.#held = held
    this.#unknownStored = held.state
    yield* logFailover(held.state)
    for (const hook of this.#hooks) yield* hook(held.state)
  })

  readonly #recovery: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    while (true) {
      const taken = yield* Effect.result(
        Effect.catchDefect(this.#takeOver, (cause) =>
          Effect.fail(new StoreUnavailable({ message: "a take-over failed", cause }))
        )
      )
      this.#isElsewhere = Result.isFailure(taken) && taken.failure._tag === "LockHeld"
      if (Result.isSuccess(taken)) break
      if (this.#isElsewhere) this.#ports.served.notify()
      yield* this.#trouble.seen(`the cluster's lock is not held: ${taken.failure.message}`)
      yield* Effect.sleep(RETRY_INTERVAL_MS)
    }
    yield* this.#trouble.over(`the cluster's lock is held again, epoch ${this.state.epoch}`)
    this.#isRecovering = false
    this.#ports.served.notify()
  })

  /** Ends the reign. In the layer's scope: a request may find out that the lock is lost, and be interrupted. */
  readonly end = (reason: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (this.#isRecovering) return Effect.void
      this.#isRecovering = true
      this.#count++
      return this.#trouble
        .seen(`the cluster's lock is taken again: ${reason}`)
        .pipe(
          Effect.andThen(Effect.forkIn(this.#recovery, this.#ports.scope, { startImmediately: true })),
          Effect.asVoid
        )
    })

  /** Ends the reign, and returns in the next one. */
  readonly recover = (reason: string): Effect.Effect<void> => Effect.andThen(this.end(reason), this.whenReigning)
}

/** What was told before and what is told now: each counter as far as it has come. */
export const withCounters = (told: Told, counters: Partial<Told>): Told => ({
  epoch: Math.max(told.epoch, counters.epoch ?? 0),
  nextProducerId: greater(told.nextProducerId, counters.nextProducerId ?? 0n),
  nextPartitionId: Math.max(told.nextPartitionId, counters.nextPartitionId ?? 0)
})

const greater = (a: bigint, b: bigint): bigint => (a > b ? a : b)

const logFailover = ({ epoch, failover }: ClusterState): Effect.Effect<void> => {
  if (failover === undefined) return Effect.void
  const said = ({ place, systemIdentifier, timeline }: ServerIdentity) =>
    `system ${systemIdentifier} timeline ${timeline} place ${place}`
  return Effect.logWarning(
    `the database has another history (${said(failover.from)} became ${said(failover.to)}): what was acknowledged last may be lost; epochs, ids and the ends of ` +
      `partitions leap, from epoch ${epoch} on`
  )
}
