/** Bytes of records: a buffer that grows, with the zigzag varints of magic 2. */
export class VarintWriter {
  private buffer: Uint8Array
  private length = 0

  constructor(capacity = 256) {
    this.buffer = new Uint8Array(capacity)
  }

  private reserve(size: number): void {
    if (this.length + size <= this.buffer.byteLength) return
    const grown = new Uint8Array(Math.max(this.length + size, 2 * this.buffer.byteLength))
    grown.set(this.buffer.subarray(0, this.length))
    this.buffer = grown
  }

  byte(value: number): void {
    this.reserve(1)
    this.buffer[this.length++] = value
  }

  /** A signed 32-bit number; RangeError beyond. */
  varint(value: number): void {
    if ((value | 0) !== value) throw new RangeError(`${value} is no 32-bit number`)
    this.reserve(5)
    let raw = ((value << 1) ^ (value >> 31)) >>> 0
    while (raw > 127) {
      this.buffer[this.length++] = raw | 128
      raw >>>= 7
    }
    this.buffer[this.length++] = raw
  }

  varlong(value: bigint): void {
    if (value >= -0x40000000n && value <= 0x3fffffffn) return this.varint(Number(value))
    this.reserve(10)
    let raw = BigInt.asUintN(64, (value << 1n) ^ (BigInt.asIntN(64, value) >> 63n))
    while (raw > 127n) {
      this.buffer[this.length++] = Number(raw & 127n) | 128
      raw >>= 7n
    }
    this.buffer[this.length++] = Number(raw)
  }

  /** Size and bytes; -1 for null. */
  nullableBytes(bytes: Uint8Array | null): void {
    if (bytes === null) return this.varint(-1)
    this.varint(bytes.byteLength)
    this.reserve(bytes.byteLength)
    this.buffer.set(bytes, this.length)
    this.length += bytes.byteLength
  }

  raw(bytes: Uint8Array): void {
    this.reserve(bytes.byteLength)
    this.buffer.set(bytes, this.length)
    this.length += bytes.byteLength
  }

  /** Begins anew in the same buffer. */
  clear(): void {
    this.length = 0
  }

  /** A view of what was written: good until the next write. */
  bytes(): Uint8Array {
    return this.buffer.subarray(0, this.length)
  }
}
