import * as fs from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { LISTED } from "../../port/ObjectName.ts"
import type { ListedObject } from "../../port/ObjectStore.ts"
import { unless } from "./disk.ts"
import type { Calls, DiskError } from "./Calls.ts"
import { aboveOf, entryOf } from "./place.ts"
import type { Entry } from "./place.ts"

/** The folder of a store, and what asks its disk. */
interface Listing {
  readonly root: string
  readonly calls: Calls
}

/** The first name that it may hold. */
const firstOf = (entry: Entry): string => (entry.kind === "object" ? entry.name : entry.prefix)

/** Something in it may be asked for. */
const concerns = (entry: Entry, prefix: string, after: string): boolean => {
  if (entry.kind === "object") return entry.name.startsWith(prefix) && entry.name > after
  const beginning = entry.prefix
  const fits = beginning.startsWith(prefix) || prefix.startsWith(beginning)
  return fits && (beginning > after || after.startsWith(beginning))
}

const descending = (a: Entry, b: Entry): number => (firstOf(a) < firstOf(b) ? 1 : firstOf(a) > firstOf(b) ? -1 : 0)

/** Entries of a folder that are asked for; none if it is gone meanwhile. */
const entriesOf = (
  { calls, root }: Listing,
  folder: { readonly path: string; readonly prefix: string },
  prefix: string,
  after: string
) =>
  Effect.map(
    unless("ENOENT")(
      calls.asked<Array<fs.Dirent>>((done) => fs.readdir(join(root, folder.path), { withFileTypes: true }, done))
    ),
    (entries = []) =>
      entries
        .map((entry) => entryOf(folder.path, aboveOf(folder), entry.name, entry.isDirectory()))
        .filter((entry): entry is Entry => entry !== undefined && concerns(entry, prefix, after))
        .sort(descending)
  )

/** With its size; undefined: it is gone meanwhile. */
const sized = (
  { calls, root }: Listing,
  entry: Entry & { readonly kind: "object" }
): Effect.Effect<ListedObject | undefined, DiskError> =>
  Effect.map(
    unless("ENOENT")(calls.asked<fs.Stats>((done) => fs.stat(join(root, entry.path), done))),
    (stats) => stats && { name: entry.name, bytes: stats.size }
  )

/**
 * Objects in order of their names. Folders are opened in the order of the first name that each may hold: what stands before
 * the next of those is the next object, however names and folders overlap.
 */
export const listed = Effect.fnUntraced(function* (listing: Listing, prefix: string, after = "") {
  /** What comes next last. */
  let waiting: Array<Entry> = [{ kind: "folder", path: "", prefix: "" }]
  const objects = new Map<string, Entry & { readonly kind: "object" }>()
  while (objects.size < LISTED && waiting.length > 0) {
    const entry = waiting.pop()!
    if (entry.kind === "object") {
      const before = objects.get(entry.name)
      // Of the states of a tagged object the newest counts.
      if (before === undefined || entry.path > before.path) objects.set(entry.name, entry)
      continue
    }
    const found = yield* entriesOf(listing, entry, prefix, after)
    const isNext = found.length === 0 || waiting.length === 0 || descending(waiting.at(-1)!, found[0]!) <= 0
    waiting = waiting.concat(found)
    if (!isNext) waiting.sort(descending)
  }
  const all = yield* Effect.forEach(objects.values(), (entry) => sized(listing, entry), { concurrency: 16 })
  return all.filter((object) => object !== undefined)
})
