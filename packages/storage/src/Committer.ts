import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import { Active } from "./Active.ts"
import { Store } from "./Store.ts"
import type { Unit, Write } from "./Store.ts"
import { Fenced, OutcomeUnknown, StoreUnavailable } from "./StoreError.ts"
import type { StoreError } from "./StoreError.ts"

/** Something that wants to be stored. Its functions are called by the Committer's fiber only, synchronously. */
export interface Proposal {
  /** Bytes it will write at most: what caps a commit. */
  readonly bytes: number
  /** Loads what `assemble` needs, if anything is missing. Run before assembling, in no order. */
  readonly prepare?: Effect.Effect<void, StoreError>
  /**
   * Decides, on assumed state, when a commit is put together: in order of arrival, after all earlier ones of this
   * commit. Adds its writes, which stand or fall with the whole commit. False: nothing of it waits for the commit, and
   * it has answered by itself.
   */
  readonly assemble: (writes: Array<Write>) => boolean
  /** The commit's outcome, told at least once: assumed state becomes real or is thrown away. */
  readonly settle: (error: StoreError | undefined) => void
}

/** Longest wait for the store when this broker stops. */
const STOP_MS = 5000

/** With the reign in which it was submitted. */
type Queued = Proposal & { readonly reign: number }

const fenced = () => new Fenced({ message: "this broker does not hold the cluster's lock" })

export interface CommitterOptions {
  /** Bytes after which a commit takes no further proposal. */
  readonly maxCommitBytes: number
  /** Bytes of waiting proposals beyond which `room` makes connections wait. */
  readonly maxQueuedBytes: number
}

export const CommitterOptions = Context.Reference<CommitterOptions>("@tusk/storage/CommitterOptions", {
  defaultValue: () => ({ maxCommitBytes: 8 * 1024 * 1024, maxQueuedBytes: 128 * 1024 * 1024 })
})

/** Group commit: whatever waits when a commit returns goes into the next one; one commit is in flight at a time. */
export class Committer extends Context.Service<
  Committer,
  {
    /** Takes its place in the queue now, in the caller's turn. Never waits, never fails. */
    readonly submit: (proposal: Proposal) => void
    /** Waits while too many bytes wait for a commit. */
    readonly room: Effect.Effect<void>
    /** Submits writes that need no decision, and waits until they are stored. */
    readonly write: (unit: Unit) => Effect.Effect<void, StoreError>
    /**
     * Submits a decision, and waits for it; what it returns is the answer once its writes are stored. `settled` runs in
     * the Committer's turn, before anything later is decided: whatever keeps state in memory changes it there.
     */
    readonly decide: <A>(
      decide: (writes: Array<Write>) => A,
      settled?: (answer: A, error: StoreError | undefined) => void
    ) => Effect.Effect<A, StoreError>
  }
