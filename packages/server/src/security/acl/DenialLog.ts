import { WORD_OF_OPERATION, WORD_OF_TYPE } from "./AclWords.ts"
import type { Operation, ResourceType } from "../../request/Operations.ts"

/** Somebody was refused something. */
export interface Denial {
  readonly principal: string
  readonly host: string
  readonly operation: Operation
  readonly resourceType: ResourceType
  readonly name: string
}

/** A line of the log, as fields; or how many denials had none. */
export type DenialLine = Readonly<Record<string, string | number>>

/** So long one line stands for all that are alike, in milliseconds. */
const INTERVAL_MS = 60_000
/** Lines within it: who asks for ever more names fills no log. */
const MOST_LINES = 1000
/** So much of a name is told; a legal topic name is no longer. */
const MOST_CHARACTERS = 249

/** Which denials are told: of a principal and a resource one a minute, and how many were left out. */
export class DenialLog {
  readonly #told = new Set<string>()
  #untilMs = -Infinity
  #untold = 0

  /** Lines to be written now. */
  of({ host, name, operation, principal, resourceType }: Denial, nowMs: number): ReadonlyArray<DenialLine> {
    const lines: Array<DenialLine> = []
    if (nowMs >= this.#untilMs) {
      if (this.#untold > 0) lines.push({ untold: this.#untold })
      this.#untold = 0
      this.#told.clear()
      this.#untilMs = nowMs + INTERVAL_MS
    }
    const [who, what] = [principal.slice(0, MOST_CHARACTERS), name.slice(0, MOST_CHARACTERS)]
    const resource = `${WORD_OF_TYPE[resourceType]}:${what}`
    const key = `${who}\0${resource}`
    if (this.#told.has(key)) return lines
    if (this.#told.size >= MOST_LINES) {
      this.#untold++
      return lines
    }
    this.#told.add(key)
    lines.push({ principal: who, operation: WORD_OF_OPERATION[operation], resource, host })
    return lines
  }
}
