import process from "node:process"

/** What was checked so far: a line each, and a summary that decides the exit code. */
export class Report {
  #passed = 0
  readonly #failed: Array<string> = []

  /** Prints `name: pass|fail (figure, bar)`. */
  check(name: string, passed: boolean, figure: string, bar: string): void {
    if (passed) this.#passed++
    else this.#failed.push(name)
    console.log(`${name}: ${passed ? "pass" : "fail"} (${figure}, ${bar})`)
  }

  /** A figure that has no bar. */
  note(name: string, figure: string): void {
    console.log(`${name}: ${figure}`)
  }

  /** Runs a check that may throw: that is a failure, by its message. */
  async attempt(name: string, work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error)
      this.check(name, false, text.split("\n").slice(0, 4).join(" | "), "no error")
    }
  }

  /** The last line; the process ends with 1 where something failed. */
  summary(): void {
    const names = this.#failed.length === 0 ? "" : `: ${this.#failed.join(", ")}`
    console.log(`${this.#passed} passed, ${this.#failed.length} failed${names}`)
    if (this.#failed.length > 0) process.exitCode = 1
  }
}

/** The value below which `part` (0 to 1) of the values lie; NaN of none. */
export const quantile = (values: ReadonlyArray<number>, part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

/** Polls until it holds; false when it does not within the time. */
export const holdsWithin = async (
  ms: number,
  holds: () => boolean | Promise<boolean>,
  everyMs = 20
): Promise<boolean> => {
  const deadline = performance.now() + ms
  while (!(await holds())) {
    if (performance.now() > deadline) return false
    await sleep(everyMs)
  }
  return true
}
