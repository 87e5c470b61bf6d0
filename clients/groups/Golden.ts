import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import type { Report } from "../../bench/groups/Report.ts"

const folder = join(repository, "clients", "groups", "expected")

/** What differs from run to run, or by the order of a hash table: ids, the broker's port, widths of columns, order of lines. */
export const normalised = (text: string): string =>
  text
    .split("\n")
    .filter((line) => !/^\s+at |^\s*\.\.\. \d+ more/.test(line))
    .map((line) =>
      line
        .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "UUID")
        .replaceAll(/(?<= )(?=\S*[A-Z])(?=\S*[a-z])[A-Za-z0-9_-]{22}(?= )/g, "UUID")
        .replaceAll(/(?<=-1-|instance-\d-)[A-Za-z0-9_-]{22}(?= )/g, "UUID")
        .replaceAll(/127\.0\.0\.1:\d+/g, "HOST:PORT")
        .replaceAll(/\s+/g, " ")
        .trim()
    )
    .filter((line) => line !== "")
    .toSorted()
    .join("\n")

/**
 * Texts by the step that printed them, beside those that Apache Kafka's broker gave in the same steps: the file of that name
 * below expected/, which `--record` writes anew.
 */
export class Golden {
  readonly #file: string
  readonly #recording: boolean
  readonly #report: Report
  readonly #name: string
  readonly #expected = new Map<string, string>()
  readonly #seen = new Map<string, string>()

  constructor(name: string, recording: boolean, report: Report) {
    this.#name = name
    this.#file = join(folder, `${name}.txt`)
    this.#recording = recording
    this.#report = report
    if (!existsSync(this.#file)) return
    for (const part of readFileSync(this.#file, "utf8").split(/^### /m).slice(1)) {
      const end = part.indexOf("\n")
      this.#expected.set(part.slice(0, end), part.slice(end + 1).trimEnd())
    }
  }

  /** Compares, and prints what is not alike. */
  step(name: string, text: string): void {
    const seen = normalised(text)
    if (this.#seen.has(name)) throw new Error(`${this.#name}: two steps named ${name}`)
    this.#seen.set(name, seen)
    if (this.#recording) return
    const expected = this.#expected.get(name)
    const same = seen === expected
    this.#report.check(`${this.#name}: ${name}`, same, same ? "the same" : "differs", "Apache Kafka's output")
    if (same) return
    const [left, right] = [new Set(expected?.split("\n")), new Set(seen.split("\n"))]
    for (const line of left) if (!right.has(line)) console.log(`    - ${line}`)
    for (const line of right) if (!left.has(line)) console.log(`    + ${line}`)
  }

  /** Writes the file, where texts are recorded; every step of it has to have come. */
  finish(): void {
    if (this.#recording) {
      mkdirSync(folder, { recursive: true })
      const parts = Array.from(this.#seen, ([step, text]) => `### ${step}\n${text}${text === "" ? "" : "\n"}`)
      writeFileSync(this.#file, parts.join("\n"))
      this.#report.note(this.#name, `${this.#seen.size} outputs recorded`)
      return
    }
    const missing = [...this.#expected.keys()].filter((step) => !this.#seen.has(step))
    if (missing.length > 0) throw new Error(`${this.#name}: no output for ${missing.join(", ")}`)
  }
}
