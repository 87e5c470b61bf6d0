import * as Effect from "effect/Effect"
import type { Socket } from "node:net"
import type { PgTarget } from "../PgOptions.ts"
import { ConnectionLost, decodePgError } from "./ConnectionError.ts"
import type { ConnectionError, PgError } from "./ConnectionError.ts"
import { FrameWriter, PagePool } from "./FrameWriter.ts"
import { MessageReader } from "./MessageReader.ts"
import { noAnswer, openSocket } from "./openSocket.ts"
import type { OpenSocket } from "./openSocket.ts"

/** A statement of constant text, prepared once a connection under its name. */
export interface Statement {
  /** ASCII, unique among the statements of a connection. */
  readonly name: string
  readonly sql: string
}

/** A value as it came: in binary for prepared statements, as text for simple queries. Views: copy what lives long. */
export type Row = ReadonlyArray<Buffer | null>

interface Pending {
  readonly pages: ReadonlyArray<Buffer>
  readonly rows: Array<Row>
  error: PgError | undefined
  readonly resume: (effect: Effect.Effect<ReadonlyArray<Row>, ConnectionError>) => void
}

const SYNC = 0x53
const QUERY = 0x51
const PARSE = 0x50
const BIND = 0x42
const EXECUTE = 0x45
const CLOSE_GRACE_MS = 1000
/** How much longer than a statement may run a server may be silent. */
const SILENCE_MARGIN_MS = 5000

/** The settings of other people's roles and databases must not reach our sessions (storage.md 13). */
const sessionSettings = (target: PgTarget, serverVersion: number): string =>
  [
    `statement_timeout = ${target.statementTimeoutMs}`,
    `lock_timeout = ${Math.min(target.statementTimeoutMs, 30_000)}`,
    "idle_in_transaction_session_timeout = 60000",
    "idle_session_timeout = 0",
    ...(serverVersion >= 17 ? ["transaction_timeout = 0"] : []),
    // A vanished host is noticed within 15 s.
    "tcp_keepalives_idle = 5",
    "tcp_keepalives_interval = 3",
    "tcp_keepalives_count = 3",
    "tcp_user_timeout = 15000",
    `synchronous_commit = ${target.synchronousCommit}`,
    "default_transaction_isolation = 'read committed'",
    "default_transaction_read_only = off",
    "default_transaction_deferrable = off",
    "search_path = pg_catalog",
    "client_min_messages = error",
    // Statements of constant text and one right plan, whatever statistics say: index by index, never a scan.
    "plan_cache_mode = force_generic_plan",
    "enable_seqscan = off",
    "enable_bitmapscan = off",
    "enable_hashjoin = off",
    "enable_mergejoin = off",
    "enable_memoize = off",
    "jit = off"
  ]
    .map((setting) => `set ${setting}`)
    .join(";")

/**
 * One session with Postgres. What is asked is sent at once and answered in order; each `send` is one implicit
 * transaction, closed by one Sync. Values go out as the very buffers they are and come back as views (storage.md 9).
 */
export class Connection {
  readonly processId: number
  readonly parameters: ReadonlyMap<string, string>
  readonly encrypted: boolean
  private readonly socket: Socket
  private readonly pages = new PagePool()
  private readonly pending: Array<Pending> = []
  private closedBy: string | undefined

  private constructor(opened: OpenSocket, silenceMs: number) {
    this.socket = opened.socket
    this.processId = opened.processId
    this.parameters = opened.parameters
    this.encrypted = opened.encrypted
    const reader = new MessageReader(this.onMessage)
    this.socket.on("data", (chunk: Buffer) => {
      try {
        reader.push(chunk)
      } catch (cause) {
        this.lose(`Postgres broke its protocol: ${cause instanceof Error ? cause.message : cause}`)
      }
    })
    this.socket.on("error", (error) => this.lose(`the connection to Postgres broke: ${error.message}`))
    this.socket.on("close", () => this.lose("Postgres closed the connection"))
    // A server that is there ends a statement in time; one that vanished in the middle of a request sends nothing.
    this.socket.setTimeout(silenceMs, () => {
      if (this.pending.length > 0) this.lose(`Postgres did not answer for ${silenceMs} ms`)
    })
  }

