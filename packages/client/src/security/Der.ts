/** One value of ASN.1 in DER (X.690): its tag, what it holds, and all of its bytes. */
export interface Der {
  readonly tag: number
  readonly content: Buffer
  readonly whole: Buffer
}

/** Bytes that are no DER. */
export class NotDer extends Error {
  override readonly name = "NotDer"
}

/** A tag of the context's own, as a sequence has them: `[0]`. */
export const explicitTag = (number: number): number => 0xa0 | number

/** The value that begins at `at`. Indefinite lengths (BER) are read too: Java and Windows write key stores with them. */
const readAt = (bytes: Buffer, at: number): Der => {
  const tag = bytes[at]
  const first = bytes[at + 1]
  if (tag === undefined || first === undefined || (tag & 0x1f) === 0x1f) throw new NotDer("no value")
  if (first === 0x80) return readUnended(bytes, at, tag)
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f
  if (lengthBytes > 4 || at + 2 + lengthBytes > bytes.length) throw new NotDer("no length")
  const length = lengthBytes === 0 ? first : bytes.readUIntBE(at + 2, lengthBytes)
  const start = at + 2 + lengthBytes
  if (start + length > bytes.length) throw new NotDer("it is cut off")
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) }
}

/** Values up to the two zeros that end them. */
const readUnended = (bytes: Buffer, at: number, tag: number): Der => {
  let end = at + 2
  while (bytes[end] !== 0 || bytes[end + 1] !== 0) end += readAt(bytes, end).whole.length
  return { tag, content: bytes.subarray(at + 2, end), whole: bytes.subarray(at, end + 2) }
}

export const readDer = (bytes: Buffer): Der => readAt(bytes, 0)

/** The values that one is made of. */
export const partsOf = ({ content }: Der): ReadonlyArray<Der> => {
  const parts: Array<Der> = []
  for (let at = 0; at < content.length; at += parts.at(-1)!.whole.length) parts.push(readAt(content, at))
  return parts
}

/** A part that has to be there. */
export const partOf = (der: Der, index: number): Der => {
  const part = partsOf(der)[index]
  if (part === undefined) throw new NotDer("a part is missing")
  return part
}

/** The bytes of a string of bytes, which BER may have cut into pieces. */
export const bytesOf = (der: Der): Buffer =>
  (der.tag & 0x20) === 0 ? der.content : Buffer.concat(partsOf(der).map(bytesOf))

/** `1.2.840.113549`. */
export const oidOf = ({ content }: Der): string => {
  const numbers: Array<number> = []
  let number = 0
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f)
    if (byte >= 0x80) continue
    if (numbers.length === 0)
      numbers.push(Math.min(Math.floor(number / 40), 2), number - 40 * Math.min(Math.floor(number / 40), 2))
    else numbers.push(number)
    number = 0
  }
  return numbers.join(".")
}
