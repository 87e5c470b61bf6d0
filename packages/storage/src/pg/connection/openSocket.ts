import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Net from "node:net"
import * as Tls from "node:tls"
import type { PgTarget } from "../options/PgOptions.ts"
import { Authentication } from "./Authentication.ts"
import { ConnectionLost, PgError } from "./ConnectionError.ts"
import type { ConnectionError } from "./ConnectionError.ts"
import type { Endpoint } from "./Endpoint.ts"
import { hopeless, lost, noAnswer, unproven } from "./openingErrors.ts"

/** Takes what came from the server. */
export type OnBytes = (chunk: Buffer) => void

/** A socket behind which the server waits for the first query. */
export interface OpenSocket {
  readonly socket: Net.Socket
  /** Who takes what comes from now on. Says whether each chunk is its own memory, or one that is read into again. */
  readonly read: (onBytes: OnBytes) => "own" | "shared"
  /** What the server called itself: a pooler gives a number of its own. */
  readonly processId: number
  readonly encrypted: boolean
  /** `server_version`, `server_encoding` and so on, as the server reports them. */
  readonly parameters: ReadonlyMap<string, string>
}

const connectTo = (endpoint: Endpoint, onread: Net.OnReadOpts | undefined): Net.Socket => {
  const reading = onread === undefined ? {} : { onread }
  return endpoint.path !== undefined
    ? Net.connect({ path: endpoint.path, ...reading })
    : Net.connect({
        ...reading,
        host: endpoint.address,
        port: endpoint.port,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: 5000
      })
}

/** A socket on its way to be open: transport, TLS if wanted, startup, authentication. */
class Opening {
  private readonly target: PgTarget
  private readonly endpoint: Endpoint
  private readonly applicationName: string
  private readonly resume: (effect: Effect.Effect<OpenSocket, ConnectionError>) => void
  private readonly authentication: Authentication
  private readonly parameters = new Map<string, string>()
  private readonly parser = PgProtocol.makeParser()
  /** What is read into again and again; undefined: each chunk has memory of its own. */
  private readonly into: Buffer | undefined
  private onBytes: OnBytes = () => {}
  private socket: Net.Socket
  private done = false
  private encrypted = false
  private processId = 0

  constructor(
    target: PgTarget,
    endpoint: Endpoint,
    applicationName: string,
    mustAsk: boolean,
    readBytes: number | undefined,
    resume: (effect: Effect.Effect<OpenSocket, ConnectionError>) => void
  ) {
    this.target = target
    this.endpoint = endpoint
    this.applicationName = applicationName
    this.resume = resume
    this.authentication = new Authentication(target, endpoint, mustAsk)
    // As libpq: there is no TLS over a unix socket unless asked for by name.
    const ssl = endpoint.path !== undefined && target.sslOptional ? false : target.ssl
    // Of a TLS connection others read: what comes out of it has memory of its own.
    this.into = readBytes === undefined || ssl !== false ? undefined : Buffer.allocUnsafeSlow(readBytes)
    this.socket = connectTo(endpoint, this.into && this.readingInto(this.into))
    this.socket.on("error", this.refused)
    this.socket.on("close", this.closed)
    this.socket.once("connect", () => (ssl === false ? this.startup() : this.secure(ssl)))
  }

  private readingInto(buffer: Buffer): Net.OnReadOpts {
    const callback = (count: number) => {
      this.onBytes(buffer.subarray(0, count))
      return true
    }
    return { buffer, callback }
  }

  private readonly read: OpenSocket["read"] = (onBytes) => {
    this.onBytes = onBytes
    if (this.into !== undefined) return "shared"
    this.socket.on("data", onBytes)
    return "own"
  }

  /** Gives the attempt up. Returns whether there was one. */
  end(): boolean {
    if (this.done) return false
    this.done = true
    this.socket.removeAllListeners()
    this.socket.on("error", () => {})
    this.socket.destroy()
    return true
  }

  private fail(error: ConnectionError): void {
    if (this.end()) this.resume(Effect.fail(error))
  }

  private readonly refused = (error: NodeJS.ErrnoException): void => {
    const message = `cannot reach Postgres at ${this.endpoint.label}: ${error.message || error.code || "unknown"}`
    // A certificate that is not trusted has no number of the operating system's.
    this.fail(error.errno === undefined || error.code === "EACCES" ? hopeless(message, error) : lost(message, error))
  }

  private readonly closed = (): void =>
    this.fail(lost(`Postgres at ${this.endpoint.label} closed the connection while it was opened`))

