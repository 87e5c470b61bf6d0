import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import { inSchema } from "../options/SchemaName.ts"
import type { PgTarget } from "../options/PgOptions.ts"
import { ConnectionLost, decodePgError, NotSent } from "./ConnectionError.ts"
import type { ConnectionError, PgError } from "./ConnectionError.ts"
import type { Endpoint } from "./Endpoint.ts"
import { FrameWriter, PagePool } from "./FrameWriter.ts"
import { MessageReader } from "./MessageReader.ts"
import { noAnswer } from "./openingErrors.ts"
import { openSocket } from "./openSocket.ts"
import type { OpenSocket } from "./openSocket.ts"
import { sessionSettings } from "./sessionSettings.ts"
import type { Statement } from "./Statement.ts"

/** A value as it came: in binary for prepared statements, as text for simple queries. Views: copy what lives long. */
export type Row = ReadonlyArray<Buffer | null>

/** Rows of a simple query, as text. */
export type TextRows = ReadonlyArray<ReadonlyArray<string | null>>

/** What came back before the server was ready again. */
export interface Answer<R = Row> {
  readonly rows: ReadonlyArray<R>
  /** A WARNING came with it: of a COMMIT, that a standby may not have it. */
  readonly warning: PgError | undefined
}

interface Pending {
  readonly pages: ReadonlyArray<Buffer>
  readonly rows: Array<Row>
  error: PgError | undefined
  warning: PgError | undefined
  /** Silence is no sign of a lost server: a COMMIT waits for a synchronous standby without end. */
  readonly patient: boolean
  readonly resume: (effect: Effect.Effect<Answer, ConnectionError>) => void
}

const SYNC = 0x53
const FLUSH = 0x48
const QUERY = 0x51
const PARSE = 0x50
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])
const CLOSE_GRACE_MS = 1000
/** How often a session's settings are sent again that a time limit of the database's has cut short. */
const SETTINGS_RETRIES = 5
const isCanceled = (error: ConnectionError): boolean => error._tag === "PgError" && error.code === "57014"
/** Of a server's answer at one time: more than a socket of most systems holds. */
const READ_BYTES = 256 * 1024
/** How much longer than a statement may run a server may be silent. */
const SILENCE_MARGIN_MS = 5000

/**
 * One session with Postgres. What is asked is sent at once and answered in order; each request is one implicit
 * transaction, closed by one Sync. Values go out as the very buffers they are and come back as views.
 */
export class PgConnection {
  readonly processId: number
  readonly parameters: ReadonlyMap<string, string>
  readonly encrypted: boolean
  /** Where it leads, for others that have to lead to the same server. */
  readonly endpoint: Endpoint
  /** Where the cluster lies in the database. */
  readonly schema: string
  /** SQL as this connection sends it: all of it is written for schema `kafka`. */
  readonly inSchema: (sql: string) => string
  private readonly socket: Socket
  private readonly pages = new PagePool()
  private readonly pending: Array<Pending> = []
  private readonly loss = Deferred.makeUnsafe<string>()
  private closedBy: string | undefined
  /** Called when a session notifies a channel that this one listens to. */
  onNotified: (channel: string) => void = () => {}

  private constructor(opened: OpenSocket, endpoint: Endpoint, silenceMs: number, schema: string) {
    this.schema = schema
    this.inSchema = inSchema(schema)
    this.socket = opened.socket
    this.processId = opened.processId
    this.parameters = opened.parameters
    this.encrypted = opened.encrypted
    this.endpoint = endpoint
    const reader = new MessageReader(this.onMessage)
    const memory = opened.read((chunk) => {
      try {
        if (memory === "own") reader.push(chunk)
        else reader.pushShared(chunk)
      } catch (cause) {
        this.lose(`Postgres broke its protocol: ${cause instanceof Error ? cause.message : cause}`)
      }
    })
    this.socket.on("error", (error) => this.lose(`the connection to Postgres broke: ${error.message}`))
    this.socket.on("end", () => this.lose("Postgres closed the connection"))
    this.socket.on("close", () => this.lose("Postgres closed the connection"))
    // A server that is there ends a statement in time; one that vanished in the middle of a request sends nothing.
    this.socket.setTimeout(silenceMs, () => {
      if (this.pending[0]?.patient === false) this.lose(`Postgres did not answer for ${silenceMs} ms`)
    })
  }

