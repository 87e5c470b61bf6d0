import * as Context from "effect/Context"
import { securityDefaults } from "../defaults.ts"

/** How many rows clients may have stored. */
export interface SecurityLimits {
  readonly maxAcls: number
  /** One for each user and mechanism. */
  readonly maxScramCredentials: number
  /** One for each entity and key. */
  readonly maxQuotas: number
  readonly maxDelegationTokens: number
}

export const SecurityOptions = Context.Reference<SecurityLimits>("@tusk/storage/SecurityOptions", {
  defaultValue: () => securityDefaults
})
