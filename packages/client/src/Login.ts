import type { Api } from "@tusk/protocol/codec/Api"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import * as Effect from "effect/Effect"
import { BadAnswer, refusalOf } from "./ClientError.ts"
import type { ClientError } from "./ClientError.ts"

/** Who logs in, and by which mechanism of SASL. */
export interface Login {
  /** `PLAIN`, `SCRAM-SHA-512`. */
  readonly mechanism: string
  /** Who it is, for errors; empty where a token says so. */
  readonly user: string
  /** The client's side of one login: yields what it sends, is given what is answered; returns why the broker is not the right one. */
  readonly start: () => Generator<Uint8Array<ArrayBuffer>, string | undefined, Uint8Array>
}

/** A connection that is not logged in yet. */
export interface Unknown {
  readonly address: string
  readonly ask: <Req, Res>(api: Api<Req, Res>, body: Req) => Effect.Effect<Res, ClientError>
}

/** Which share of a session's lifetime is used; the rest is for requests that are on their way. */
const USED = 0.85

/**
 * Logs in (KIP-43, KIP-152). Returns by `performance.now()` when to do so again (KIP-368): by a new connection, since the old one may
 * have requests on it.
 */
export const authenticate = (
  { address, ask }: Unknown,
  { mechanism, start, user }: Login
): Effect.Effect<number, ClientError> =>
  Effect.gen(function* () {
    const subject = `login${user === "" ? "" : ` of ${user}`} by ${mechanism} at ${address}`
    const shaken = yield* ask(SaslHandshake, { mechanism })
    const offered = shaken.mechanisms.length === 0 ? null : `it takes ${shaken.mechanisms.join(", ")}`
    const refused = refusalOf(shaken.errorCode, subject, offered)
    if (refused !== undefined) return yield* refused
    const side = start()
    let lifetimeMs = 0n
    let step = side.next()
    while (step.done !== true) {
      const answer = yield* ask(SaslAuthenticate, { authBytes: step.value })
      const failed = refusalOf(answer.errorCode, subject, answer.errorMessage)
      if (failed !== undefined) return yield* failed
      lifetimeMs = answer.sessionLifetimeMs
      step = side.next(answer.authBytes)
    }
    if (step.value !== undefined) return yield* new BadAnswer({ address, reason: step.value })
    return lifetimeMs > 0n ? performance.now() + Number(lifetimeMs) * USED : Infinity
  })
