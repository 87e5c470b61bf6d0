import { connect } from "node:net"
import type { Socket } from "node:net"

/** Rows of a simple query, values as text. */
export type Rows = ReadonlyArray<ReadonlyArray<string | null>>

/** Postgres refused; `code` is the SQLSTATE. */
export class SqlError extends Error {
  readonly code: string
  constructor(code: string, message: string) {
    super(`${message} (${code})`)
    this.code = code
  }
}

/** The session is gone, or could not be had. */
export class SqlLost extends Error {}

export interface SqlTarget {
  readonly port: number
  readonly database?: string
  readonly timeoutMs?: number
}

interface Asked {
  readonly rows: Array<ReadonlyArray<string | null>>
  error: SqlError | undefined
  readonly resolve: (rows: Rows) => void
  readonly reject: (error: Error) => void
}

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5)
  head.write(type, 0, "latin1")
  head.writeInt32BE(4 + body.length, 1)
  return Buffer.concat([head, body])
}

const startup = (database: string): Buffer => {
  const body = Buffer.from(`\0\x03\0\0user\0postgres\0database\0${database}\0application_name\0failover\0\0`, "latin1")
  const length = Buffer.alloc(4)
  length.writeInt32BE(4 + body.length)
  return Buffer.concat([length, body])
}

const errorOf = (body: Buffer): SqlError => {
  const fields = new Map(
    body
      .toString()
      .split("\0")
      .map((field) => [field.slice(0, 1), field.slice(1)])
  )
  return new SqlError(fields.get("C") ?? "XX000", fields.get("M") ?? "unknown error")
}

const rowOf = (body: Buffer): ReadonlyArray<string | null> => {
  const row: Array<string | null> = []
  let at = 2
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : body.toString("utf8", at, at + length))
    if (length > 0) at += length
  }
  return row
}

/**
 * One session with a Postgres of this suite, as postgres, on loopback, trusted. A client of its own: what looks at a
 * database from outside must not be the code whose faults it looks for.
 */
export class Sql {
  readonly #socket: Socket
  readonly #asked: Array<Asked> = []
  #rest: Buffer = Buffer.alloc(0)
  #closed: Error | undefined

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket
    socket.on("data", (chunk: Buffer) => this.#take(chunk))
    socket.on("error", (error) => this.#end(new SqlLost(error.message)))
    socket.on("close", () => this.#end(new SqlLost("the server closed the session")))
    socket.setTimeout(timeoutMs, () => {
      if (this.#asked.length > 0) socket.destroy(new SqlLost(`no answer in ${timeoutMs} ms`))
    })
  }

  static async connect({ database = "postgres", port, timeoutMs = 30_000 }: SqlTarget): Promise<Sql> {
    const socket = connect({ host: "127.0.0.1", port, noDelay: true })
    const session = new Sql(socket, timeoutMs)
    await session.#ask(startup(database))
    return session
  }

  query(text: string): Promise<Rows> {
    return this.#ask(message("Q", Buffer.from(`${text}\0`)))
  }

  #ask(bytes: Buffer): Promise<Rows> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed)
    return new Promise((resolve, reject) => {
      this.#asked.push({ rows: [], error: undefined, resolve, reject })
      this.#socket.write(bytes)
    })
  }

  #take(chunk: Buffer): void {
    let rest = Buffer.concat([this.#rest, chunk])
    while (rest.length >= 5) {
      const end = 1 + rest.readInt32BE(1)
      if (rest.length < end) break
      this.#message(String.fromCharCode(rest[0]!), rest.subarray(5, end))
      rest = rest.subarray(end)
    }
    this.#rest = rest
  }

  #message(type: string, body: Buffer): void {
    const asked = this.#asked[0]
    if (asked === undefined) return
    if (type === "D") asked.rows.push(rowOf(body))
    else if (type === "E") asked.error = errorOf(body)
    else if (type === "Z") {
      this.#asked.shift()
      if (asked.error === undefined) asked.resolve(asked.rows)
      else asked.reject(asked.error)
    }
  }

  #end(why: Error): void {
    this.#closed ??= why
    // What the server said before it hung up tells more.
    for (const { error, reject } of this.#asked.splice(0)) reject(error ?? why)
  }

  close(): void {
    this.#end(new SqlLost("this side closed the session"))
    this.#socket.destroy()
  }
}

/** Asks once, in a session of its own. */
export const sql = async (target: SqlTarget, text: string): Promise<Rows> => {
  const session = await Sql.connect(target)
  try {
    return await session.query(text)
  } finally {
    session.close()
  }
}
