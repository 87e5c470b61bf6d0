import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { PgConnection, Row } from "../connection/PgConnection.ts"
import { statementsOf } from "../connection/Statement.ts"
import { materialisedTexts } from "../sql/bundle.ts"
import type { Readers } from "./Readers.ts"

/** The statements by which tables of users follow topics. */
export const materialisedStatements = statementsOf(materialisedTexts)

/** A step writes as many rows as a batch has records, and a user's triggers run for each. */
const STATEMENT_MS = 600_000
const SILENCE_MS = STATEMENT_MS + 5000
/** What is lost in a crash is written once more; a table that somebody has locked holds its session up for a second. */
const SETTINGS = [`statement_timeout = ${STATEMENT_MS}`, "lock_timeout = 1000", "synchronous_commit = off"]
  .map((setting) => `set ${setting}`)
  .join(";")

const asStoreError = (error: ConnectionError): StoreError => {
  const message = error._tag === "PgError" ? `${error.message} (${error.code})` : error.message
  return error._tag === "NotSent"
    ? new StoreRefused({ message, cause: error })
    : new StoreUnavailable({ message, cause: error })
}

/**
 * The sessions that write to tables of users, in one reign. Each step has one for itself, so that no table waits for what
 * another one waits for, as long as there is one left. They are opened when first needed, and again when lost.
 */
export class MaterialisedSessions {
  readonly #readers: Readers
  readonly #turns: Semaphore.Semaphore
  readonly #idle: Array<PgConnection> = []
  readonly #busy = new Set<PgConnection>()
  #isOver = false

  constructor(readers: Readers, count: number) {
    this.#readers = readers
    this.#turns = Semaphore.makeUnsafe(count)
  }

  send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, StoreError> {
    return this.#turns.withPermits(1)(
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(restore(this.#take), (connection) =>
          Effect.ensuring(
            restore(connection.send(build)),
            Effect.sync(() => this.#give(connection))
          )
        )
      ).pipe(Effect.mapError(asStoreError))
    )
  }

  /** The reign is over. Waits for nothing. */
  end(): void {
    this.#isOver = true
    for (const connection of [...this.#idle, ...this.#busy]) connection.leave()
  }

  readonly #take: Effect.Effect<PgConnection, ConnectionError> = Effect.suspend(() => {
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.lostBecause !== undefined) continue
      this.#busy.add(idle)
      return Effect.succeed(idle)
    }
    return Effect.gen({ self: this }, function* () {
      const connection = yield* this.#readers.openAs("tables", SILENCE_MS)
      const prepared = Effect.andThen(
        connection.query(SETTINGS),
        connection.prepare(Object.values(materialisedStatements))
      )
      yield* prepared.pipe(leaveOnFailure(connection))
      if (this.#isOver) connection.leave()
      this.#busy.add(connection)
      return connection
    })
  })

  #give(connection: PgConnection): void {
    this.#busy.delete(connection)
    // Whoever asked waits no more, and the server still works for it: what comes next does not wait behind that.
    if (connection.load > 0 || this.#isOver) connection.leave()
    else this.#idle.push(connection)
  }
}
