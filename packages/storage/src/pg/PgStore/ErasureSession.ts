import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { Erasures } from "../../port/Erasures.ts"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import type { PgConnection, Row } from "../connection/PgConnection.ts"
import {
  asked,
  decodePass,
  encodeAdvance,
  encodePass,
  erasureStatements,
  int32,
  int32s,
  int64,
  int64s,
  text
} from "./erasureStatements.ts"
import type { OutboxSession } from "./OutboxSession.ts"
import type { Readers } from "./Readers.ts"
import { readStatements } from "./readStatements.ts"

/** What is erased is to be on the disk before it is said to be; and rows that somebody has locked hold up no other topic for long. */
const SETTINGS = "set statement_timeout = 600000; set lock_timeout = 1000; set synchronous_commit = on"
const SILENCE_MS = 605_000
/** As autovacuum has it for the log: it takes its time, so that nobody else does. */
const VACUUM_SETTINGS = `set statement_timeout = 0; set lock_timeout = 0; set vacuum_cost_delay = '1ms';
  set vacuum_cost_limit = 2000`
/** All that may have held a record of the key, or the key itself. Entries of indexes go, too. */
const VACUUM = `vacuum (index_cleanup on) kafka.batches, kafka.unpacked, kafka.outbox, kafka.outbox_refused,
  kafka.outbox_keys, kafka.materialised_troubles, kafka.erasure_requests`

const asStoreError = (error: ConnectionError): StoreError =>
  error._tag === "NotSent"
    ? new StoreRefused({ message: error.message, cause: error })
    : new StoreUnavailable({ message: error.message, cause: error })

/** The session that keeps what is erased and how far that is, in one reign: opened when first needed, and again when lost. */
export class ErasureSession {
  readonly #readers: Readers
  readonly #opening = Semaphore.makeUnsafe(1)
  #connection: PgConnection | undefined
  #vacuuming: PgConnection | undefined
  #isOver = false

  constructor(readers: Readers) {
    this.#readers = readers
  }

  send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, StoreError> {
    return this.#on((connection) => connection.send(build))
  }

  /** What is erased is done with; if that was asked for, after a vacuum, for as long as it takes. */
  get settle(): Effect.Effect<void, StoreError> {
    return Effect.gen({ self: this }, function* () {
      const rows = yield* this.#readers.send(asked(readStatements.ErasuresToEnd))
      if (rows.length === 0) return
      const ids = rows.filter((row) => row[1]![0] === 1).map((row) => row[0]!.readBigInt64BE(0))
      if (ids.length > 0) yield* Effect.mapError(this.#vacuum, asStoreError)
      yield* this.send(asked(erasureStatements.DoneErasures, int64s(ids)))
    })
  }

  /** The reign is over. Waits for nothing. */
  end(): void {
    this.#isOver = true
    this.#connection?.leave()
    this.#vacuuming?.leave()
  }

  /** On a session of its own: nothing else waits for it. Of a table that is another role's Postgres only warns. */
  get #vacuum(): Effect.Effect<void, ConnectionError> {
    return Effect.acquireUseRelease(
      this.#readers.openAs("vacuum"),
      (connection) => {
        this.#vacuuming = connection
        return Effect.flatMap(
          Effect.andThen(connection.query(VACUUM_SETTINGS), connection.queryStoring(VACUUM)),
          ({ warning }) => (warning === undefined ? Effect.void : Effect.fail(warning))
        )
      },
      (connection) => Effect.sync(() => connection.leave())
    )
  }

  #on<A>(use: (connection: PgConnection) => Effect.Effect<A, ConnectionError>): Effect.Effect<A, StoreError> {
    return Effect.mapError(Effect.flatMap(this.#opening.withPermits(1)(this.#ready), use), asStoreError)
  }

  get #ready(): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen({ self: this }, function* () {
      const there = this.#connection
      if (there !== undefined && there.lostBecause === undefined) return there
      const connection = yield* this.#readers.openAs("erase", SILENCE_MS)
      const prepared = Effect.andThen(connection.query(SETTINGS), connection.prepare(Object.values(erasureStatements)))
      yield* prepared.pipe(leaveOnFailure(connection))
      if (this.#isOver) connection.leave()
      this.#connection = connection
      return connection
    })
  }
}

/** Of the reign that is in force. */
interface Sessions {
  readonly erasure: ErasureSession
  readonly outbox: OutboxSession
  readonly readers: Readers
}

/** The port. Whether there is anything to do is a read like others: a broker that erases nothing opens no session for it. */
export const erasuresOf = (
  withReign: <A>(use: (reign: Sessions) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
): Erasures => {
  const ask = (build: (frame: FrameWriter) => void) => withReign(({ erasure }) => erasure.send(build))
  const s = erasureStatements
  return {
    topics: withReign(({ outbox, readers }) =>
      Effect.map(
        // What is asked for behind this is heard of.
        Effect.andThen(outbox.hearsErasures, readers.send(asked(readStatements.ErasureTopics))),
        (rows) => rows.map((row) => row[0]!.toString("utf8"))
      )
    ),
    woken: (limitMs) => withReign(({ outbox }) => outbox.erasureAsked(limitMs)),
    pass: (topicId) => Effect.map(ask(encodePass(topicId)), (rows) => decodePass(topicId, rows)),
    isAwaited: ({ passId, snapshot }, ids) =>
      Effect.map(ask(asked(s.AwaitedOutbox, int32s(ids), text(snapshot), int64(passId))), ([row]) => row![0]![0] === 1),
    discard: ({ passId, snapshot }, ids) =>
      Effect.asVoid(ask(asked(s.DiscardOutbox, int32s(ids), text(snapshot), int64(passId)))),
    begin: ({ passId }, ends) =>
      Effect.asVoid(
        ask(
          asked(
            s.BeginErasure,
            int64(passId),
            int32s(ends.map(({ partitionId }) => partitionId)),
            int64s(ends.map(({ endOffset }) => endOffset))
          )
        )
      ),
    advance: (pass, step) => Effect.map(ask(encodeAdvance(pass, step)), (rows) => rows.length > 0),
    rows: ({ passId }, { below, from, partitionId }) =>
      Effect.map(ask(asked(s.UnpackedRows, int32(partitionId), int64(from), int64(below), int64(passId))), ([row]) =>
        row?.[0]?.readBigInt64BE(0)
      ),
    tell: ({ passId }, waitsFor) => Effect.asVoid(ask(asked(s.TellErasure, int64(passId), text(waitsFor)))),
    finish: ({ passId }) => Effect.asVoid(ask(asked(s.FinishErasure, int64(passId)))),
    vacuum: withReign(({ erasure }) => erasure.settle)
  }
}