>()("@tusk/storage/Committer") {
  static readonly layer = Layer.effect(
    Committer,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const options = yield* CommitterOptions
      let queue: Array<Queued> = []
      let queuedBytes = 0
      const waiting = Latch.makeUnsafe(false)
      const room = Latch.makeUnsafe(true)

      const settleAll = (proposals: ReadonlyArray<Proposal>, error: StoreError | undefined) => {
        for (const proposal of proposals) proposal.settle(error)
      }

      /** Takes proposals off the queue as long as they fit; at least one. */
      const take = (): ReadonlyArray<Queued> => {
        let count = 0
        let bytes = 0
        while (count < queue.length) {
          const next = queue[count]!.bytes
          if (count > 0 && bytes + next > options.maxCommitBytes) break
          bytes += next
          count++
        }
        const taken = count === queue.length ? queue : queue.slice(0, count)
        queue = count === queue.length ? [] : queue.slice(count)
        queuedBytes -= bytes
        if (queuedBytes <= options.maxQueuedBytes) room.openUnsafe()
        return taken
      }

      const prepare = (proposals: ReadonlyArray<Proposal>): Effect.Effect<void, StoreError> => {
        const missing = proposals.flatMap((proposal) => (proposal.prepare === undefined ? [] : [proposal.prepare]))
        return missing.length === 0
          ? Effect.void
          : Effect.forEach(missing, (effect) => effect, { concurrency: "unbounded", discard: true })
      }

      const commit = Effect.fnUntraced(function* (taken: ReadonlyArray<Queued>) {
        if (!active.isServing()) {
          settleAll(taken, fenced())
          return
        }
        const prepared = yield* Effect.result(prepare(taken))
        // What was decided before a take-over, on state that was another broker's since, must not be stored after it.
        const reign = active.reign()
        const proposals = taken.filter((proposal) => proposal.reign === reign)
        if (proposals.length < taken.length) {
          settleAll(
            taken.filter((proposal) => proposal.reign !== reign),
            fenced()
          )
        }
        if (Result.isFailure(prepared)) {
          settleAll(proposals, prepared.failure)
          yield* active.failed(prepared.failure)
          return
        }
        const joined: Array<Proposal> = []
        const units: Array<Unit> = []
        for (const proposal of proposals) {
          const unit: Array<Write> = []
          if (!proposal.assemble(unit)) continue
          joined.push(proposal)
          if (unit.length > 0) units.push(unit)
        }
        if (joined.length === 0) return
        // Who waits without writing wants to know that what it was decided on was still this broker's to tell.
        const stored = yield* Effect.result(
          Effect.catchDefect(units.length === 0 ? store.ping : store.commit(units), (cause) =>
            Effect.fail(new OutcomeUnknown({ message: "a defect in the store", cause }))
          )
        )
        if (Result.isSuccess(stored)) {
          active.heard()
          settleAll(joined, undefined)
          return
        }
        settleAll(joined, stored.failure)
        // Nothing is assembled until it is known again what is stored.
        yield* active.failed(stored.failure)
      })

      let stopping = false
      const loop = yield* Effect.gen(function* () {
        while (true) {
          if (queue.length === 0) {
            if (stopping) return
            waiting.closeUnsafe()
            yield* waiting.await
            continue
          }
          const taken = take()
          yield* Effect.catchDefect(commit(taken), (defect) => {
            settleAll(taken, new StoreUnavailable({ message: "a commit could not be put together", cause: defect }))
            return Effect.logError("defect while committing", defect)
          })
        }
      }).pipe(Effect.forkScoped)
      // A clean stop: what was admitted is stored before the lock is given back, unless the store is away for too long.
      yield* Effect.addFinalizer(() => {
        stopping = true
        waiting.openUnsafe()
        return Effect.andThen(Effect.timeoutOption(Fiber.await(loop), STOP_MS), Fiber.interrupt(loop))
      })

      const submit = (proposal: Proposal): void => {
        if (stopping) return proposal.settle(new Fenced({ message: "this broker is stopping" }))
        const reign = active.reign()
        if (reign === undefined) return proposal.settle(fenced())
        queue.push({ ...proposal, reign })
        queuedBytes += proposal.bytes
        if (queuedBytes > options.maxQueuedBytes) room.closeUnsafe()
        if (queue.length === 1) waiting.openUnsafe()
      }

      const decide = <A>(
        decision: (writes: Array<Write>) => A,
        settled?: (answer: A, error: StoreError | undefined) => void
      ): Effect.Effect<A, StoreError> =>
        Effect.callback<A, StoreError>((resume) => {
          let answer: { readonly value: A } | undefined
          submit({
            bytes: 256,
            assemble: (writes) => {
              answer = { value: decision(writes) }
              if (writes.length > 0) return true
              resume(Effect.succeed(answer.value))
              return false
            },
            settle: (error) => {
              if (answer !== undefined) settled?.(answer.value, error)
              resume(error === undefined && answer !== undefined ? Effect.succeed(answer.value) : Effect.fail(error!))
            }
          })
        })

      return Committer.of({
        submit,
        room: room.await,
        write: (unit) => Effect.asVoid(decide((writes) => writes.push(...unit))),
        decide
      })
    })
  )
}
