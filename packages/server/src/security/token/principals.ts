/** A principal in a message of the token APIs. */
export interface NamedPrincipal {
  readonly principalType: string
  readonly principalName: string
}

/** `User:<name>`, as it is stored. */
export const principalOf = ({ principalName, principalType }: NamedPrincipal): string =>
  `${principalType}:${principalName}`

export const namedPrincipal = (principal: string): NamedPrincipal => {
  const colon = principal.indexOf(":")
  return { principalType: principal.slice(0, colon), principalName: principal.slice(colon + 1) }
}

/** Who asked for a token, as versions from 3 on tell it (KIP-373). */
export const requesterOf = (requester: string, version: number) => {
  const { principalName, principalType } = version < 3 ? NOBODY : namedPrincipal(requester)
  return { tokenRequesterPrincipalType: principalType, tokenRequesterPrincipalName: principalName }
}

const NOBODY: NamedPrincipal = { principalType: "", principalName: "" }
