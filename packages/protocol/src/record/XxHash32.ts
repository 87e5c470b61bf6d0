const P1 = 0x9e3779b1
const P2 = 0x85ebca77
const P3 = 0xc2b2ae3d
const P4 = 0x27d4eb2f
const P5 = 0x165667b1

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))

/** xxHash of 32 bits, seed 0: the checksum of lz4 frames. Unsigned. */
export const xxHash32 = (bytes: Uint8Array): number => {
  const length = bytes.length
  const word = (at: number) => bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  let at = 0
  let hash: number
  if (length >= 16) {
    let a = (P1 + P2) | 0
    let b = P2 | 0
    let c = 0
    let d = -P1 | 0
    for (; at <= length - 16; at += 16) {
      a = Math.imul(rotate((a + Math.imul(word(at), P2)) | 0, 13), P1)
      b = Math.imul(rotate((b + Math.imul(word(at + 4), P2)) | 0, 13), P1)
      c = Math.imul(rotate((c + Math.imul(word(at + 8), P2)) | 0, 13), P1)
      d = Math.imul(rotate((d + Math.imul(word(at + 12), P2)) | 0, 13), P1)
    }
    hash = (rotate(a, 1) + rotate(b, 7) + rotate(c, 12) + rotate(d, 18)) | 0
  } else {
    hash = P5
  }
  hash = (hash + length) | 0
  for (; at <= length - 4; at += 4) hash = Math.imul(rotate((hash + Math.imul(word(at), P3)) | 0, 17), P4)
  for (; at < length; at++) hash = Math.imul(rotate((hash + Math.imul(bytes[at]!, P5)) | 0, 11), P1)
  hash = Math.imul(hash ^ (hash >>> 15), P2)
  hash = Math.imul(hash ^ (hash >>> 13), P3)
  return (hash ^ (hash >>> 16)) >>> 0
}
