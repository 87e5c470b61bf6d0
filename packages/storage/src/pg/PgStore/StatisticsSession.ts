import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Statistic } from "../../port/Store.ts"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import { statisticsTexts } from "../sql/bundle.ts"
import type { Readers } from "./Readers.ts"

/** Whoever asks waits no longer, and neither does anybody for its locks. */
const STATEMENT_MS = 2000
const SILENCE_MS = STATEMENT_MS + 1000
const SETTINGS = `set statement_timeout = ${STATEMENT_MS}; set lock_timeout = 200`

const asStoreError = (error: ConnectionError): StoreError =>
  error._tag === "NotSent"
    ? new StoreRefused({ message: error.message, cause: error })
    : new StoreUnavailable({ message: error.message, cause: error })

/** The session that asks what the server tells of itself, in one reign: opened when first needed, and again when lost. */
export class StatisticsSession {
  readonly #readers: Readers
  readonly #opening = Semaphore.makeUnsafe(1)
  #connection: PgConnection | undefined
  #isOver = false

  constructor(readers: Readers) {
    this.#readers = readers
  }

  readonly #ready: Effect.Effect<PgConnection, ConnectionError> = Effect.suspend(() => {
    const there = this.#connection
    if (there !== undefined && there.lostBecause === undefined) return Effect.succeed(there)
    return Effect.gen({ self: this }, function* () {
      const connection = yield* this.#readers.openAs("statistics", SILENCE_MS)
      yield* connection.query(SETTINGS).pipe(leaveOnFailure(connection))
      if (this.#isOver) connection.leave()
      this.#connection = connection
      return connection
    })
  })

  readonly look: Effect.Effect<ReadonlyArray<Statistic>, StoreError> = this.#opening.withPermits(1)(
    Effect.flatMap(this.#ready, (connection) => connection.query(statisticsTexts.Statistics)).pipe(
      Effect.map((rows) =>
        rows.map(([kind, name, value]): Statistic => ({ kind: kind ?? "", name: name ?? "", value: Number(value) }))
      ),
      Effect.mapError(asStoreError)
    )
  )

  /** The reign is over. Waits for nothing. */
  end(): void {
    this.#isOver = true
    this.#connection?.leave()
  }
}
