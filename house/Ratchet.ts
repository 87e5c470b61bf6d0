/** What is not tidy yet, kept in `ratchet.json`: it may shrink and never grow. */
import { readFileSync, writeFileSync } from "node:fs"

/** What a rule finds; with a size where it has one. */
export type Found = ReadonlySet<string> | ReadonlyMap<string, number>

type Kept = ReadonlyArray<string> | Readonly<Record<string, number>>

const file = new URL("ratchet.json", import.meta.url)

const read = (): Record<string, Kept> => JSON.parse(readFileSync(file, "utf8")) as Record<string, Kept>

const sizes = (kept: Kept | Found): ReadonlyMap<string, number> =>
  kept instanceof Map
    ? kept
    : kept instanceof Set || Array.isArray(kept)
      ? new Map([...(kept as Iterable<string>)].map((key) => [key, 1]))
      : new Map(Object.entries(kept as Record<string, number>))

export interface Difference {
  /** Found, and not in the ratchet, or of a greater size there. */
  readonly worse: ReadonlyArray<string>
  /** In the ratchet, and no longer found, or smaller by now: it is to be struck out. */
  readonly better: ReadonlyArray<string>
}

const told = (key: string, size: number): string => (size === 1 ? key : `${key} ${size}`)

/** What a rule finds, beside what the ratchet keeps of it. */
export const compare = (rule: string, found: Found): Difference => {
  const now = sizes(found)
  const kept = sizes(read()[rule] ?? [])
  return {
    worse: [...now].filter(([key, size]) => size > (kept.get(key) ?? 0)).map(([key, size]) => told(key, size)),
    better: [...kept].filter(([key, size]) => size > (now.get(key) ?? 0)).map(([key, size]) => told(key, size))
  }
}

/** Strikes out of the ratchet what is better by now. What is worse stays an error: nothing is ever added here. */
export const tighten = (rule: string, found: Found): void => {
  const now = sizes(found)
  const all = read()
  const left = [...sizes(all[rule] ?? [])].flatMap(([key, size]): Array<[string, number]> => {
    const here = now.get(key)
    return here === undefined ? [] : [[key, Math.min(here, size)]]
  })
  left.sort(([a], [b]) => (a < b ? -1 : 1))
  all[rule] = found instanceof Map ? Object.fromEntries(left) : left.map(([key]) => key)
  writeFileSync(file, `${JSON.stringify(all, undefined, 2)}\n`)
}