  private secure(options: Tls.ConnectionOptions): void {
    const { host, label, path } = this.endpoint
    this.socket.once("data", (chunk: Buffer) => {
      // More than one byte would be plain text that an attacker slipped in before TLS.
      const answer = chunk.length === 1 ? PgProtocol.decodeSslResponse(chunk[0]!) : undefined
      if (answer === undefined || Result.isFailure(answer)) {
        return this.fail(hopeless(`what answers at ${label} does not speak Postgres' protocol`))
      }
      if (answer.success === "N") {
        if (this.target.sslOptional) return this.startup()
        return this.fail(hopeless(`Postgres at ${label} has no TLS, and TLS is required`))
      }
      const raw = this.socket
      raw.removeAllListeners("error")
      raw.removeAllListeners("close")
      this.socket = Tls.connect({
        host,
        ...(path === undefined && Net.isIP(host) === 0 ? { servername: host } : {}),
        ...options,
        socket: raw
      })
      this.socket.on("error", this.refused)
      this.socket.on("close", this.closed)
      this.socket.once("secureConnect", () => {
        this.encrypted = true
        this.startup()
      })
    })
    this.socket.write(PgProtocol.encodeSslRequest())
  }

  private startup(): void {
    const { database, options, user } = this.target
    this.read((chunk) => {
      try {
        // The parser keeps what it has not got whole.
        for (const message of this.parser.push(Buffer.from(chunk))) if (!this.done) this.onMessage(message)
      } catch (cause) {
        this.fail(hopeless(`what answers at ${this.endpoint.label} does not speak Postgres' protocol`, cause))
      }
    })
    this.socket.write(
      PgProtocol.encodeStartupMessage({
        user,
        database,
        application_name: this.applicationName,
        ...(options === undefined ? {} : { options })
      })
    )
  }

  private onMessage(message: PgProtocol.BackendMessage): void {
    const { label } = this.endpoint
    switch (message._tag) {
      case "AuthenticationOk":
      case "NoticeResponse":
      case "NegotiateProtocolVersion":
        return
      case "ParameterStatus":
        this.parameters.set(message.name, message.value)
        return
      case "AuthenticationCleartextPassword":
      case "AuthenticationMD5Password":
      case "AuthenticationSASL":
      case "AuthenticationSASLContinue":
      case "AuthenticationSASLFinal": {
        const answer = this.authentication.answer(message, this.encrypted)
        if (answer instanceof ConnectionLost) return this.fail(answer)
        if (answer !== undefined) this.socket.write(answer)
        return
      }
      case "BackendKeyData":
        this.processId = message.pid
        return
      case "ErrorResponse": {
        const { fields } = message
        return this.fail(
          new PgError({
            severity: fields.severity ?? "FATAL",
            code: fields.code ?? "XX000",
            message: `Postgres at ${label} refuses the connection: ${fields.message ?? "no reason given"}`,
            detail: fields.detail,
            constraint: undefined
          })
        )
      }
      case "ReadyForQuery":
        return this.ready()
      default:
        return this.fail(lost(`Postgres at ${label} sent an unexpected ${message._tag}`))
    }
  }

  private ready(): void {
    const { encrypted, parameters, processId, socket } = this
    if (this.authentication.isOwed) {
      return this.fail(hopeless(`the server at ${this.endpoint.label} did not prove who it is`))
    }
    if (this.authentication.isUnproven) {
      return this.fail(
        unproven(`Postgres at ${this.endpoint.label} lets role ${this.target.user} in without a password`)
      )
    }
    this.done = true
    socket.removeAllListeners()
    socket.setTimeout(0)
    if (!this.target.holdsProcess) socket.unref()
    this.resume(Effect.succeed({ socket, read: this.read, processId, encrypted, parameters }))
  }
}

/**
 * Transport, TLS if wanted, startup and authentication: messages are `@effect/sql-pg`'s. `mustAsk`: a session counts only
 * if the server asked for a password, which is sent readable to nobody. `readBytes`: large answers are read so many bytes at a
 * time, into one memory, which costs half of what it costs to give each chunk its own.
 */
export const openSocket = (
  target: PgTarget,
  endpoint: Endpoint,
  applicationName: string,
  mustAsk = false,
  readBytes?: number
): Effect.Effect<OpenSocket, ConnectionError> =>
  Effect.callback<OpenSocket, ConnectionError>((resume) => {
    const opening = new Opening(target, endpoint, applicationName, mustAsk, readBytes, resume)
    return Effect.sync(() => void opening.end())
  }).pipe(
    Effect.timeoutOrElse({
      duration: target.connectTimeoutMs,
      orElse: () => Effect.fail(noAnswer(target, endpoint))
    })
  )
