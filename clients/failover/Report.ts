import process from "node:process"

/** What was checked so far: a line each, and a last one that decides the exit code. */
export class Report {
  #passed = 0
  #skipped = 0
  readonly failures: Array<string> = []

  /** Prints `name: pass|fail (figure; bar)`. */
  check(name: string, passed: boolean, figure: string, bar: string): void {
    if (passed) this.#passed++
    else this.failures.push(name)
    console.log(`${name}: ${passed ? "pass" : "FAIL"} (${figure}; ${bar})`)
  }

  /** A count that has to be nothing, with the first of what was counted. */
  none(name: string, found: ReadonlyArray<string>, bar = "0"): void {
    const shown = found.length === 0 ? "" : `: ${found.slice(0, 3).join(", ")}`
    this.check(name, found.length === 0, `${found.length}${shown}`, bar)
  }

  /** A figure that has no bar. */
  note(name: string, figure: string): void {
    console.log(`${name}: ${figure}`)
  }

  skip(name: string, why: string): void {
    this.#skipped++
    console.log(`${name}: skipped (${why})`)
  }

  /** The last line, which test runners read. */
  summary(): void {
    for (const name of this.failures) console.log(`failed: ${name}`)
    console.log(`${this.#passed} passed, ${this.failures.length} failed, ${this.#skipped} skipped`)
    if (this.failures.length > 0) process.exitCode = 1
  }
}
