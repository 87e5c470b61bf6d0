import { peekRequestHeader } from "@tusk/protocol/Header"
import * as Effect from "effect/Effect"
import type { ConnectionInfo } from "../request/ConnectionInfo.ts"
import type { Handler } from "../request/Handler.ts"
import type { Login, LoginVerdict } from "../request/Login.ts"
import { inTurn } from "./Admitted.ts"
import type { Admitted, Begin, Framing } from "./Admitted.ts"
import { mayRun, onceItMayRun } from "./Readiness.ts"
import type { Gate } from "./Readiness.ts"

const NOTHING: ReadonlyArray<Uint8Array> = []

/** What is to become of a frame of a connection that is not authenticated, or will have to do it again. */
export const guard = (login: Login, frame: Uint8Array, nowMs: number): LoginVerdict =>
  login.arrived(login.takesTokens ? undefined : peekRequestHeader(frame).apiKey, nowMs)

/** Nothing is answered: what was asked before is, and then the connection ends. */
export const end = (connection: ConnectionInfo, reason: string): Framing =>
  Effect.sync(() => {
    connection.endsBecause = reason
    return NOTHING
  })

/** The answer to a token without Kafka's header: a token, too, or nothing if it is refused. */
const tokenAnswer = (login: Login, token: Uint8Array): Framing =>
  login.authenticate(token).pipe(
    Effect.map((step) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(step.token.byteLength)
      return [length, step.token]
    }),
    Effect.catch(() => Effect.succeed(NOTHING))
  )

/** Without a word, for a client that could not be heard in time. */
const silence = (): Framing => Effect.succeed(NOTHING)

/** `SaslHandshake` as Apache Kafka writes it: `SASL_HANDSHAKE`. */
export const kafkaName = (api: string): string => api.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()

/** A token without Kafka's header (SaslHandshake 0): it waits as a SaslAuthenticate does. */
export const token = (
  gate: Gate,
  handler: Handler,
  login: Login,
  frame: Uint8Array,
  connection: ConnectionInfo,
  receivedMs: number
): Admitted => {
  const begin: Begin = () => tokenAnswer(login, frame)
  const tooLate = () => {
    login.abandon("it could not authenticate in time")
    return undefined
  }
  const waiting = {
    handler,
    connection,
    isAwaited: () => true,
    forObjects: () => false,
    receivedMs,
    run: begin,
    refused: (): Begin => {
      tooLate()
      return silence
    },
    dropped: tooLate
  }
  const isReady = mayRun(gate, handler, waiting.forObjects)
  return isReady ? inTurn(begin) : { concurrent: false, ready: onceItMayRun(gate, waiting), begin }
}
