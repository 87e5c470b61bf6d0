import { securityDefaults } from "@tusk/storage/defaults"
import { number } from "./SettingKinds.ts"

const most = <const Name extends string>(name: Name, defaultValue: number, documentation: string) =>
  number(name, "INT", defaultValue, { min: 1 }, documentation)

/** How much of who gets in, who may do what, and how much, clients may have stored. */
export const securityLimitDefinitions = {
  maxAcls: most("tusk.max.acls", securityDefaults.maxAcls, "ACLs that clients may make; SQL may make more."),
  maxScramUsers: most(
    "tusk.max.scram.users",
    securityDefaults.maxScramCredentials,
    "SCRAM credentials: one for each user and mechanism."
  ),
  maxQuotas: most("tusk.max.quotas", securityDefaults.maxQuotas, "Quotas: one for each entity and key."),
  maxDelegationTokens: most(
    "tusk.max.delegation.tokens",
    securityDefaults.maxDelegationTokens,
    "Delegation tokens at a time."
  )
}