  /**
   * Opens a session with our own settings. It lives until it is closed. `silenceMs`: how long it may be silent when it is
   * asked something, by default longer than any statement may run.
   */
  static open(
    target: PgTarget,
    endpoint: Endpoint,
    applicationName: string,
    silenceMs: number = target.statementTimeoutMs + SILENCE_MARGIN_MS
  ): Effect.Effect<PgConnection, ConnectionError> {
    return Effect.gen(function* () {
      const connection = new PgConnection(
        yield* openSocket(target, endpoint, applicationName, false, READ_BYTES),
        endpoint,
        silenceMs,
        target.schema
      )
      const version = Number.parseInt(connection.parameters.get("server_version") ?? "0", 10)
      yield* connection.query(sessionSettings(target, version)).pipe(
        // Until they hold, those of the database do: a time limit of a millisecond, which a busy server takes to read them.
        Effect.retry({ times: SETTINGS_RETRIES, while: isCanceled }),
        Effect.timeoutOrElse({
          duration: target.connectTimeoutMs,
          orElse: () => Effect.fail(noAnswer(target, endpoint))
        }),
        Effect.onExit((exit) => (exit._tag === "Failure" ? Effect.sync(() => connection.destroy()) : Effect.void))
      )
      return connection
    })
  }

  /** Why nothing can be asked any longer. */
  get lostBecause(): string | undefined {
    return this.closedBy
  }

  /** Requests that wait for their answer. */
  get load(): number {
    return this.pending.length
  }

  /** Returns why, at the moment when the session ends without this side having ended it. */
  get lost(): Effect.Effect<string> {
    return Deferred.await(this.loss)
  }

  /** Writes with `build`, then a Sync, in one gathered write. Rows of all its statements, in order. */
  send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, ConnectionError> {
    return Effect.map(this.exchange(closedBySync(build), false), ({ rows }) => rows)
  }

  /**
   * As `send`, for what is to last: takes as long as the server's COMMIT does.
   * Its first message is a small one: the clock of `idle_session_timeout` goes on until a first message is there as a
   * whole (tried), and a batch of 16 MiB takes a slow line longer than that.
   */
  store(build: (frame: FrameWriter) => void): Effect.Effect<Answer, ConnectionError> {
    const all = closedBySync((frame) => {
      frame.message(FLUSH, () => {})
      build(frame)
    })
    return this.exchange(all, true)
  }

  /** A simple query, of one statement or more, without parameters. */
  query(sql: string): Effect.Effect<TextRows, ConnectionError> {
    return Effect.map(this.exchange(simple(this.inSchema(sql)), false), ({ rows }) => textOf(rows))
  }

  /** As `query`, for what is to last: takes as long as the server's COMMIT does. */
  queryStoring(sql: string): Effect.Effect<Answer<TextRows[number]>, ConnectionError> {
    return Effect.map(this.exchange(simple(this.inSchema(sql)), true), ({ rows, warning }) => ({
      rows: textOf(rows),
      warning
    }))
  }

  /** Prepares statements: once a connection, before they are run. */
  prepare(statements: ReadonlyArray<Statement>): Effect.Effect<void, ConnectionError> {
    return Effect.asVoid(
      this.send((frame) => {
        for (const { name, sql } of statements) {
          frame.message(PARSE, () => {
            frame.name(name)
            frame.cString(this.inSchema(sql))
            frame.int16(0)
          })
        }
      })
    )
  }

  private exchange(build: (frame: FrameWriter) => void, patient: boolean): Effect.Effect<Answer, ConnectionError> {
    return Effect.callback((resume) => {
      if (this.closedBy !== undefined) {
        return resume(Effect.fail(new ConnectionLost({ message: this.closedBy, sent: false })))
      }
      const frame = new FrameWriter(this.pages)
      try {
        build(frame)
      } catch (cause) {
        this.pages.give(frame.pages)
        const message = `what is to be sent cannot be encoded: ${cause instanceof Error ? cause.message : cause}`
        return resume(Effect.fail(new NotSent({ message, cause })))
      }
      this.pending.push({ pages: frame.pages, rows: [], error: undefined, warning: undefined, patient, resume })
      const chunks = frame.finish()
      this.socket.cork()
      for (const chunk of chunks) this.socket.write(chunk)
      this.socket.uncork()
    })
  }

