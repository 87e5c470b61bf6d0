import { settingsOf } from "../../config/ListenerSettings.ts"
import type { Settings } from "../../config/Settings.ts"
import type { SecurityProtocol } from "../../request/ConnectionInfo.ts"
import { jaasUsers } from "./JaasUsers.ts"

interface Place {
  readonly name: string
  readonly protocol?: SecurityProtocol
}

/** What is wrong with the settings of logins, as a line that repeats no secret; undefined if nothing is. */
export const wrongLogins = ({ given }: Settings): string | undefined => {
  for (const { name, origin, value } of given.values()) {
    if (name !== JAAS && !name.endsWith(`.${JAAS}`)) continue
    const users = jaasUsers(value)
    if (typeof users === "string") return `${origin}: ${name}: ${users}`
  }
  return undefined
}

/** What is told of listeners with a login and without an authorizer. */
export const OPEN_TO_USERS = "whoever logs in may do everything, as authorizer.class.name is not set"

const JAAS = "sasl.jaas.config"

/** What a person should know of the listeners that ask for a login, a line for each. */
export const loginWarnings = (settings: Settings, listeners: ReadonlyArray<Place>): ReadonlyArray<string> => {
  const asking = listeners.filter(({ protocol }) => protocol?.startsWith("SASL_") === true)
  if (asking.length === 0) return []
  const warnings = asking.flatMap(({ name }) => {
    const { oauthJwksUrl, saslEnabledMechanisms } = settingsOf(settings, name)
    return saslEnabledMechanisms.includes("OAUTHBEARER") && oauthJwksUrl === undefined
      ? [`listener ${name}: nobody logs in by OAUTHBEARER without sasl.oauthbearer.jwks.endpoint.url`]
      : []
  })
  if (settings.authorizerClassName !== "") return warnings
  const names = asking.map(({ name }) => name).join(", ")
  return [...warnings, `listener ${names}: ${OPEN_TO_USERS}`]
}
