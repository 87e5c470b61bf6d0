/** Input of `CountAndJoin` from a seed, and what has to come of it: of the input alone, in whatever order it is read. */

const VOCABULARY = 1000
const CUSTOMERS = 1000
const MOST_WORDS = 3
const STEP_MS = 10
const WINDOW_STEPS = 500
/** Times within a block of 64 records of one side run backwards: input is out of order. */
const BACKWARDS = 63
/** Numbers of one side are below it: two of them make one number. */
const MOST_OF_A_SIDE = 2 ** 25

/** How far apart two records may be that are joined; many are exactly so far apart, as times come in steps. */
export const WINDOW_MS = WINDOW_STEPS * STEP_MS

export type Source = "lines" | "left" | "right"

export interface FlowRecord {
  readonly source: Source
  readonly key: string
  readonly value: string
  readonly timestamp: number
}

/** Two records that are joined, by their numbers. */
export const pairOf = (left: number, right: number): number => left * MOST_OF_A_SIDE + right

/** A number of 32 bits, of two others. */
const mixed = (a: number, b: number): number => {
  let x = Math.imul(a, 0x9e3779b1) ^ Math.imul(b + 1, 0x85ebca6b)
  x = Math.imul(x ^ (x >>> 16), 0x21f0aaad)
  x = Math.imul(x ^ (x >>> 15), 0x735a2d97)
  return (x ^ (x >>> 15)) >>> 0
}

/** `total` records, a multiple of 4: of each four two are lines, and one is of each side of the join. */
export class Flow {
  readonly total: number
  readonly words: ReadonlyMap<string, number>
  /** Times of the pairs: the later one of both records. */
  readonly pairs: ReadonlyMap<number, number>
  readonly #seed: number
  readonly #from: number

  constructor(total: number, seed: number, from: number) {
    this.total = total
    this.#seed = seed
    this.#from = from
    this.words = this.#counted()
    this.pairs = this.#joined()
  }

  /** Records of output: each word counted is one. */
  get outputs(): number {
    return this.pairs.size + Array.from(this.words.values()).reduce((sum, count) => sum + count, 0)
  }

  /**
   * No two records of one side have the same time: a window store tells such records of one key apart by a number that
   * begins anew with each start of the application, and Kafka Streams itself may lose one of them then.
   */
  at(index: number): FlowRecord {
    const [four, of] = [index >> 2, index & 3]
    if (of < 2) {
      const line = 2 * four + of
      const words = Array.from(
        { length: 1 + (mixed(this.#seed, line) % MOST_WORDS) },
        (_, i) => `word${mixed(this.#seed + 1 + i, line) % VOCABULARY}`
      )
      return { source: "lines", key: `${line}`, value: words.join(" "), timestamp: this.#from + line * STEP_MS }
    }
    const source = of === 2 ? "left" : "right"
    const value = `customer${this.customer(source, four)}:${four}`
    return { source, key: `${four}`, value, timestamp: this.#timeOf(four) }
  }

  customer(side: "left" | "right", number: number): number {
    return mixed(this.#seed + (side === "left" ? 11 : 12), number) % CUSTOMERS
  }

  #timeOf(number: number): number {
    return this.#from + (number ^ BACKWARDS) * STEP_MS
  }

  #counted(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (let index = 0; index < this.total; index++) {
      const { source, value } = this.at(index)
      if (source !== "lines") continue
      for (const word of value.split(" ")) counts.set(word, (counts.get(word) ?? 0) + 1)
    }
    return counts
  }

  #joined(): ReadonlyMap<number, number> {
    const count = this.total >> 2
    const customers = Int32Array.from({ length: count }, (_, number) => this.customer("right", number))
    const pairs = new Map<number, number>()
    for (let left = 0; left < count; left++) {
      const [customer, at] = [this.customer("left", left), left ^ BACKWARDS]
      for (let step = Math.max(0, at - WINDOW_STEPS); step <= at + WINDOW_STEPS; step++) {
        const right = step ^ BACKWARDS
        if (customers[right] !== customer) continue
        pairs.set(pairOf(left, right), Math.max(this.#timeOf(left), this.#timeOf(right)))
      }
    }
    return pairs
  }
}
