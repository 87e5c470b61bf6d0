/** Writes values of ASN.1 in DER (X.690). */

const value = (tag: number, content: Uint8Array): Buffer => {
  const { length } = content
  const long = length < 0x80 ? "" : length.toString(16)
  const bytes = Buffer.from(long.padStart(2 * Math.ceil(long.length / 2), "0"), "hex")
  const head = bytes.length === 0 ? [tag, length] : [tag, 0x80 | bytes.length, ...bytes]
  return Buffer.concat([Buffer.from(head), content])
}

export const sequence = (...parts: ReadonlyArray<Uint8Array>): Buffer => value(0x30, Buffer.concat(parts))
export const set = (...parts: ReadonlyArray<Uint8Array>): Buffer => value(0x31, Buffer.concat(parts))
export const octets = (bytes: Uint8Array): Buffer => value(0x04, bytes)
export const bits = (bytes: Uint8Array, unused = 0): Buffer =>
  value(0x03, Buffer.concat([Buffer.from([unused]), bytes]))
export const utf8 = (text: string): Buffer => value(0x0c, Buffer.from(text))
export const yes = Buffer.from([0x01, 0x01, 0xff])
/** A tag of the context's own around a value. */
export const explicit = (number: number, inner: Uint8Array): Buffer => value(0xa0 | number, inner)
/** A tag of the context's own in the place of a string's. */
export const implicit = (number: number, bytes: Uint8Array): Buffer => value(0x80 | number, bytes)

/** A number that is not negative, the highest byte first. */
export const integer = (bytes: Uint8Array): Buffer =>
  value(0x02, bytes[0]! >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes)

export const oid = (text: string): Buffer => {
  const [first, second, ...rest] = text.split(".").map(Number)
  const bytes = [40 * first! + second!, ...rest].flatMap((number) => {
    const digits = [number & 0x7f]
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      digits.unshift(0x80 | (left & 0x7f))
    return digits
  })
  return value(0x06, Buffer.from(bytes))
}

/** Up to 2049 in two digits of the year, as RFC 5280 wants it. */
export const time = (at: Date): Buffer => {
  const text = at.toISOString().replace(/[-:T]|\.\d+/g, "")
  return at.getUTCFullYear() < 2050 ? value(0x17, Buffer.from(text.slice(2))) : value(0x18, Buffer.from(text))
}
