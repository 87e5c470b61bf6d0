import * as PgAuth from "@effect/sql-pg/PgAuth"
import * as PgProtocol from "@effect/sql-pg/PgProtocol"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { randomBytes } from "node:crypto"
import * as Net from "node:net"
import * as Tls from "node:tls"
import { ConnectionLost, PgError } from "./ConnectionError.ts"
import type { ConnectionError } from "./ConnectionError.ts"
import type { Endpoint } from "./Endpoint.ts"
import { passwordFor } from "../PgOptions.ts"
import type { PgTarget } from "../PgOptions.ts"

/** A socket behind which the server waits for the first query. */
export interface OpenSocket {
  readonly socket: Net.Socket
  /** What the server called itself: a pooler gives a number of its own. */
  readonly processId: number
  readonly encrypted: boolean
  /** `server_version`, `server_encoding` and so on, as the server reports them. */
  readonly parameters: ReadonlyMap<string, string>
}

const lost = (message: string, cause?: unknown) => new ConnectionLost({ message, sent: false, cause })

/** What no later attempt makes better. */
const hopeless = (message: string, cause?: unknown) =>
  new ConnectionLost({ message, sent: false, lasting: true, cause })

/** What a server that keeps silent while it is connected to comes to. */
export const noAnswer = (target: PgTarget, { label }: Endpoint): ConnectionLost =>
  new ConnectionLost({
    message: `Postgres at ${label} did not answer in ${target.connectTimeoutMs} ms`,
    sent: false,
    silent: true
  })

