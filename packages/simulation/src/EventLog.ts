/** What happened in a run, in order; its hash tells two runs apart. Lines are kept only if they are to be read. */
export class EventLog {
  lines: Array<string> | undefined = undefined
  #high = 0xcbf29ce4
  #low = 0x84222325
  #count = 0

  add(atMs: number, text: string): void {
    const line = `${atMs} ${text}`
    this.#count++
    let high = this.#high
    let low = this.#low
    for (let i = 0; i < line.length; i++) {
      low = Math.imul(low ^ line.charCodeAt(i), 0x01000193)
      high = Math.imul(high ^ line.charCodeAt(i) ^ (low >>> 13), 0x85ebca6b)
    }
    this.#high = high ^ (high >>> 15)
    this.#low = low
    this.lines?.push(line)
  }

  get count(): number {
    return this.#count
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    return hex(this.#high) + hex(this.#low)
  }
}

const hex = (word: number): string => (word >>> 0).toString(16).padStart(8, "0")
