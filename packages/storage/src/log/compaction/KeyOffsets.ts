/** What an entry of the map costs besides its key: measured at about 90 bytes. */
const ENTRY_BYTES = 96
/** A Map takes 16.7 million entries, and a batch's keys are put as a whole. */
const MAX_KEYS = 8_000_000

/** The latest offset of each key, bounded in bytes: what compaction keeps. */
export class KeyOffsets {
  private readonly latest = new Map<string, bigint>()
  private readonly maxBytes: number
  private readonly maxKeys: number
  private bytes = 0

  constructor(maxBytes: number, maxKeys = MAX_KEYS) {
    this.maxBytes = maxBytes
    this.maxKeys = maxKeys
  }

  /** Each byte as a character: exact, and a byte each in memory. */
  private nameOf(key: Uint8Array): string {
    return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1")
  }

  put(key: Uint8Array, offset: bigint): void {
    const name = this.nameOf(key)
    if (!this.latest.has(name)) this.bytes += ENTRY_BYTES + name.length
    this.latest.set(name, offset)
  }

  /** Whether a later record of this key is known. */
  isSuperseded(key: Uint8Array, offset: bigint): boolean {
    const latest = this.latest.get(this.nameOf(key))
    return latest !== undefined && latest > offset
  }

  get isFull(): boolean {
    return this.bytes >= this.maxBytes || this.latest.size >= this.maxKeys
  }

  get size(): number {
    return this.latest.size
  }
}
