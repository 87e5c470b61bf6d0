import type { CommittedRecord } from "../transactions/CommittedReader.ts"
import type { Flow } from "./Flow.ts"
import { pairOf } from "./Flow.ts"

/** How often something was not as it had to be; the first few of them. */
class Faults {
  count = 0
  readonly first: Array<string> = []

  add(text: string): void {
    this.count++
    if (this.first.length < 5) this.first.push(text)
  }

  toString(): string {
    return this.count === 0 ? "0" : `${this.count} (${this.first.join("; ")})`
  }
}

/** What came out, beside what has to: counts of a word are 1, 2, 3, each once and in order; pairs come once, in any order. */
export class Outcome {
  readonly double = new Faults()
  readonly wrong = new Faults()
  /** Records that were taken. */
  taken = 0
  readonly #flow: Flow
  readonly #counts = new Map<string, number>()
  readonly #pairs = new Set<number>()

  constructor(flow: Flow) {
    this.#flow = flow
  }

  takeCount({ key, partition, value }: CommittedRecord): void {
    this.taken++
    const [before, count] = [this.#counts.get(key) ?? 0, Number(value)]
    if (count <= before) this.double.add(`${key} has ${count} after ${before}, in partition ${partition}`)
    else if (count > before + 1) this.wrong.add(`${key} has ${count} after ${before}, in partition ${partition}`)
    this.#counts.set(key, count)
  }

  takePair({ key, timestamp, value }: CommittedRecord): void {
    this.taken++
    const [left = -1, right = -1] = value.split(":").map(Number)
    const pair = pairOf(left, right)
    const isOne = this.#flow.pairs.get(pair) === timestamp && key === `customer${this.#flow.customer("left", left)}`
    if (!isOne) this.wrong.add(`pair ${value} of ${key} at ${timestamp}`)
    else if (this.#pairs.has(pair)) this.double.add(`pair ${value}`)
    else this.#pairs.add(pair)
  }

  /** What is not there yet, and words of another count. */
  missing(): Faults {
    const missing = new Faults()
    for (const [word, count] of this.#flow.words) {
      const counted = this.#counts.get(word) ?? 0
      if (counted !== count) missing.add(`${word} has ${counted} of ${count}`)
    }
    for (const word of this.#counts.keys()) if (!this.#flow.words.has(word)) missing.add(`${word} was never written`)
    for (const pair of this.#flow.pairs.keys()) if (!this.#pairs.has(pair)) missing.add(`pair ${pair}`)
    return missing
  }
}
