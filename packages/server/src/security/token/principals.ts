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
