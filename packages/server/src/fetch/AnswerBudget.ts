import { makeSignal } from "@tusk/storage/Signal"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import type { ConnectionInfo } from "../request/ConnectionInfo.ts"

/** No request gets less, however short memory is: a client that reads its answers is served beside many that do not. */
const LEAST_BYTES = 64 * 1024
/** One answer takes no more of what is free. */
const SHARE = 4
/** A first batch is given whole, and may be as large, whatever was wanted: so much is counted until it is known. */
const FIRST_BATCH_BYTES = 1024 * 1024
/** As much of what is allowed may be held for first batches that were larger than what was given. */
const OVERDRAWN = 1.25
/** A request that finds nothing free waits for so long, and then takes little all the same. */
const MOMENT_MS = 200

/** What one request may answer with, until its connection has written the answer. */
export interface Claim {
  /** Bytes of records for an answer that is to be read now. */
  readonly take: (wantedBytes: number) => number
  /**
   * As of the last `take`: all that is allowed is held, and more. No answer has more than it was given then, and nothing
   * that memory does not hold already.
   */
  readonly isShort: () => boolean
  /** The answer has so many, a first batch that is larger than what was given among them. */
  readonly keep: (bytes: number) => void
  /** There is no answer yet, or no more. */
  readonly release: () => void
}

/**
 * Bytes of records in all answers to fetches that are not written yet: clients that ask for much and read nothing cost
 * this, and not what they ask for times how many they are.
 */
export class AnswerBudget extends Context.Service<
  AnswerBudget,
  {
    /** For the request that a connection is at; released once its answer is written, or the connection is over. */
    readonly claim: (connection: Pick<ConnectionInfo, "answered">) => Claim
    /** Undefined if something is free. Else waits for that, for a moment: a client that reads leaves room soon. */
    readonly room: () => Effect.Effect<void> | undefined
    /** Whether nothing is short any more; waits for that, for a moment. */
    readonly plenty: Effect.Effect<boolean>
    /** Bytes held now. */
    readonly held: () => number
  }
>()("@tusk/server/fetch/AnswerBudget") {
  static readonly layer = Layer.effect(
    AnswerBudget,
    Effect.map(BrokerSettings, ({ fetchAnswersMaxBytes }) => {
      const budget = new Budget(fetchAnswersMaxBytes)
      const moment = Effect.asVoid(Effect.timeoutOption(budget.whenFree, MOMENT_MS))
      return AnswerBudget.of({
        claim: (connection) => new OneClaim(budget, connection),
        plenty: Effect.map(Effect.timeoutOption(budget.whenPlenty, MOMENT_MS), Option.isSome),
        room: () => (budget.held < fetchAnswersMaxBytes ? undefined : moment),
        held: () => budget.held
      })
    })
  )
}

class Budget {
  held = 0
  readonly maxBytes: number
  readonly mostBytes: number
  readonly freed = makeSignal()
  readonly whenFree = this.freed.until(() => this.held < this.maxBytes)
  readonly whenPlenty = this.freed.until(() => this.held < this.mostBytes)

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
    this.mostBytes = maxBytes * OVERDRAWN
  }
}

/** A class, as there is one for each fetch that waits. */
class OneClaim implements Claim {
  readonly #budget: Budget
  readonly #connection: Pick<ConnectionInfo, "answered">
  #bytes = 0
  #isShort = false

  constructor(budget: Budget, connection: Pick<ConnectionInfo, "answered">) {
    this.#budget = budget
    this.#connection = connection
  }

  take(wantedBytes: number): number {
    const { held, maxBytes, mostBytes } = this.#budget
    const share = Math.floor((maxBytes - held + this.#bytes) / SHARE)
    const given = Math.min(wantedBytes, Math.max(share, LEAST_BYTES))
    this.#isShort = held - this.#bytes >= mostBytes
    this.keep(this.#isShort ? given : Math.max(given, FIRST_BATCH_BYTES))
    this.#connection.answered = this
    return given
  }

  isShort(): boolean {
    return this.#isShort
  }

  keep(bytes: number): void {
    const isLess = bytes < this.#bytes
    this.#budget.held += bytes - this.#bytes
    this.#bytes = bytes
    if (isLess) this.#budget.freed.notify()
  }

  release(): void {
    this.keep(0)
  }
}
