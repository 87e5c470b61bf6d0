import * as Effect from "effect/Effect"
import { parseBearerMessage } from "./BearerMessage.ts"
import { accepted, challenge, identityOf, rejected, shown, textOf } from "./Exchange.ts"
import type { Evaluated, Exchange } from "./Exchange.ts"

/** Whom a token lets in, or why it lets nobody in. */
export type BearerOutcome =
  | {
      readonly _tag: "Valid"
      readonly name: string
      /** Milliseconds since 1970. */
      readonly expiresMs: number
    }
  | { readonly _tag: "Invalid"; readonly reason: string }

/** What a client is told of a token that is not taken (RFC 7628, 3.2.2), in Apache Kafka's bytes. */
const INVALID_TOKEN = '{"status":"invalid_token"}'

/** OAUTHBEARER (RFC 7628, KIP-255): a client that is refused says with ^A that it has heard it, and then it is over. */
export const bearerExchange = (verify: (token: string) => Effect.Effect<BearerOutcome>): Exchange => {
  let refusal: string | undefined
  return {
    evaluate: (bytes) => {
      const before = refusal
      refusal = undefined
      if (before !== undefined && bytes.byteLength === 1 && bytes[0] === 1) {
        return Effect.succeed(rejected(before, INVALID_TOKEN))
      }
      const text = textOf(bytes)
      const message = text === undefined ? undefined : parseBearerMessage(text)
      if (message === undefined) return Effect.succeed(rejected("this is no first message of OAUTHBEARER"))
      return Effect.map(verify(message.token), (outcome): Evaluated => {
        if (outcome._tag === "Invalid") {
          refusal = outcome.reason
          return challenge(INVALID_TOKEN)
        }
        const { expiresMs, name } = outcome
        return message.authzid === "" || message.authzid === name
          ? accepted(identityOf(`User:${name}`), undefined, expiresMs)
          : rejected(`it wants to be ${shown(message.authzid)}`, otherAuthzid(message.authzid, name))
      })
    }
  }
}

const otherAuthzid = (authzid: string, name: string): string =>
  `Authentication failed: Client requested an authorization id (${authzid}) that is different from the token's principal name (${name})`
