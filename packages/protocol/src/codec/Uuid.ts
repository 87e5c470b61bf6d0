/** The UUID of sixteen zero bytes, in Kafka's text: what an absent topic id is. */
export const ZERO_UUID = "AAAAAAAAAAAAAAAAAAAAAA"

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
const values = new Int8Array(128).fill(-1)
for (let i = 0; i < 64; i++) values[alphabet.charCodeAt(i)] = i

/**
 * Whether a text is a UUID as Kafka writes it: 22 characters of base64url, the last four bits zero.
 *
 * @example
 * import { isUuid, writeUuid, ZERO_UUID } from "@tusk/protocol/codec/Uuid"
 *
 * isUuid(ZERO_UUID) // true
 * isUuid("00000000-0000-0000-0000-000000000000") // false
 * const bytes = new Uint8Array(16)
 * writeUuid(bytes, 0, "AAECAwQFBgcICQoLDA0ODw")
 * bytes[15] // 15
 */
export const isUuid = (text: string): boolean => {
  if (text.length !== 22) return false
  for (let i = 0; i < 22; i++) {
    const code = text.charCodeAt(i)
    if (code > 127 || values[code]! < 0) return false
  }
  return (values[text.charCodeAt(21)]! & 15) === 0
}

/** Writes the sixteen bytes of a valid text (`isUuid`) at `at`. */
export const writeUuid = (into: Uint8Array, at: number, text: string): void => {
  let p = at
  for (let i = 0; i < 20; i += 4) {
    const bits =
      (values[text.charCodeAt(i)]! << 18) |
      (values[text.charCodeAt(i + 1)]! << 12) |
      (values[text.charCodeAt(i + 2)]! << 6) |
      values[text.charCodeAt(i + 3)]!
    into[p++] = bits >> 16
    into[p++] = bits >> 8
    into[p++] = bits
  }
  into[p] = (values[text.charCodeAt(20)]! << 2) | (values[text.charCodeAt(21)]! >> 4)
}
