import { InvalidRecord } from "../KafkaError.ts"

/** Reads what a record is made of. Throws `InvalidRecord` past the end or on a bad varint; callers make a value of it. */
export class RecordCursor {
  readonly bytes: Uint8Array
  at: number
  readonly end: number

  constructor(bytes: Uint8Array, at: number, end: number) {
    this.bytes = bytes
    this.at = at
    this.end = end
  }

  int8(): number {
    if (this.at >= this.end) throw cutOff()
    return (this.bytes[this.at++]! << 24) >> 24
  }

  /** Zigzag varint of at most 5 bytes. */
  varint(): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (this.at >= this.end) throw cutOff()
      const byte = this.bytes[this.at++]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
    }
    throw new InvalidRecord({ message: "A varint in a record is too long." })
  }

  /** Zigzag varint of at most 10 bytes. */
  varlong(): bigint {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      if (this.at >= this.end) throw cutOff()
      const byte = this.bytes[this.at++]!
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(64, (value >> 1n) ^ -(value & 1n))
    }
    throw new InvalidRecord({ message: "A varlong in a record is too long." })
  }

  /** A length as varint, then as many bytes; null for a negative one. */
  nullableBytes(): Uint8Array | null {
    const length = this.varint()
    if (length < 0) return null
    if (length > this.end - this.at) throw cutOff()
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }
}

const cutOff = () => new InvalidRecord({ message: "A record is cut off." })

/** Bytes of a zigzag varint. */
export const sizeOfVarint = (value: number): number => {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let size = 1
  while (rest > 0x7f) {
    rest >>>= 7
    size++
  }
  return size
}

export const sizeOfVarlong = (value: bigint): number => {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  let size = 1
  while (rest > 0x7fn) {
    rest >>= 7n
    size++
  }
  return size
}

/** Writes a zigzag varint at `at`; returns the index behind it. */
export const putVarint = (into: Uint8Array, at: number, value: number): number => {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let i = at
  while (rest > 0x7f) {
    into[i++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  into[i++] = rest
  return i
}

export const putVarlong = (into: Uint8Array, at: number, value: bigint): number => {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  let i = at
  while (rest > 0x7fn) {
    into[i++] = Number(rest & 0x7fn) | 0x80
    rest >>= 7n
  }
  into[i++] = Number(rest)
  return i
}
