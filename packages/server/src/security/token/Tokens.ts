import { DelegationTokenAuthDisabled } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { StoredDelegationToken } from "@tusk/storage/port/Security"
import { randomUuid } from "@tusk/storage/port/Uuid"
import type { DecideRows } from "@tusk/storage/security/Kept"
import { DelegationTokens } from "@tusk/storage/security/DelegationTokens"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../../config/BrokerSettings.ts"
import type { Settings } from "../../config/Settings.ts"
import { hashOf, rowOf, tokenKey } from "./TokenKey.ts"
import type { Token, TokenKey } from "./TokenKey.ts"
import { ended, hasExpired, made, problemOf, renewed } from "./TokenRules.ts"
import type { Change, TokenLimits, TokenWish } from "./TokenRules.ts"

type Asked = Omit<Change, "nowMs">

/** The delegation tokens of the cluster (KIP-48). Without `delegation.token.secret.key` all is DELEGATION_TOKEN_AUTH_DISABLED. */
export class Tokens extends Context.Service<
  Tokens,
  {
    readonly create: (wish: TokenWish) => Effect.Effect<Token, KafkaError>
    /** Lengthens the life of the token of this HMAC; tells when it ends now, in milliseconds since 1970. */
    readonly renew: (hmac: Uint8Array, asked: Asked) => Effect.Effect<bigint, KafkaError>
    /** Shortens it, or takes the token away. */
    readonly expire: (hmac: Uint8Array, asked: Asked) => Effect.Effect<bigint, KafkaError>
    /** All that there are, also those that have expired and were not removed yet. */
    readonly all: () => Effect.Effect<ReadonlyArray<Token>, KafkaError>
    /** One that lets its holder in now. */
    readonly holding: (tokenId: string) => Effect.Effect<Token | undefined>
    /** Removes those that have expired. */
    readonly sweep: Effect.Effect<void, KafkaError>
  }
>()("@tusk/server/security/token/Tokens") {
  static readonly layer = Layer.effect(
    Tokens,
    Effect.gen(function* () {
      const settings = yield* BrokerSettings
      const kept = yield* DelegationTokens
      const secret = settings.delegationTokenSecretKey
      return secret === undefined ? DISABLED : makeTokens(kept, tokenKey(secret), limitsOf(settings))
    })
  )
}

const limitsOf = (settings: Settings): TokenLimits => ({
  maxLifetimeMs: BigInt(settings.delegationTokenMaxLifetimeMs),
  expiryTimeMs: BigInt(settings.delegationTokenExpiryTimeMs),
  namesMaxBytes: settings.delegationTokenNamesMaxBytes
})

const disabled = Effect.suspend(() => Effect.fail(new DelegationTokenAuthDisabled()))

const DISABLED: Tokens["Service"] = {
  create: () => disabled,
  renew: () => disabled,
  expire: () => disabled,
  all: () => disabled,
  holding: () => Effect.succeed(undefined),
  sweep: Effect.void
}

const nowMs = Effect.map(Clock.currentTimeMillis, BigInt)

type Rows = ReadonlyMap<string, StoredDelegationToken>

const isError = (decided: StoredDelegationToken | KafkaError): decided is KafkaError => "_tag" in decided

const makeTokens = (kept: DelegationTokens["Service"], key: TokenKey, limits: TokenLimits): Tokens["Service"] => {
  /** Decided on what the commit assumes: two that renew one token come one after the other. */
  const changing = Effect.fnUntraced(function* (
    hmac: Uint8Array,
    asked: Asked,
    decide: (token: StoredDelegationToken | undefined, change: Change) => StoredDelegationToken | KafkaError | undefined
  ) {
    const change = { ...asked, nowMs: yield* nowMs }
    let endMs = change.nowMs
    yield* kept.change((present) => {
      const token = rowOf(key, present.values(), hmac)
      const decided = decide(token, change)
      if (decided !== undefined && isError(decided)) return decided
      endMs = decided?.expiryTimestamp ?? change.nowMs
      return decided === undefined ? without(present, [token!]) : new Map(present).set(decided.tokenId, decided)
    })
    return endMs
  })

  const without = (present: Rows, gone: ReadonlyArray<StoredDelegationToken>): Rows => {
    const rows = new Map(present)
    for (const token of gone) rows.delete(token.tokenId)
    return rows
  }

  const create = Effect.fnUntraced(function* (wish: TokenWish) {
    const problem = problemOf(wish, limits)
    if (problem !== undefined) return yield* Effect.fail(problem)
    const tokenId = yield* randomUuid
    const hmac = key.hmacOf(tokenId)
    const { hmacHash, ...token } = made(wish, { tokenId, hmacHash: hashOf(hmac) }, limits, yield* nowMs)
    yield* kept.change((present) => new Map(present).set(tokenId, { ...token, hmacHash }))
    return { ...token, hmac }
  })

  const sweep = Effect.gen(function* () {
    const now = yield* nowMs
    const expired = (rows: Rows) => Array.from(rows.values()).filter((token) => hasExpired(token, now))
    const swept: DecideRows<StoredDelegationToken> = (present) => without(present, expired(present))
    if (expired(kept.current()).length === 0) return
    yield* kept.change(swept)
  })

  return {
    create,
    renew: (hmac, asked) => changing(hmac, asked, (token, change) => renewed(token, change, limits)),
    expire: (hmac, asked) => changing(hmac, asked, ended),
    all: () => Effect.sync(() => Array.from(kept.current().values(), key.open).filter((token) => token !== undefined)),
    holding: (tokenId) =>
      Effect.map(nowMs, (now) => {
        const row = kept.current().get(tokenId)
        return row === undefined || hasExpired(row, now) ? undefined : key.open(row)
      }),
    sweep
  }
}
