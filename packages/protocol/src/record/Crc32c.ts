import { createRequire } from "node:module"

/** Slicing tables: entry `256 * k + b` is the CRC of byte `b` followed by `k` zero bytes. Reflected polynomial 0x82f63b78. */
const makeTables = (): Int32Array => {
  const tables = new Int32Array(16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    tables[byte] = crc
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!
    tables[i] = (before >>> 8) ^ tables[before & 255]!
  }
  return tables
}

let made: Int32Array | undefined

/** CRC-32C in plain JavaScript, sixteen bytes a step: for machines without the native module. */
export const crc32cTable = (bytes: Uint8Array): number => {
  const t = (made ??= makeTables())
  const end = bytes.byteLength
  let crc = -1
  let i = 0
  // Whole words are read if memory is aligned, and the machine is little-endian, as all that Node runs on are but one.
  for (; i < end && ((bytes.byteOffset + i) & 3) !== 0; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]!) & 255]!
  const whole = littleEndian && end - i >= 16 ? (end - i) >> 2 : 0
  const words = whole === 0 ? new Int32Array(0) : new Int32Array(bytes.buffer, bytes.byteOffset + i, whole)
  const last = words.length - 3
  let w = 0
  for (; w < last; w += 4) {
    const a = words[w]! ^ crc
    const b = words[w + 1]!
    const c = words[w + 2]!
    const d = words[w + 3]!
    crc =
      t[3840 + (a & 255)]! ^
      t[3584 + ((a >>> 8) & 255)]! ^
      t[3328 + ((a >>> 16) & 255)]! ^
      t[3072 + (a >>> 24)]! ^
      t[2816 + (b & 255)]! ^
      t[2560 + ((b >>> 8) & 255)]! ^
      t[2304 + ((b >>> 16) & 255)]! ^
      t[2048 + (b >>> 24)]! ^
      t[1792 + (c & 255)]! ^
      t[1536 + ((c >>> 8) & 255)]! ^
      t[1280 + ((c >>> 16) & 255)]! ^
      t[1024 + (c >>> 24)]! ^
      t[768 + (d & 255)]! ^
      t[512 + ((d >>> 8) & 255)]! ^
      t[256 + ((d >>> 16) & 255)]! ^
      t[d >>> 24]!
  }
  for (i += w * 4; i < end; i++) crc = (crc >>> 8) ^ t[(crc ^ bytes[i]!) & 255]!
  return ~crc >>> 0
}

const littleEndian = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1

/** The native CRC-32C, loaded now; undefined if there is no build of it for this machine. */
export const loadNativeCrc32c = (): ((bytes: Uint8Array) => number) | undefined => {
  try {
    const { crc32c: native } = createRequire(import.meta.url)("@node-rs/crc32") as typeof import("@node-rs/crc32")
    return (bytes) => native(bytes)
  } catch {
    return undefined
  }
}

let chosen: ((bytes: Uint8Array) => number) | undefined

/**
 * CRC-32C (Castagnoli), unsigned: the checksum of a record batch of magic 2. Native if it can be loaded, which happens
 * at the first call.
 */
export const crc32c = (bytes: Uint8Array): number => (chosen ??= loadNativeCrc32c() ?? crc32cTable)(bytes)
