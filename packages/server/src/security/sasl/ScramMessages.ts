/** The messages of SCRAM (RFC 5802), taken apart. Each parser gives undefined for what is none; it never throws. */

/** The first message of a client. */
export interface ClientFirst {
  /** With its last comma, as the client binds to it later. */
  readonly gs2Header: string
  /** Who it wants to act as; "" if it does not say. */
  readonly authzid: string
  readonly username: string
  readonly nonce: string
  /** All behind the header: part of what is signed. */
  readonly bare: string
  readonly extensions: ReadonlyMap<string, string>
}

/** The last message of a client. */
export interface ClientFinal {
  readonly channelBinding: Uint8Array
  readonly nonce: string
  /** Part of what is signed. */
  readonly withoutProof: string
  readonly proof: Uint8Array
}

const NONCE = /^[\x21-\x2b\x2d-\x7e]+$/
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)?$/
const EXTENSION = /^([A-Za-z]+)=([^\0]+)$/

/** What stands behind `name=`. */
const valueOf = (part: string | undefined, name: string): string | undefined =>
  part?.startsWith(`${name}=`) === true ? part.slice(2) : undefined

/** `=2C` and `=3D` stand for a comma and an equals sign; no other `=` may be there. */
const unescaped = (name: string): string | undefined => {
  if (name === "" || name.includes("\0") || /=(?!2C|3D)/.test(name)) return undefined
  return name.replaceAll("=2C", ",").replaceAll("=3D", "=")
}

const bytesOf = (base64: string): Uint8Array | undefined =>
  BASE64.test(base64) ? Buffer.from(base64, "base64") : undefined

const extensionsOf = (parts: ReadonlyArray<string>): ReadonlyMap<string, string> | undefined => {
  const extensions = new Map<string, string>()
  for (const part of parts) {
    const [, name, value] = EXTENSION.exec(part) ?? []
    if (name === undefined || value === undefined) return undefined
    extensions.set(name, value)
  }
  return extensions
}

/** `n,[a=authzid],n=user,r=nonce[,extension…]`: no channel binding, which Kafka has not, and no mandatory extension. */
export const parseClientFirst = (text: string): ClientFirst | undefined => {
  const [binding, as, user, nonceOf, ...rest] = text.split(",")
  if (binding !== "n" || as === undefined) return undefined
  const authzid = as === "" ? "" : unescaped(valueOf(as, "a") ?? "")
  const username = unescaped(valueOf(user, "n") ?? "")
  const nonce = valueOf(nonceOf, "r")
  const extensions = extensionsOf(rest)
  if (authzid === undefined || username === undefined || extensions === undefined) return undefined
  if (nonce === undefined || !NONCE.test(nonce)) return undefined
  const gs2Header = `n,${as},`
  return { gs2Header, authzid, username, nonce, bare: text.slice(gs2Header.length), extensions }
}

/** `c=binding,r=nonce[,extension…],p=proof`. */
export const parseClientFinal = (text: string): ClientFinal | undefined => {
  const end = text.lastIndexOf(",p=")
  if (end < 0) return undefined
  const withoutProof = text.slice(0, end)
  const proof = bytesOf(text.slice(end + 3))
  const [bindingOf, nonceOf, ...rest] = withoutProof.split(",")
  const channelBinding = bytesOf(valueOf(bindingOf, "c") ?? "?")
  const nonce = valueOf(nonceOf, "r")
  if (proof === undefined || channelBinding === undefined || extensionsOf(rest) === undefined) return undefined
  if (nonce === undefined || !NONCE.test(nonce)) return undefined
  return { channelBinding, nonce, withoutProof, proof }
}

/** `r=nonce,s=salt,i=iterations`. */
export const serverFirst = (nonce: string, salt: Uint8Array, iterations: number): string =>
  `r=${nonce},s=${Buffer.from(salt).toString("base64")},i=${iterations}`

/** `v=signature`. */
export const serverFinal = (signature: Uint8Array): string => `v=${Buffer.from(signature).toString("base64")}`