/** Transport, TLS where wanted, startup and authentication: messages and secrets are `@effect/sql-pg`'s. */
export const openSocket = (
  target: PgTarget,
  endpoint: Endpoint,
  applicationName: string
): Effect.Effect<OpenSocket, ConnectionError> =>
  Effect.callback<OpenSocket, ConnectionError>((resume) => {
    const { label } = endpoint
    // As libpq: there is no TLS over a unix socket unless asked for by name.
    const ssl = endpoint.path !== undefined && target.sslOptional ? false : target.ssl
    let socket: Net.Socket =
      endpoint.path !== undefined
        ? Net.connect({ path: endpoint.path })
        : Net.connect({
            host: endpoint.address,
            port: endpoint.port,
            noDelay: true,
            keepAlive: true,
            keepAliveInitialDelay: 5000
          })
    let done = false
    let encrypted = false
    let processId = 0
    let scram: PgAuth.ScramState | undefined
    const parameters = new Map<string, string>()
    const parser = PgProtocol.makeParser()

    const fail = (error: ConnectionError) => {
      if (done) return
      done = true
      socket.removeAllListeners()
      socket.on("error", () => {})
      socket.destroy()
      resume(Effect.fail(error))
    }
    const refused = (error: NodeJS.ErrnoException) => {
      const message = `cannot reach Postgres at ${label}: ${error.message || error.code || "unknown"}`
      // A certificate that is not trusted has no number of the operating system's.
      fail(error.errno === undefined || error.code === "EACCES" ? hopeless(message, error) : lost(message, error))
    }
    const closed = () => fail(lost(`Postgres at ${label} closed the connection while it was opened`))

    const password = (): string | undefined => {
      const secret = passwordFor(target, endpoint)
      if (secret !== undefined) return secret
      const where = "URL, PGPASSWORD and password file have none"
      fail(hopeless(`Postgres at ${label} asks for a password of user ${target.user}, and none is given (${where})`))
      return undefined
    }
    const proven = <A>(result: Result.Result<A, PgAuth.AuthError>): A | undefined => {
      if (Result.isSuccess(result)) return result.success
      fail(hopeless(`cannot authenticate with Postgres at ${label}: ${result.failure.message}`))
      return undefined
    }

    const onMessage = (message: PgProtocol.BackendMessage): void => {
      switch (message._tag) {
        case "AuthenticationOk":
        case "NoticeResponse":
        case "NegotiateProtocolVersion":
          return
        case "ParameterStatus":
          parameters.set(message.name, message.value)
          return
        case "AuthenticationCleartextPassword": {
          const secret = password()
          if (secret !== undefined) socket.write(PgProtocol.encodePasswordMessage({ password: secret }))
          return
        }
        case "AuthenticationMD5Password": {
          const secret = password()
          if (secret === undefined) return
          const hashed = proven(PgAuth.md5Password({ user: target.user, password: secret, salt: message.salt }))
          if (hashed !== undefined) socket.write(PgProtocol.encodePasswordMessage({ password: hashed }))
          return
        }
        case "AuthenticationSASL": {
          if (!message.mechanisms.includes(PgAuth.SCRAM_SHA_256)) {
            return fail(
              hopeless(`Postgres offers ${message.mechanisms.join(", ")}, and Tusk knows ${PgAuth.SCRAM_SHA_256}`)
            )
          }
          const secret = password()
          if (secret === undefined) return
          const first = proven(PgAuth.scramInit({ password: secret, nonce: randomBytes(18).toString("base64") }))
          if (first === undefined) return
          scram = first.state
          socket.write(
            PgProtocol.encodeSASLInitialResponse({
              mechanism: PgAuth.SCRAM_SHA_256,
              initialResponse: first.response
            })
          )
          return
        }
        case "AuthenticationSASLContinue": {
          if (scram?._tag !== "ScramFirst") return fail(lost("Postgres went on with an exchange that was not begun"))
          const next = proven(PgAuth.scramContinue(scram, message.data))
          if (next === undefined) return
          scram = next.state
          socket.write(PgProtocol.encodeSASLResponse({ data: next.response }))
          return
        }
        case "AuthenticationSASLFinal": {
          if (scram?._tag !== "ScramFinal") return fail(lost("Postgres ended an exchange that was not begun"))
          if (Result.isSuccess(PgAuth.scramFinish(scram, message.data))) scram = undefined
          else fail(hopeless(`the server at ${label} cannot prove that it knows the password`))
          return
        }
        case "BackendKeyData":
          processId = message.pid
          return
        case "ErrorResponse": {
          const { fields } = message
          return fail(
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
          if (scram !== undefined) return fail(hopeless(`the server at ${label} did not prove who it is`))
          done = true
          socket.removeAllListeners()
          socket.setTimeout(0)
          resume(Effect.succeed({ socket, processId, encrypted, parameters }))
          return
        default:
          return fail(lost(`Postgres at ${label} sent an unexpected ${message._tag}`))
      }
    }

    const startup = () => {
      socket.on("data", (chunk: Buffer) => {
        try {
          for (const message of parser.push(chunk)) if (!done) onMessage(message)
        } catch (cause) {
          fail(hopeless(`what answers at ${label} does not speak Postgres' protocol`, cause))
        }
      })
      socket.write(
        PgProtocol.encodeStartupMessage({
          user: target.user,
          database: target.database,
          application_name: applicationName,
          ...(target.options === undefined ? {} : { options: target.options })
        })
      )
    }

    const secure = (options: Tls.ConnectionOptions) => {
      socket.once("data", (chunk: Buffer) => {
        // More than one byte would be plain text that somebody slipped in before TLS.
        const answer = chunk.length === 1 ? PgProtocol.decodeSslResponse(chunk[0]!) : undefined
        if (answer === undefined || Result.isFailure(answer)) {
          return fail(hopeless(`what answers at ${label} does not speak Postgres' protocol`))
        }
        if (answer.success === "N") {
          if (target.sslOptional) return startup()
          return fail(hopeless(`Postgres at ${label} has no TLS, and TLS is required`))
        }
        const raw = socket
        raw.removeAllListeners("error")
        raw.removeAllListeners("close")
        socket = Tls.connect({
          host: endpoint.host,
          ...(endpoint.path === undefined && Net.isIP(endpoint.host) === 0 ? { servername: endpoint.host } : {}),
          ...options,
          socket: raw
        })
        socket.on("error", refused)
        socket.on("close", closed)
        socket.once("secureConnect", () => {
          encrypted = true
          startup()
        })
      })
      socket.write(PgProtocol.encodeSslRequest())
    }

    socket.on("error", refused)
    socket.on("close", closed)
    socket.once("connect", () => (ssl === false ? startup() : secure(ssl)))

    return Effect.sync(() => {
      if (done) return
      done = true
      socket.removeAllListeners()
      socket.on("error", () => {})
      socket.destroy()
    })
  }).pipe(
    Effect.timeoutOrElse({
      duration: target.connectTimeoutMs,
      orElse: () => Effect.fail(noAnswer(target, endpoint))
    })
  )
