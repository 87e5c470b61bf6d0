import { createHmac } from "node:crypto"
import * as Redacted from "effect/Redacted"
import { isEqual } from "../sasl/ScramKeys.ts"
import type { StoredDelegationToken } from "@tusk/storage/port/Security"

/** What tokens are made with: `delegation.token.secret.key`. */
export interface TokenKey {
  /** HMAC-SHA-512 of the token's id: who has it, has the token. */
  readonly hmacOf: (tokenId: string) => Uint8Array
  /** Whether a row was made with this key: not one of another key, and not one that somebody has written. */
  readonly made: (token: StoredDelegationToken) => boolean
}

export const tokenKey = (secret: Redacted.Redacted): TokenKey => {
  const hmacOf = (tokenId: string) => createHmac("sha512", Redacted.value(secret)).update(tokenId).digest()
  return { hmacOf, made: ({ hmac, tokenId }) => isEqual(hmac, hmacOf(tokenId)) }
}

/** The token of an HMAC. Takes as long for one that is nearly right. */
export const tokenOf = (
  key: TokenKey,
  tokens: Iterable<StoredDelegationToken>,
  hmac: Uint8Array
): StoredDelegationToken | undefined => {
  for (const token of tokens) if (isEqual(token.hmac, hmac)) return key.made(token) ? token : undefined
  return undefined
}

/** As it is a password in SCRAM. */
export const passwordOf = ({ hmac }: Pick<StoredDelegationToken, "hmac">): string =>
  Buffer.from(hmac).toString("base64")
