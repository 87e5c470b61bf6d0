import { writeFileSync } from "node:fs"

/** One figure of a benchmark beside what it has to reach. */
export interface Bar {
  /** Number of the bar in the list that bench/README.md gives. */
  readonly bar: string
  readonly what: string
  readonly value: number
  readonly unit: string
  /** Absent: printed only. */
  readonly least?: number
  readonly most?: number
}

export const passes = ({ least, most, value }: Bar): boolean =>
  Number.isFinite(value) && (least === undefined || value >= least) && (most === undefined || value <= most)

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : ((sorted[middle - 1] ?? NaN) + (sorted[middle] ?? NaN)) / 2
}

const shown = (value: number): string =>
  Math.abs(value) >= 100 ? value.toFixed(0) : Math.abs(value) >= 10 ? value.toFixed(1) : value.toFixed(2)

export const printBars = (bars: ReadonlyArray<Bar>): void => {
  const width = Math.max(20, ...bars.map(({ what }) => what.length))
  for (const bar of bars) {
    const limit =
      bar.least === undefined ? (bar.most === undefined ? "" : `at most ${bar.most}`) : `at least ${bar.least}`
    const verdict = limit === "" ? "" : passes(bar) ? "met" : "MISSED"
    console.log(
      `${bar.bar.padEnd(3)}${bar.what.padEnd(width + 2)}${shown(bar.value).padStart(10)} ${bar.unit.padEnd(10)} ${limit.padEnd(16)} ${verdict}`
    )
  }
}

/** Prints the bars of one program, writes them as JSON where asked, and ends with 1 where one is missed. */
export const report = (bars: ReadonlyArray<Bar>, json: string | undefined): void => {
  printBars(bars)
  if (json !== undefined) writeFileSync(json, `${JSON.stringify({ bars })}\n`)
  if (!bars.every(passes)) process.exitCode = 1
}
