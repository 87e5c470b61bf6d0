/** A value that a client set, by a text that is never given twice. */
export interface Setting {
  readonly id: string
  readonly startMs: number
  /** Infinity: it is unknown when it happened, if ever. */
  endMs: number
  outcome: "ok" | "unknown" | "refused"
  /** When a failover lost it. */
  lostAtMs: number
}

/** What was read, and by which reader. */
export interface Found {
  readonly reader: string
  /** Null if there is nothing. */
  readonly id: string | null
  readonly startMs: number
  readonly nowMs: number
}

/** Places that hold the value that was set last: committed offsets, configs. A reader of one sees what was acknowledged. */
export class Registers {
  readonly #settings = new Map<string, Array<Setting>>()
  readonly #violate: (text: string) => void

  constructor(violate: (text: string) => void) {
    this.#violate = violate
  }

  /** Before a value is sent. */
  sets(place: string, id: string, nowMs: number): Setting {
    let settings = this.#settings.get(place)
    if (settings === undefined) this.#settings.set(place, (settings = []))
    const setting: Setting = { id, startMs: nowMs, endMs: Infinity, outcome: "unknown", lostAtMs: Infinity }
    settings.push(setting)
    return setting
  }

  found(place: string, { id, nowMs, reader, startMs }: Found): void {
    const settings = this.#settings.get(place) ?? []
    const found = id === null ? undefined : settings.find((setting) => setting.id === id)
    if (id !== null && found === undefined) return this.#violate(`${reader} finds ${id} in ${place}, which nobody sent`)
    if (found?.outcome === "refused") this.#violate(`${reader} finds ${id} in ${place}, which was refused`)
    if (found !== undefined && found.lostAtMs < startMs)
      this.#violate(`${reader} finds ${id} in ${place}, which was lost`)
    const after = found === undefined ? -Infinity : found.endMs
    const newer = settings.find(
      (other) => other.outcome === "ok" && other.lostAtMs === Infinity && other.startMs > after && other.endMs < startMs
    )
    if (newer !== undefined) {
      this.#violate(
        `${reader} finds ${id} in ${place} at ${startMs}, though ${newer.id} was acknowledged at ${newer.endMs}`
      )
    }
    // A reader that asks later sees this or a newer one.
    if (found !== undefined) found.endMs = Math.min(found.endMs, nowMs)
  }

  /** A failover has lost it. */
  loses(place: string, id: string, nowMs: number): void {
    for (const setting of this.#settings.get(place) ?? []) if (setting.id === id) setting.lostAtMs = nowMs
  }
}
