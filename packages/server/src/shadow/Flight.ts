import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { Sent } from "./Plan.ts"
import { ShadowStop } from "./ShadowPorts.ts"
import type { Send, ShadowError } from "./ShadowPorts.ts"
import { targetBatch } from "./TargetBatch.ts"
import type { Sender, TargetBatchOptions } from "./TargetBatch.ts"

/** As many as a broker keeps of an idempotent producer. */
const MAX_IN_FLIGHT = 5

/** Bytes that are on their way, of all partitions together. */
export class Budget {
  readonly #bytes: number
  readonly #permits: Semaphore.Semaphore

  constructor(bytes: number) {
    this.#bytes = bytes
    this.#permits = Semaphore.makeUnsafe(bytes)
  }

  /** A batch that is larger than all of it takes all of it. */
  take(bytes: number): Effect.Effect<Effect.Effect<unknown>> {
    const taken = Math.min(bytes, this.#bytes)
    return Effect.as(this.#permits.take(taken), this.#permits.release(taken))
  }
}

export interface FlightParts {
  readonly send: Send
  readonly sender: Sender
  readonly options: TargetBatchOptions
  readonly budget: Budget
  readonly scope: Scope.Scope
  /** A step is acknowledged; in order. */
  readonly acknowledged: (step: Sent) => void
}

/** Batches of one partition on their way: in order, a few at a time. After the first failure nothing more is sent. */
export class Flight {
  readonly #parts: FlightParts
  readonly #permits = Semaphore.makeUnsafe(MAX_IN_FLIGHT)
  #failure: ShadowError | ShadowStop | undefined

  constructor(parts: FlightParts) {
    this.#parts = parts
  }

  /** Returns once it is sent, and there was room for it. Fails with what became of earlier ones. */
  send(step: Sent): Effect.Effect<void, ShadowError | ShadowStop> {
    return Effect.gen({ self: this }, function* () {
      const { budget, options, scope, send, sender } = this.#parts
      const batch = targetBatch(step, sender, options)
      if (isKafkaError(batch)) {
        const message = `the batch before ${step.next} of the source cannot be opened: ${batch.message}`
        return yield* new ShadowStop({ message })
      }
      yield* this.#permits.take(1)
      const give = yield* budget.take(batch.byteLength)
      const done = Effect.andThen(give, this.#permits.release(1))
      if (this.#failure !== undefined) {
        yield* done
        return yield* Effect.fail(this.#failure)
      }
      yield* send(batch).pipe(
        Effect.matchEffect({
          onFailure: (error) => Effect.sync(() => this.#fail(error)),
          onSuccess: (base) => Effect.sync(() => this.#placed(step, base))
        }),
        Effect.ensuring(done),
        // At once: requests leave in the order of the batches.
        Effect.forkIn(scope, { startImmediately: true })
      )
    })
  }

  /** Returns once nothing is on its way; fails if something failed. */
  get settled(): Effect.Effect<void, ShadowError | ShadowStop> {
    const outcome = Effect.suspend(() => (this.#failure === undefined ? Effect.void : Effect.fail(this.#failure)))
    return this.#permits.withPermits(MAX_IN_FLIGHT)(outcome)
  }

  #placed(step: Sent, base: bigint): void {
    if (base === step.target) {
      if (this.#failure === undefined) this.#parts.acknowledged(step)
      return
    }
    const message = `records for offset ${step.target} lie at ${base} of the target: somebody else writes to it`
    this.#failure = new ShadowStop({ message })
  }

  #fail(error: ShadowError): void {
    this.#failure ??= error
  }
}
