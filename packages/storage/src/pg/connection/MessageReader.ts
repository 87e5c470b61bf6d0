/** The greatest message taken from a server: a batch and what surrounds it. */
const MAX_MESSAGE_BYTES = 512 * 1024 * 1024

/** Of the message at a place, without its type. */
const lengthAt = (chunk: Buffer, at: number): number => {
  const length = chunk.readInt32BE(at + 1)
  if (length < 4 || length > MAX_MESSAGE_BYTES) throw new Error(`a message of ${length} bytes was announced`)
  return length
}

export type OnMessage = (type: number, buffer: Buffer, start: number, end: number) => void

/**
 * Cuts the server's stream into messages. What lies whole in a chunk is handed out as a view on it; a message that
 * spans chunks is gathered once, into a buffer of its own size.
 */
export class MessageReader {
  private readonly onMessage: OnMessage
  private head: Buffer | undefined
  private body: Buffer | undefined
  private filled = 0
  private type = 0

  constructor(onMessage: OnMessage) {
    this.onMessage = onMessage
  }

  /** Throws on a length that no server sends. What is handed out may be kept: the chunk is its own. */
  push(chunk: Buffer): void {
    if (this.body !== undefined) this.cut(chunk, this.fill(this.body, chunk))
    else if (this.head !== undefined) this.cut(this.joined(this.head, chunk), 0)
    else this.cut(chunk, 0)
  }

  /** As `push`, of a chunk that will be written over: what is kept of it is copied, once. */
  pushShared(chunk: Buffer): void {
    let at = 0
    if (this.body !== undefined) {
      at = this.fill(this.body, chunk)
      if (at === chunk.length) return
    } else if (this.head !== undefined) {
      return this.cut(this.joined(this.head, chunk), 0)
    }
    // Messages that are there as a whole get memory together; of the last one what is there goes into its own.
    let whole = at
    while (chunk.length - whole >= 5) {
      const end = whole + 1 + lengthAt(chunk, whole)
      if (end > chunk.length) break
      whole = end
    }
    if (whole > at) this.cut(Buffer.from(chunk.subarray(at, whole)), 0)
    if (chunk.length - whole >= 5) this.cut(chunk, whole)
    else if (whole < chunk.length) this.head = Buffer.from(chunk.subarray(whole))
  }

  /** Goes on with a message that spans chunks; returns how much of the chunk it took. */
  private fill(body: Buffer, chunk: Buffer): number {
    const count = Math.min(body.length - this.filled, chunk.length)
    chunk.copy(body, this.filled, 0, count)
    this.filled += count
    if (this.filled === body.length) {
      this.body = undefined
      this.onMessage(this.type, body, 0, body.length)
    }
    return count
  }

  private joined(head: Buffer, chunk: Buffer): Buffer {
    this.head = undefined
    return Buffer.concat([head, chunk])
  }

  private cut(chunk: Buffer, from: number): void {
    let at = from
    while (chunk.length - at >= 5) {
      const length = lengthAt(chunk, at)
      const type = chunk[at]!
      const end = at + 1 + length
      if (end > chunk.length) {
        this.body = Buffer.allocUnsafe(length - 4)
        this.filled = chunk.copy(this.body, 0, at + 5)
        this.type = type
        return
      }
      this.onMessage(type, chunk, at + 5, end)
      at = end
    }
    if (at < chunk.length) this.head = chunk.subarray(at)
  }
}
