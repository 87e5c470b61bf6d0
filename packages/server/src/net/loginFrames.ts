import { peekRequestHeader } from "@tusk/protocol/Header"
import * as Effect from "effect/Effect"
import type { ConnectionInfo } from "../request/ConnectionInfo.ts"
import type { Login, LoginVerdict } from "../request/Login.ts"

type Chunks = Effect.Effect<ReadonlyArray<Uint8Array>>

const NOTHING: ReadonlyArray<Uint8Array> = []

/** What is to become of a frame of a connection that is not authenticated, or will have to do it again. */
export const guard = (login: Login, frame: Uint8Array, nowMs: number): LoginVerdict =>
  login.arrived(login.takesTokens ? undefined : peekRequestHeader(frame).apiKey, nowMs)

/** Nothing is answered: what was asked before is, and then the connection ends. */
export const end = (connection: ConnectionInfo, reason: string): Chunks =>
  Effect.sync(() => {
    connection.endsBecause = reason
    return NOTHING
  })

/** The answer to a token without Kafka's header: a token, too, or nothing if it is refused. */
export const tokenAnswer = (login: Login, token: Uint8Array): Chunks =>
  login.authenticate(token).pipe(
    Effect.map((step) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(step.token.byteLength)
      return [length, step.token]
    }),
    Effect.catch(() => Effect.succeed(NOTHING))
  )

/** Without a word, for a client that could not be heard in time. */
export const silence = (): Chunks => Effect.succeed(NOTHING)

/** `SaslHandshake` as Apache Kafka writes it: `SASL_HANDSHAKE`. */
export const kafkaName = (api: string): string => api.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()
