/** How bytes are written as text in JSON. */
export const ENCODINGS = ["utf8", "hex", "base64"] as const
export type Encoding = (typeof ENCODINGS)[number]

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/
const HEX = /^(?:[0-9a-fA-F]{2})*$/

/** The bytes of a text, or undefined if it is none of this encoding. */
export const bytesOf = (text: string, encoding: Encoding): Uint8Array | undefined => {
  if (encoding === "hex" && !HEX.test(text)) return undefined
  if (encoding === "base64" && !BASE64.test(text)) return undefined
  return Buffer.from(text, encoding)
}

/** Bytes as text. What is no UTF-8 becomes U+FFFD in `utf8`. */
export const textOf = (bytes: Uint8Array, encoding: Encoding): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding)
