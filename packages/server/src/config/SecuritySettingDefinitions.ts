import { aclSettingDefinitions } from "./AclSettingDefinitions.ts"
import { quotaSettingDefinitions } from "./QuotaSettingDefinitions.ts"
import { roleSettingDefinitions } from "./RoleSettingDefinitions.ts"
import { saslSettingDefinitions } from "./SaslSettingDefinitions.ts"
import { securityLimitDefinitions } from "./SecurityLimitDefinitions.ts"
import { tlsSettingDefinitions } from "./TlsSettingDefinitions.ts"
import { tokenSettingDefinitions } from "./TokenSettingDefinitions.ts"

/** Settings of who gets in, who may do what, and how much: each room of `server/security` has a file of its own. */
export const securitySettingDefinitions = {
  ...aclSettingDefinitions,
  ...quotaSettingDefinitions,
  ...securityLimitDefinitions,
  ...roleSettingDefinitions,
  ...saslSettingDefinitions,
  ...tlsSettingDefinitions,
  ...tokenSettingDefinitions
}
