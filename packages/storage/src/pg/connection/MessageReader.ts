/** The greatest message taken from a server: a batch and what surrounds it. */
const MAX_MESSAGE_BYTES = 512 * 1024 * 1024

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

  /** Throws on a length that no server sends. */
  push(received: Buffer): void {
    let chunk = received
    let at = 0
    if (this.body !== undefined) {
      const { body } = this
      const count = Math.min(body.length - this.filled, chunk.length)
      chunk.copy(body, this.filled, 0, count)
      this.filled += count
      if (this.filled < body.length) return
      this.body = undefined
      this.onMessage(this.type, body, 0, body.length)
      at = count
    } else if (this.head !== undefined) {
      chunk = Buffer.concat([this.head, chunk])
      this.head = undefined
    }
    while (chunk.length - at >= 5) {
      const length = chunk.readInt32BE(at + 1)
      if (length < 4 || length > MAX_MESSAGE_BYTES) throw new Error(`a message of ${length} bytes was announced`)
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
