import type { StoredScramCredential } from "@tusk/storage/port/Security"
import { DelegationTokens } from "@tusk/storage/security/DelegationTokens"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { KeyDerivation } from "../sasl/KeyDerivation.ts"
import { DelegationTokenLookup } from "../sasl/ScramExchange.ts"
import { MIN_ITERATIONS } from "../sasl/ScramKeys.ts"
import type { ScramMechanism } from "../sasl/ScramKeys.ts"
import { passwordOf } from "./TokenKey.ts"
import { Tokens } from "./Tokens.ts"

/** The keys of one token, by mechanism. */
type Credentials = Map<ScramMechanism, StoredScramCredential>

/** Lets holders of tokens in by SCRAM. Keys are derived at a token's first login, and kept as long as the token is. */
export const tokenLogins = Layer.effect(
  DelegationTokenLookup,
  Effect.gen(function* () {
    const tokens = yield* Tokens
    const { current, onChange } = yield* DelegationTokens
    const { credential } = yield* KeyDerivation
    const known = new Map<string, Credentials>()
    const stop = onChange(() => {
      for (const tokenId of known.keys()) if (!current().has(tokenId)) known.delete(tokenId)
    })
    yield* Effect.addFinalizer(() => Effect.sync(stop))

    const credentialOf = Effect.fnUntraced(function* (tokenId: string, password: string, mechanism: ScramMechanism) {
      const present = known.get(tokenId)?.get(mechanism)
      if (present !== undefined) return present
      const derived = yield* credential(tokenId, mechanism, password, MIN_ITERATIONS)
      const own: Credentials = known.get(tokenId) ?? new Map()
      // It may be gone by now; another login may have been faster.
      if (current().has(tokenId)) known.set(tokenId, own)
      const first = own.get(mechanism) ?? derived
      own.set(mechanism, first)
      return first
    })

    return Effect.fnUntraced(function* (tokenId: string, mechanism: ScramMechanism) {
      const token = yield* tokens.holding(tokenId)
      if (token === undefined) return undefined
      const found = yield* credentialOf(tokenId, passwordOf(token), mechanism)
      return { credential: found, owner: token.owner, expiresMs: Number(token.expiryTimestamp) }
    })
  })
)
