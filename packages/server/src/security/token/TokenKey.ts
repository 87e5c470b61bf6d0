import type { StoredDelegationToken } from "@tusk/storage/port/Security"
import * as Redacted from "effect/Redacted"
import { createHash, createHmac } from "node:crypto"
import { isEqual } from "../sasl/ScramKeys.ts"

/** A token with its HMAC: who has that, has the token. It is stored nowhere. */
export interface Token extends Omit<StoredDelegationToken, "hmacHash"> {
  readonly hmac: Uint8Array
}

/** What tokens are made with: `delegation.token.secret.key`. */
export interface TokenKey {
  /** HMAC-SHA-512 of a token's id. */
  readonly hmacOf: (tokenId: string) => Uint8Array
  /** The token of a row; undefined: the row was not made with this key, but with another one, or by somebody in SQL. */
  readonly open: (row: StoredDelegationToken) => Token | undefined
}

export const tokenKey = (secret: Redacted.Redacted): TokenKey => {
  const hmacOf = (tokenId: string) => createHmac("sha512", Redacted.value(secret)).update(tokenId).digest()
  return {
    hmacOf,
    open: ({ hmacHash, ...token }) => {
      const hmac = hmacOf(token.tokenId)
      return isEqual(hmacHash, hashOf(hmac)) ? { ...token, hmac } : undefined
    }
  }
}

/** What an HMAC is stored as. It is no password of somebody's, which could be guessed: one hash is enough. */
export const hashOf = (hmac: Uint8Array): Uint8Array => createHash("sha256").update(hmac).digest()

/** The row of an HMAC, if it was made with this key. */
export const rowOf = (
  key: TokenKey,
  rows: Iterable<StoredDelegationToken>,
  hmac: Uint8Array
): StoredDelegationToken | undefined => {
  const hash = hashOf(hmac)
  for (const row of rows) if (isEqual(row.hmacHash, hash)) return key.open(row) === undefined ? undefined : row
  return undefined
}

/** As it is a password in SCRAM. */
export const passwordOf = ({ hmac }: Pick<Token, "hmac">): string => Buffer.from(hmac).toString("base64")
