import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { accepted, challenge, identityOf, rejected, shown, textOf } from "./Exchange.ts"
import type { Evaluated, Exchange } from "./Exchange.ts"
import { proves, serverSignature } from "./ScramKeys.ts"
import type { ScramMechanism } from "./ScramKeys.ts"
import { parseClientFinal, parseClientFirst, serverFinal, serverFirst } from "./ScramMessages.ts"
import type { ClientFirst } from "./ScramMessages.ts"
import type { KnownCredential, ScramUsers } from "./ScramUsers.ts"

/** What a delegation token lets its holder in with (KIP-48): the token's id is the user, its HMAC the password. */
export interface TokenCredential extends Pick<KnownCredential, "credential"> {
  /** `User:<name>`. */
  readonly owner: string
  /** Milliseconds since 1970. */
  readonly expiresMs: number
}

/** Finds a delegation token by its id; undefined: there is none, or it has expired. */
export const DelegationTokenLookup = Context.Reference<
  (tokenId: string, mechanism: ScramMechanism) => Effect.Effect<TokenCredential | undefined>
>("@tusk/server/security/sasl/DelegationTokenLookup", { defaultValue: () => () => Effect.succeed(undefined) })

/** Who a client says it is, as far as that is known. */
interface Claimed extends KnownCredential {
  readonly principal: string
  readonly byToken: boolean
  readonly expiresMs: number
}

/** What the client's last message is checked against. */
interface Offered {
  readonly first: ClientFirst
  readonly serverFirst: string
  readonly nonce: string
  readonly claimed: Claimed
}

interface Parts {
  readonly mechanism: ScramMechanism
  readonly users: ScramUsers["Service"]
  readonly tokens: Context.Service.Shape<typeof DelegationTokenLookup>
  /** The server's part of a nonce: printable, without a comma. */
  readonly newNonce: () => string
}

/** SCRAM (RFC 5802, RFC 7677, KIP-84): neither side learns the other's secret, and both show that they know it. */
export const scramExchange = (parts: Parts): Exchange => {
  let offered: Offered | undefined
  const begin = Effect.fnUntraced(function* (first: ClientFirst) {
    const claimed = yield* claim(parts, first)
    const nonce = first.nonce + parts.newNonce()
    const { iterations, salt } = claimed.credential
    offered = { first, serverFirst: serverFirst(nonce, salt, iterations), nonce, claimed }
    return challenge(offered.serverFirst)
  })
  return {
    evaluate: (token) => {
      const text = textOf(token)
      if (offered !== undefined) {
        const before = offered
        offered = undefined
        return Effect.sync(() => conclude(parts.mechanism, before, text))
      }
      const first = text === undefined ? undefined : parseClientFirst(text)
      if (first === undefined) return Effect.succeed(rejected("this is no first message of SCRAM"))
      if (first.authzid !== "" && first.authzid !== first.username) {
        return Effect.succeed(rejected(OTHER_AUTHZID, OTHER_AUTHZID))
      }
      return begin(first)
    }
  }
}

/** Apache Kafka's words. */
export const OTHER_AUTHZID =
  "Authentication failed: Client requested an authorization id that is different from username"

const claim = Effect.fnUntraced(function* ({ mechanism, tokens, users }: Parts, { extensions, username }: ClientFirst) {
  if (extensions.get("tokenauth")?.toLowerCase() !== "true") {
    const known = users.of(username, mechanism)
    return { ...known, principal: `User:${username}`, byToken: false, expiresMs: Infinity } satisfies Claimed
  }
  const found = yield* tokens(username, mechanism)
  const { credential, isDecoy } =
    found === undefined ? users.decoy(username, mechanism) : { credential: found.credential, isDecoy: false }
  return {
    credential,
    isDecoy,
    principal: found?.owner ?? "",
    byToken: true,
    expiresMs: found?.expiresMs ?? 0
  } satisfies Claimed
})

const conclude = (mechanism: ScramMechanism, offered: Offered, text: string | undefined): Evaluated => {
  const { claimed, first, nonce } = offered
  const final = text === undefined ? undefined : parseClientFinal(text)
  if (final === undefined) return rejected("this is no last message of SCRAM")
  if (final.nonce !== nonce) {
    return rejected(
      final.nonce.endsWith(nonce)
        ? "the nonce is not the server's, as librdkafka before 2.6.1 sends it"
        : "the nonce is another one"
    )
  }
  if (Buffer.from(final.channelBinding).toString("utf8") !== first.gs2Header) {
    return rejected("it binds to another channel")
  }
  const authMessage = `${first.bare},${offered.serverFirst},${final.withoutProof}`
  const { serverKey, storedKey } = claimed.credential
  // A made-up key is proven by nobody; asked all the same, for the time that it takes.
  const isProven = proves(mechanism, storedKey, authMessage, final.proof)
  if (!isProven || claimed.isDecoy) return rejected(`wrong password, or no such user: ${shown(first.username)}`)
  const signature = Buffer.from(serverFinal(serverSignature(mechanism, serverKey, authMessage)))
  return accepted(identityOf(claimed.principal, claimed.byToken), signature, claimed.expiresMs)
}
