import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { tokenKey } from "../port/Security.ts"
import type { StoredDelegationToken } from "../port/Security.ts"
import { Write } from "../port/Write.ts"
import type { Kept } from "./Kept.ts"
import { makeKept, sameBytes } from "./makeKept.ts"
import { SecurityOptions } from "./SecurityLimits.ts"

const isSame = (one: StoredDelegationToken, other: StoredDelegationToken): boolean =>
  one.owner === other.owner &&
  one.requester === other.requester &&
  one.issueTimestamp === other.issueTimestamp &&
  one.maxTimestamp === other.maxTimestamp &&
  one.expiryTimestamp === other.expiryTimestamp &&
  sameBytes(one.hmacHash, other.hmacHash) &&
  one.renewers.length === other.renewers.length &&
  one.renewers.every((renewer, i) => renewer === other.renewers[i])

/** Delegation tokens, by their ids. One that has expired stays until somebody takes it away. */
export class DelegationTokens extends Context.Service<DelegationTokens, Kept<StoredDelegationToken>>()(
  "@tusk/storage/security/DelegationTokens"
) {
  static readonly layer = Layer.effect(
    DelegationTokens,
    Effect.flatMap(SecurityOptions, ({ maxDelegationTokens }) =>
      makeKept(({ delegationTokens }) => delegationTokens, {
        name: "delegation tokens",
        setting: "tusk.max.delegation.tokens",
        max: maxDelegationTokens,
        keyOf: tokenKey,
        isSame,
        put: (row) => Write.PutDelegationToken(row),
        remove: ({ tokenId }) => Write.DeleteDelegationToken({ tokenId })
      })
    )
  )
}
