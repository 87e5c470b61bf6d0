import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { PublicationStep, Publications } from "../../port/Publications.ts"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { PgConnection, Row } from "../connection/PgConnection.ts"
import { run, statementsOf } from "../connection/Statement.ts"
import type { Statement } from "../connection/Statement.ts"
import { publishTexts } from "../sql/bundle.ts"
import type { Readers } from "./Readers.ts"
import { readStatements } from "./readStatements.ts"

const statements = statementsOf(publishTexts)

/** A step holds rows for share while it waits for the next one: whoever wants to write them waits as long. */
const LOCK_MS = 25
const STATEMENT_MS = 30_000
const SILENCE_MS = STATEMENT_MS + 5000
/** What is lost in a crash is rows and position together: no step waits for the disk. */
const SETTINGS = [`statement_timeout = ${STATEMENT_MS}`, `lock_timeout = ${LOCK_MS}`, "synchronous_commit = off"]
  .map((setting) => `set ${setting}`)
  .join(";")

/** A lock was not to be had, or two waited for each other: nothing of the step is stored. */
const LOCKED = new Set(["55P03", "40P01", "40001"])

const asStoreError = (error: ConnectionError): StoreError =>
  error._tag === "NotSent"
    ? new StoreRefused({ message: error.message, cause: error })
    : new StoreUnavailable({ message: error.message, cause: error })

const int32 = (frame: FrameWriter, value: number): void => {
  frame.int32(4)
  frame.int32(value)
}

const stepOf = (row: Row | undefined): PublicationStep => ({
  state: (row?.[0]?.toString("utf8") ?? "gone") as PublicationStep["state"],
  rows: row?.[1]?.readInt32BE(0) ?? 0,
  bytes: Number(row?.[2]?.readBigInt64BE(0) ?? 0)
})

/** The session that looks after published tables, in one reign: opened when first needed, and again when lost. */
export class PublishSession {
  readonly #readers: Readers
  readonly #opening = Semaphore.makeUnsafe(1)
  #connection: PgConnection | undefined
  #isOver = false

  constructor(readers: Readers) {
    this.#readers = readers
  }

  readonly #ready: Effect.Effect<PgConnection, ConnectionError> = this.#opening.withPermits(1)(
    Effect.suspend(() =>
      this.#connection !== undefined && this.#connection.lostBecause === undefined
        ? Effect.succeed(this.#connection)
        : this.#open
    )
  )

  get #open(): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      const connection = yield* this.#readers.openAs("publications", SILENCE_MS)
      const prepared = Effect.andThen(connection.query(SETTINGS), connection.prepare(Object.values(statements)))
      yield* prepared.pipe(leaveOnFailure(connection))
      if (this.#isOver) connection.leave()
      this.#connection = connection
      return connection
    })
  }

  send(
    statement: Statement,
    count: number,
    parameters: (frame: FrameWriter) => void
  ): Effect.Effect<ReadonlyArray<Row>, ConnectionError> {
    return Effect.flatMap(this.#ready, (connection) =>
      connection.send((frame) => run(frame, statement, count, () => parameters(frame)))
    )
  }

  /** The reign is over. Waits for nothing. */
  end(): void {
    this.#isOver = true
    this.#connection?.leave()
  }
}

/** Of the reign that is in force. */
interface Sessions {
  readonly publish: PublishSession
  readonly readers: Pick<Readers, "send">
}

/** The port. A broker without publications opens no session for them. */
export const publicationsOf = (
  withReign: <A>(use: (reign: Sessions) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
): Publications => {
  const none = () => {}
  return {
    any: Effect.map(
      withReign(({ readers }) => readers.send((frame) => run(frame, readStatements.AnyPublication, 0, none))),
      ([row]) => row?.[0]?.[0] === 1
    ),
    tend: withReign(({ publish }) =>
      Effect.mapBoth(publish.send(statements.TendPublications, 0, none), {
        onFailure: asStoreError,
        onSuccess: (rows) => rows.map(([id, reads]) => ({ publicationId: id!.readInt32BE(0), reads: reads?.[0] === 1 }))
      })
    ),
    step: (publicationId, most, room) =>
      withReign(({ publish }) =>
        publish
          .send(statements.PublishStep, 3, (frame) =>
            [publicationId, most, room].forEach((value) => int32(frame, value))
          )
          .pipe(
            Effect.map(([row]) => stepOf(row)),
            Effect.catch((error) =>
              error._tag === "PgError" && LOCKED.has(error.code)
                ? Effect.succeed<PublicationStep>({ state: "locked", rows: 0, bytes: 0 })
                : Effect.fail(asStoreError(error))
            )
          )
      ),
    failed: (publicationId, reason) =>
      withReign(({ publish }) =>
        Effect.mapBoth(
          publish.send(statements.PublishFailed, 2, (frame) => {
            int32(frame, publicationId)
            const text = Buffer.from(reason)
            frame.int32(text.byteLength)
            frame.raw(text)
          }),
          { onFailure: asStoreError, onSuccess: () => undefined }
        )
      )
  }
}