  private readonly onMessage = (type: number, buffer: Buffer, start: number, end: number): void => {
    const current = this.pending[0]
    switch (type) {
      case 0x44: {
        // DataRow
        const count = buffer.readInt16BE(start)
        const row = new Array<Buffer | null>(count)
        let at = start + 2
        for (let i = 0; i < count; i++) {
          const length = buffer.readInt32BE(at)
          at += 4
          if (length < 0) row[i] = null
          else {
            row[i] = buffer.subarray(at, at + length)
            at += length
          }
        }
        current?.rows.push(row)
        return
      }
      case 0x45: {
        // ErrorResponse
        const error = decodePgError(buffer.subarray(start, end))
        if (error.severity === "ERROR") {
          if (current !== undefined) current.error ??= error
        } else this.lose(`Postgres ended the session: ${error.message}`)
        return
      }
      case 0x4e: {
        // NoticeResponse
        if (current === undefined) return
        const notice = decodePgError(buffer.subarray(start, end))
        if (notice.severity === "WARNING") current.warning ??= notice
        return
      }
      case 0x41: {
        // NotificationResponse: who, the channel, what was said
        this.onNotified(buffer.toString("utf8", start + 4, buffer.indexOf(0, start + 4)))
        return
      }
      case 0x5a: {
        // ReadyForQuery
        const answered = this.pending.shift()
        if (answered === undefined) return
        this.pages.give(answered.pages)
        const { error, rows, warning } = answered
        answered.resume(error === undefined ? Effect.succeed({ rows, warning }) : Effect.fail(error))
        return
      }
    }
  }

  private lose(reason: string): void {
    if (this.closedBy !== undefined) return
    this.breakOff(reason)
    Deferred.doneUnsafe(this.loss, Effect.succeed(reason))
  }

  private breakOff(reason: string): void {
    this.closedBy = reason
    this.socket.destroy()
    this.failPending(reason)
  }

  private failPending(message: string): void {
    for (const { resume } of this.pending.splice(0)) resume(Effect.fail(new ConnectionLost({ message, sent: true })))
  }

  /** Breaks the connection off. The server's backend ends by itself, later. */
  destroy(): void {
    if (this.closedBy === undefined) this.breakOff("this side broke the connection off")
  }

  /** Says goodbye without waiting for anything; a session that has something to do is broken off. */
  leave(): void {
    if (this.closedBy !== undefined) return
    if (this.pending.length > 0) return this.destroy()
    this.closedBy = "the connection was closed"
    this.socket.end(TERMINATE)
    // A server that does not hang up is not waited for.
    this.socket.setTimeout(CLOSE_GRACE_MS, () => this.socket.destroy())
  }

  /** Runs `last` if the session has nothing else to do and still answers, then leaves. Returns whether `last` succeeded. */
  close(last: string): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      if (this.closedBy !== undefined) return Effect.succeed(false)
      if (this.pending.length > 0) {
        this.destroy()
        return Effect.succeed(false)
      }
      return this.query(last).pipe(
        Effect.as(true),
        Effect.timeoutOrElse({ duration: CLOSE_GRACE_MS, orElse: () => Effect.succeed(false) }),
        Effect.orElseSucceed(() => false),
        Effect.ensuring(Effect.sync(() => this.leave()))
      )
    })
  }
}

const closedBySync = (build: (frame: FrameWriter) => void) => (frame: FrameWriter) => {
  build(frame)
  frame.message(SYNC, () => {})
}

const simple = (sql: string) => (frame: FrameWriter) => frame.message(QUERY, () => frame.cString(sql))

const textOf = (rows: ReadonlyArray<Row>): TextRows =>
  rows.map((row) => row.map((value) => value?.toString("utf8") ?? null))
