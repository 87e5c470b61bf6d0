/** The first message of OAUTHBEARER (RFC 7628), taken apart as Apache Kafka does it. */

export interface BearerMessage {
  /** Who the client wants to act as; "" if it does not say. */
  readonly authzid: string
  readonly token: string
}

const HEADER = /^n,(?:a=((?:[^=,\0]|=2C|=3D)+))?,$/
const PAIR = /^([A-Za-z]+)=([\x21-\x7e \t\r\n]+)$/
const AUTH = /^(\w+) +([-_~+/.a-zA-Z0-9]+=*)$/
const SEPARATOR = "\x01"

/** `n,[a=authzid],^Aauth=Bearer token^A[key=value^A…]^A`; undefined for what is none. It never throws. */
export const parseBearerMessage = (text: string): BearerMessage | undefined => {
  if (!text.endsWith(SEPARATOR + SEPARATOR)) return undefined
  const [head, ...pairs] = text.slice(0, -2).split(SEPARATOR)
  const header = HEADER.exec(head!)
  const found = new Map<string, string>()
  for (const pair of pairs) {
    const [, name, value] = PAIR.exec(pair) ?? []
    if (name === undefined || value === undefined) return undefined
    found.set(name, value)
  }
  const [, scheme, token] = AUTH.exec(found.get("auth") ?? "") ?? []
  if (header === null || token === undefined || scheme!.toLowerCase() !== "bearer") return undefined
  return { authzid: header[1] ?? "", token }
}
