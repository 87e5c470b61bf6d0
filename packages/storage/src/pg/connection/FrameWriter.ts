/** Bytes up to this many are copied into the page at hand: a piece of its own costs the socket more than the copy. */
const COPY_LIMIT = 4096
const PAGE_BYTES = 128 * 1024
/** Pages kept for the next frame. */
const MAX_POOLED_PAGES = 64

/** Pages that frames are built in, used again once the server has answered and so has read them. */
export class PagePool {
  private readonly free: Array<Buffer> = []

  take(): Buffer {
    return this.free.pop() ?? Buffer.allocUnsafeSlow(PAGE_BYTES)
  }

  give(pages: ReadonlyArray<Buffer>): void {
    for (const page of pages) if (this.free.length < MAX_POOLED_PAGES) this.free.push(page)
  }
}

const NAME_ENCODING = "latin1"

/**
 * Builds what is sent in one go: small values in pages, large ones as the very buffers they were given as, so that
 * record batches are not copied on their way to the socket.
 */
export class FrameWriter {
  readonly chunks: Array<Uint8Array> = []
  readonly pages: Array<Buffer> = []
  private readonly pool: PagePool
  private page: Buffer
  /** Start of what is not in `chunks` yet, and end of what is written. */
  private start = 0
  private at = 0
  /** Bytes in `chunks`, and in the page before `start`: together with `at` the length of the frame. */
  private flushed = 0

  constructor(pool: PagePool) {
    this.pool = pool
    this.page = pool.take()
    this.pages.push(this.page)
  }

  get length(): number {
    return this.flushed + this.at - this.start
  }

  /** Makes `bytes` of the page at hand free; at most a few hundred are ever asked for. */
  private ensure(bytes: number): void {
    if (this.at + bytes <= PAGE_BYTES) return
    this.flush()
    this.page = this.pool.take()
    this.pages.push(this.page)
    this.start = this.at = 0
  }

  private flush(): void {
    if (this.at === this.start) return
    this.chunks.push(this.page.subarray(this.start, this.at))
    this.flushed += this.at - this.start
    this.start = this.at
  }

  int16(value: number): void {
    this.ensure(2)
    this.at = this.page.writeInt16BE(value, this.at)
  }

  int32(value: number): void {
    this.ensure(4)
    this.at = this.page.writeInt32BE(value, this.at)
  }

  int64(value: bigint): void {
    this.ensure(8)
    this.at = this.page.writeBigInt64BE(value, this.at)
  }

  raw(bytes: Uint8Array): void {
    if (bytes.byteLength <= COPY_LIMIT) {
      this.ensure(bytes.byteLength)
      this.page.set(bytes, this.at)
      this.at += bytes.byteLength
      return
    }
    this.flush()
    this.chunks.push(bytes)
    this.flushed += bytes.byteLength
  }

  /** A name of ours: ASCII, short, ended by a zero byte. */
  name(value: string): void {
    this.ensure(value.length + 1)
    this.at += this.page.write(value, this.at, NAME_ENCODING)
    this.page[this.at++] = 0
  }

  /** Any text, ended by a zero byte. */
  cString(value: string): void {
    this.raw(Buffer.from(`${value}\0`, "utf8"))
  }

  /** A length that is not known yet; `close` fills it in. */
  private open(): { readonly page: Buffer; readonly at: number; readonly length: number } {
    this.ensure(4)
    const mark = { page: this.page, at: this.at, length: this.length }
    this.at += 4
    return mark
  }

  /** A message of the protocol: its type, its length, and what `body` writes. */
  message(type: number, body: () => void): void {
    this.ensure(5)
    this.page[this.at++] = type
    const mark = this.open()
    body()
    // A message counts its length field, a value does not.
    mark.page.writeInt32BE(this.length - mark.length, mark.at)
  }

  /** A value in binary: its length and what `body` writes. */
  value(body: () => void): void {
    const mark = this.open()
    body()
    mark.page.writeInt32BE(this.length - mark.length - 4, mark.at)
  }

  private arrayHead(elementOid: number, count: number): void {
    this.ensure(20)
    const { page } = this
    page.writeInt32BE(count === 0 ? 0 : 1, this.at)
    page.writeInt32BE(0, this.at + 4)
    page.writeInt32BE(elementOid, this.at + 8)
    this.at += 12
    if (count === 0) return
    page.writeInt32BE(count, this.at)
    page.writeInt32BE(1, this.at + 4)
    this.at += 8
  }

  int32Array<A>(items: ReadonlyArray<A>, pick: (item: A) => number): void {
    this.int32(items.length === 0 ? 12 : 20 + items.length * 8)
    this.arrayHead(23, items.length)
    for (let i = 0; i < items.length; i++) {
      this.ensure(8)
      this.page.writeInt32BE(4, this.at)
      this.page.writeInt32BE(pick(items[i]!), this.at + 4)
      this.at += 8
    }
  }

  int64Array<A>(items: ReadonlyArray<A>, pick: (item: A) => bigint): void {
    this.int32(items.length === 0 ? 12 : 20 + items.length * 12)
    this.arrayHead(20, items.length)
    for (let i = 0; i < items.length; i++) {
      this.ensure(12)
      this.page.writeInt32BE(8, this.at)
      this.page.writeBigInt64BE(pick(items[i]!), this.at + 4)
      this.at += 12
    }
  }

  bytesArray<A>(items: ReadonlyArray<A>, pick: (item: A) => Uint8Array): void {
    this.value(() => {
      this.arrayHead(17, items.length)
      for (let i = 0; i < items.length; i++) {
        const bytes = pick(items[i]!)
        this.int32(bytes.byteLength)
        this.raw(bytes)
      }
    })
  }

  textArray<A>(items: ReadonlyArray<A>, pick: (item: A) => string | null): void {
    this.value(() => {
      let nulls = false
      const texts = items.map((item) => {
        const text = pick(item)
        if (text === null) nulls = true
        return text === null ? null : Buffer.from(text, "utf8")
      })
      this.arrayHead(25, items.length)
      // The head's second field says whether nulls follow; its 20 bytes end where the page is at.
      if (nulls) this.page.writeInt32BE(1, this.at - 16)
      for (const text of texts) {
        if (text === null) this.int32(-1)
        else {
          this.int32(text.byteLength)
          this.raw(text)
        }
      }
    })
  }

  /** All pieces, in order. Nothing may be written afterwards. */
  finish(): ReadonlyArray<Uint8Array> {
    this.flush()
    return this.chunks
  }
}
