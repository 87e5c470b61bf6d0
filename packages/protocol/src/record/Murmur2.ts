/** Murmur2, 32 bits, seed 0x9747b28c, as Kafka's Java producer hashes keys; signed. */
export const murmur2 = (bytes: Uint8Array): number => {
  const length = bytes.length
  const m = 0x5bd1e995
  let hash = 0x9747b28c ^ length
  const whole = length & ~3
  for (let i = 0; i < whole; i += 4) {
    let k = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    k = Math.imul(k, m)
    k ^= k >>> 24
    hash = Math.imul(hash, m) ^ Math.imul(k, m)
  }
  if (whole < length) {
    for (let i = length - 1; i >= whole; i--) hash ^= bytes[i]! << ((i & 3) * 8)
    hash = Math.imul(hash, m)
  }
  hash ^= hash >>> 13
  hash = Math.imul(hash, m)
  return (hash ^ (hash >>> 15)) | 0
}

/** The partition, of `partitions`, that a Java producer sends a key to. */
export const partitionForKey = (key: Uint8Array, partitions: number): number => (murmur2(key) & 0x7fffffff) % partitions
