interface Call {
  readonly session: string
  readonly partition: number
  /** In which its session made it. */
  readonly order: number
  fate: "open" | "committed" | "rolled back" | "unknown"
}

/** What SQL sessions produced, and what became of their transactions. */
export class SqlHistory {
  readonly #violate: (invariant: string, text: string) => void
  readonly #calls = new Map<string, Call>()

  constructor(violate: (invariant: string, text: string) => void) {
    this.#violate = violate
  }

  calls(value: string, session: string, partition: number, order: number): void {
    this.#calls.set(value, { session, partition, order, fate: "open" })
  }

  ends(values: ReadonlyArray<string>, fate: "committed" | "rolled back" | "unknown"): void {
    for (const value of values) this.#calls.get(value)!.fate = fate
  }

  /** All that lies in the log at the end, a list for each partition. */
  finish(found: ReadonlyMap<number, ReadonlyArray<string>>, mayBeGone: (value: string) => boolean): void {
    const seen = new Set<string>()
    for (const [partition, values] of found) {
      const last = new Map<string, number>()
      for (const value of values) {
        const call = this.#calls.get(value)
        if (call === undefined || call.partition !== partition) {
          this.#violate("S1", `${value} is in partition ${partition}, where no session produced it`)
          continue
        }
        if (seen.has(value)) this.#violate("S1", `${value} is there twice`)
        seen.add(value)
        if (call.fate === "rolled back") this.#violate("S1", `${value} is there, and was rolled back`)
        if ((last.get(call.session) ?? -1) > call.order) {
          this.#violate("S2", `${value} comes behind a later call of ${call.session}`)
        }
        last.set(call.session, call.order)
      }
    }
    for (const [value, { fate }] of this.#calls) {
      if (fate === "committed" && !seen.has(value) && !mayBeGone(value))
        this.#violate("S1", `${value} is committed, and not there`)
    }
  }
}
