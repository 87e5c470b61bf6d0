import type { StoreError } from "@tusk/storage/port/StoreError"
import * as Effect from "effect/Effect"
import type { Identity } from "../../request/Identity.ts"
import { accepted, rejected, shown, textOf, unknown } from "./Exchange.ts"
import type { Exchange } from "./Exchange.ts"
import { OTHER_AUTHZID } from "./ScramExchange.ts"

/** Whom a name and a password let in. Fails if that cannot be found out now. */
export type PlainVerify = (user: string, password: string) => Effect.Effect<Identity | undefined, StoreError>

/** PLAIN (RFC 4616): `[authzid] NUL user NUL password`. What is wrong is told in Apache Kafka's words. */
export const plainExchange = (verify: PlainVerify): Exchange => ({
  evaluate: (token) => {
    const text = textOf(token)
    if (text === undefined) return Effect.succeed(rejected("this is no UTF-8"))
    // As in Kafka a password may not have a NUL in it: what is behind a third one is one token more.
    const [authzid = "", user = "", password = "", ...rest] = text.split("\0", 4)
    const tokens = text.split("\0", 4).length
    if (tokens !== 3 || rest.length > 0) return told(`Invalid SASL/PLAIN response: expected 3 tokens, got ${tokens}`)
    if (user === "") return told("Authentication failed: username not specified")
    if (password === "") return told("Authentication failed: password not specified")
    const checked = Effect.map(verify(user, password), (identity) => {
      if (identity === undefined) {
        return rejected(
          `wrong password, or no such user: ${shown(user)}`,
          "Authentication failed: Invalid username or password"
        )
      }
      return authzid === "" || authzid === user ? accepted(identity) : rejected(OTHER_AUTHZID, OTHER_AUTHZID)
    })
    return Effect.catch(checked, ({ message }) => Effect.succeed(unknown(message)))
  }
})

const told = (message: string) => Effect.succeed(rejected(message, message))
