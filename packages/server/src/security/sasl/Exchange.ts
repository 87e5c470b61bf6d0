import type * as Effect from "effect/Effect"
import type { Identity } from "../../request/Identity.ts"

/** What a token of the client comes to. */
export type Evaluated =
  /** The client is to go on. */
  | { readonly _tag: "Challenge"; readonly token: Uint8Array }
  | {
      readonly _tag: "Accepted"
      /** The last the client is told; it may be empty. */
      readonly token: Uint8Array
      readonly identity: Identity
      /** Until when what the client has shown is good, in milliseconds since 1970; Infinity: for ever. */
      readonly expiresMs: number
    }
  | {
      readonly _tag: "Rejected"
      /** What the client is told; undefined: only that its credentials are not valid. */
      readonly told: string | undefined
      /** For the log. Never a secret. */
      readonly reason: string
    }
  /** It cannot be found out now: the client is told nothing, and comes again. */
  | { readonly _tag: "Unknown"; readonly reason: string }

/** What was found out. */
export type Found = Exclude<Evaluated, { readonly _tag: "Unknown" }>

/** One login by one mechanism. */
export interface Exchange {
  /** Takes the client's next token. Never fails. */
  readonly evaluate: (token: Uint8Array) => Effect.Effect<Evaluated>
}

export const NO_BYTES = new Uint8Array(0)

export const challenge = (text: string): Found => ({ _tag: "Challenge", token: Buffer.from(text) })

export const accepted = (identity: Identity, token: Uint8Array = NO_BYTES, expiresMs = Infinity): Found => ({
  _tag: "Accepted",
  token,
  identity,
  expiresMs
})

/** `told`: what the client may know, where Apache Kafka tells it. */
export const rejected = (reason: string, told?: string): Found => ({ _tag: "Rejected", told, reason })

export const unknown = (reason: string): Evaluated => ({ _tag: "Unknown", reason })

export const identityOf = (principal: string, byToken = false): Identity => ({ principal, groups: [], byToken })

/** A name as it may stand in a log line. */
export const shown = (name: string): string => JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name)

/** The text of UTF-8; undefined if it is none. */
export const textOf = (bytes: Uint8Array): string | undefined => {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
