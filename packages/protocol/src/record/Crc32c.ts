import { createRequire } from "node:module"

type Checksum = (bytes: Uint8Array) => number

let tables: ReadonlyArray<Uint32Array> | undefined

/** Eight tables of the Castagnoli polynomial, reflected: one look-up a byte, eight bytes a step. */
const makeTables = (): ReadonlyArray<Uint32Array> => {
  const made = Array.from({ length: 8 }, () => new Uint32Array(256))
  for (let i = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    made[0]![i] = crc
  }
  for (let i = 0; i < 256; i++) {
    for (let k = 1; k < 8; k++) made[k]![i] = (made[k - 1]![i]! >>> 8) ^ made[0]![made[k - 1]![i]! & 0xff]!
  }
  return made
}

/** CRC-32C in JavaScript (slicing by eight), for platforms without the native one. */
export const crc32cTable: Checksum = (bytes) => {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = (tables ??= makeTables()) as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array
  ]
  let crc = -1
  let i = 0
  for (const last = bytes.length - 7; i < last; i += 8) {
    crc ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    crc =
      t7[crc & 0xff]! ^
      t6[(crc >>> 8) & 0xff]! ^
      t5[(crc >>> 16) & 0xff]! ^
      t4[crc >>> 24]! ^
      t3[bytes[i + 4]!]! ^
      t2[bytes[i + 5]!]! ^
      t1[bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) crc = (crc >>> 8) ^ t0[(crc ^ bytes[i]!) & 0xff]!
  return (crc ^ -1) >>> 0
}

let native: Checksum | null | undefined

/** The native CRC-32C, or null where this platform has none. Loaded when first asked for. */
export const crc32cNative = (): Checksum | null => {
  if (native === undefined) {
    try {
      native = (createRequire(import.meta.url)("@node-rs/crc32") as { readonly crc32c: Checksum }).crc32c
    } catch {
      native = null
    }
  }
  return native
}

/** CRC-32C (Castagnoli) as Kafka's record batches carry it, an unsigned 32-bit number. */
export const crc32c: Checksum = (bytes) => (native ?? crc32cNative() ?? crc32cTable)(bytes)