  /** Opens a session with our own settings. It lives until `close`. */
  static open(target: PgTarget, applicationName: string): Effect.Effect<Connection, ConnectionError> {
    return Effect.gen(function* () {
      const connection = new Connection(
        yield* openSocket(target, applicationName),
        target.statementTimeoutMs + SILENCE_MARGIN_MS
      )
      const version = Number.parseInt(connection.parameters.get("server_version") ?? "0", 10)
      yield* connection.query(sessionSettings(target, version)).pipe(
        Effect.timeoutOrElse({
          duration: target.connectTimeoutMs,
          orElse: () => Effect.fail(noAnswer(target))
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

  /** Writes with `build`, then a Sync, in one gathered write. Rows of all its statements, in order. */
  send(build: (frame: FrameWriter) => void): Effect.Effect<ReadonlyArray<Row>, ConnectionError> {
    return Effect.callback((resume) => {
      if (this.closedBy !== undefined) {
        return resume(Effect.fail(new ConnectionLost({ message: this.closedBy, sent: false })))
      }
      const frame = new FrameWriter(this.pages)
      build(frame)
      frame.message(SYNC, () => {})
      this.write(frame, resume)
    })
  }

  /** A simple query, of one statement or more, without parameters: rows come as text. */
  query(sql: string): Effect.Effect<ReadonlyArray<ReadonlyArray<string | null>>, ConnectionError> {
    return Effect.callback<ReadonlyArray<Row>, ConnectionError>((resume) => {
      if (this.closedBy !== undefined) {
        return resume(Effect.fail(new ConnectionLost({ message: this.closedBy, sent: false })))
      }
      const frame = new FrameWriter(this.pages)
      frame.message(QUERY, () => frame.cString(sql))
      this.write(frame, resume)
    }).pipe(Effect.map((rows) => rows.map((row) => row.map((value) => value?.toString("utf8") ?? null))))
  }

  /** Prepares statements: once a connection, before they are run. */
  prepare(statements: ReadonlyArray<Statement>): Effect.Effect<void, ConnectionError> {
    return Effect.asVoid(
      this.send((frame) => {
        for (const { name, sql } of statements) {
          frame.message(PARSE, () => {
            frame.name(name)
            frame.cString(sql)
            frame.int16(0)
          })
        }
      })
    )
  }

  private write(frame: FrameWriter, resume: Pending["resume"]): void {
    this.pending.push({ pages: frame.pages, rows: [], error: undefined, resume })
    const chunks = frame.finish()
    this.socket.cork()
    for (const chunk of chunks) this.socket.write(chunk)
    this.socket.uncork()
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
      case 0x5a: {
        // ReadyForQuery
        const answered = this.pending.shift()
        if (answered === undefined) return
        this.pages.give(answered.pages)
        answered.resume(answered.error === undefined ? Effect.succeed(answered.rows) : Effect.fail(answered.error))
        return
      }
    }
  }

  private lose(reason: string): void {
    if (this.closedBy !== undefined) return
    this.closedBy = reason
    this.socket.destroy()
    for (const { resume } of this.pending.splice(0)) {
      resume(Effect.fail(new ConnectionLost({ message: reason, sent: true })))
    }
  }

  /** Breaks the connection off. The server's backend ends by itself, later. */
  destroy(): void {
    this.lose("this side broke the connection off")
  }

  /** Runs `last` if the session still answers, then says goodbye. Returns whether `last` succeeded. */
  close(last?: string): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function* () {
      if (this.closedBy !== undefined) return false
      const said = yield* this.query(last ?? "").pipe(
        Effect.as(true),
        Effect.timeoutOrElse({ duration: CLOSE_GRACE_MS, orElse: () => Effect.succeed(false) }),
        Effect.orElseSucceed(() => false)
      )
      if (this.closedBy === undefined) {
        this.closedBy = "the connection was closed"
        this.socket.end(Buffer.from([0x58, 0, 0, 0, 4]))
        // An answer that still comes is not waited for; a server that does not hang up is not either.
        this.socket.setTimeout(CLOSE_GRACE_MS, () => this.socket.destroy())
        for (const { resume } of this.pending.splice(0)) {
          resume(Effect.fail(new ConnectionLost({ message: this.closedBy, sent: true })))
        }
      }
      return said
    })
  }
}

/** Runs a prepared statement inside `send`: binary parameters, binary rows. */
export const run = (frame: FrameWriter, statement: Statement, parameterCount: number, parameters: () => void): void => {
  frame.message(BIND, () => {
    frame.name("")
    frame.name(statement.name)
    frame.int16(1)
    frame.int16(1)
    frame.int16(parameterCount)
    parameters()
    frame.int16(1)
    frame.int16(1)
  })
  frame.message(EXECUTE, () => {
    frame.name("")
    frame.int32(0)
  })
}
