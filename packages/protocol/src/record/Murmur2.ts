const M = 0x5bd1e995

/** The 32-bit murmur2 hash with the seed that Kafka's Java producer uses; signed. */
export const murmur2 = (bytes: Uint8Array): number => {
  const length = bytes.byteLength
  const whole = length & ~3
  let h = 0x9747b28c ^ length
  for (let i = 0; i < whole; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    k = Math.imul(k, M)
    h = Math.imul(h, M) ^ Math.imul(k ^ (k >>> 24), M)
  }
  if (length > whole) {
    if (length - whole > 2) h ^= bytes[whole + 2]! << 16
    if (length - whole > 1) h ^= bytes[whole + 1]! << 8
    h = Math.imul(h ^ bytes[whole]!, M)
  }
  h = Math.imul(h ^ (h >>> 13), M)
  return h ^ (h >>> 15)
}

/**
 * The partition that the Java producer picks for a key: 0 to `partitions` - 1, of which there is at least one. Source: Kafka
 * 4.3.1's BuiltInPartitioner.
 *
 * @example
 * import { murmur2, partitionForKey } from "@tusk/protocol/record/Murmur2"
 *
 * murmur2(Buffer.from("21")) // -973932308
 * partitionForKey(Buffer.from("21"), 6) // 0
 */
export const partitionForKey = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions
