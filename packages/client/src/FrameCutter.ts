/** Kafka's own limit of a request or answer, `socket.request.max.bytes`. */
const MAX_FRAME_BYTES = 100 * 1024 * 1024

/** What a server of TLS begins its answer with, if it is spoken to in clear; no frame is so long. */
const TLS_ALERT = 21

/** Cuts a stream of bytes into frames by the int32 in front of each. A frame of one chunk is a view of it. */
export class FrameCutter {
  readonly #maxBytes: number
  #parts: Array<Uint8Array> = []
  #have = 0
  /** Bytes until there is something to look at: the length, or the frame with it. */
  #need = 4

  /** `maxBytes`: the largest frame that is taken. */
  constructor(maxBytes: number = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes
  }

  /** The frames that are whole now, without their lengths. RangeError for a length beyond the limits. */
  push(chunk: Uint8Array): ReadonlyArray<Uint8Array> {
    this.#parts.push(chunk)
    this.#have += chunk.byteLength
    if (this.#have < this.#need) return []
    const frames: Array<Uint8Array> = []
    let rest = this.#parts.length === 1 ? this.#parts[0]! : Buffer.concat(this.#parts)
    while (rest.byteLength >= 4) {
      const size = this.#sizeOf(rest)
      this.#need = 4 + size
      if (rest.byteLength < this.#need) break
      frames.push(rest.subarray(4, this.#need))
      rest = rest.subarray(this.#need)
      this.#need = 4
    }
    this.#parts = rest.byteLength === 0 ? [] : [rest]
    this.#have = rest.byteLength
    return frames
  }

  #sizeOf(bytes: Uint8Array): number {
    const size = new DataView(bytes.buffer, bytes.byteOffset).getInt32(0)
    if (bytes[0] === TLS_ALERT && bytes[1] === 3) throw new RangeError("it speaks TLS there (security.protocol)")
    if (size < 4 || size > this.#maxBytes) throw new RangeError(`a frame of ${size} bytes`)
    return size
  }
}
