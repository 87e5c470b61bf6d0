import { writeFileSync } from "node:fs"
import process from "node:process"
import { median } from "./Bars.ts"

/** Figures taken several times, each beside the most that its median may be, where there is such a bar. */
export class Samples {
  readonly #bars: Readonly<Record<string, number>>
  readonly #samples = new Map<string, Array<number>>()

  constructor(bars: Readonly<Record<string, number>>) {
    this.#bars = bars
  }

  note(figure: string, value: number): void {
    const values = this.#samples.get(figure)
    if (values === undefined) this.#samples.set(figure, [value])
    else values.push(value)
  }

  /** Milliseconds that `work` takes. */
  async timed<A>(figure: string, work: () => Promise<A>): Promise<A> {
    const began = performance.now()
    const result = await work()
    this.note(figure, performance.now() - began)
    return result
  }

  /** Prints all as a table and as JSON, which goes to a file where one is named; ends with 1 where a bar is missed. */
  conclude(json: string | undefined): void {
    const table = Array.from(this.#samples, ([figure, values]) => {
      const bar = this.#bars[figure]
      const row = { figure, median: median(values), min: Math.min(...values), max: Math.max(...values) }
      return { ...row, ...(bar === undefined ? {} : { bar, met: row.median <= bar }) }
    })
    const width = 2 + Math.max(0, ...table.map(({ figure }) => figure.length))
    const cell = (value: number | undefined) => (value === undefined ? "-" : value.toFixed(0)).padStart(9)
    console.log(`${"".padEnd(width)}${["median", "min", "max", "bar"].map((head) => head.padStart(9)).join("")}`)
    for (const row of table) {
      const missed = row.met === false ? "  missed" : ""
      console.log(`${row.figure.padEnd(width)}${[row.median, row.min, row.max, row.bar].map(cell).join("")}${missed}`)
    }
    const text = JSON.stringify({ node: process.version, table, samples: Object.fromEntries(this.#samples) })
    if (json === undefined) console.log(text)
    else writeFileSync(json, `${text}\n`)
    if (table.some((row) => row.met === false)) process.exitCode = 1
  }
}
