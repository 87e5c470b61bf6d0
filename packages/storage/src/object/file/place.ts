/** Where an object lies. Paths are below the store's own folder, without it. */
export interface Place {
  readonly folder: string
  /** Within the folder. */
  readonly file: string
}

/**
 * So many characters of an object's own name say in which folder it lies: of names that begin with a time in ms, base 36,
 * nine digits, a folder holds those of 47 s.
 */
const SPREAD_BY = 6
/** Ends the name of a folder that is no part of objects' names. Names of objects do not have it. */
const SPREAD = "~"
/** Stands before the number of a tagged object's state. Names of objects do not have it. */
export const TAGGED = "@"

/** `c/i/0mi2abcde-7` lies in `c/i/0mi2ab~` under the name that it has after the last `/`. */
export const placeOf = (name: string): Place => {
  const end = name.lastIndexOf("/")
  const above = name.slice(0, Math.max(0, end))
  const file = name.slice(end + 1)
  if (file.length <= SPREAD_BY) return { folder: above, file }
  return { folder: joined(above, file.slice(0, SPREAD_BY) + SPREAD), file }
}

const joined = (folder: string, name: string): string => (folder === "" ? name : `${folder}/${name}`)

/** What an entry of a folder holds: names of objects begin with `prefix`, or there is one object, and that is its name. */
export type Entry =
  | { readonly kind: "folder"; readonly path: string; readonly prefix: string }
  | { readonly kind: "object"; readonly path: string; readonly name: string }

/** `above` is what names of all objects in the folder begin with, up to a `/`. Undefined: it is not an object's. */
export const entryOf = (folder: string, above: string, file: string, isFolder: boolean): Entry | undefined => {
  const path = joined(folder, file)
  if (isFolder) {
    // What no place of an object is called is the store's own.
    if (file.endsWith(SPREAD) && file.length !== SPREAD_BY + 1) return undefined
    return { kind: "folder", path, prefix: above + (file.endsWith(SPREAD) ? file.slice(0, -1) : `${file}/`) }
  }
  const tagged = file.indexOf(TAGGED)
  if (tagged < 0) return { kind: "object", path, name: above + file }
  return stateOf(file) === undefined ? undefined : { kind: "object", path, name: above + file.slice(0, tagged) }
}

/** The folder's names up to their last `/`, for those of its entries. */
export const aboveOf = (entry: { readonly prefix: string }): string =>
  entry.prefix.slice(0, entry.prefix.lastIndexOf("/") + 1)

const DIGITS = 12

/** A file that is a state of a tagged object. */
export const stateFile = (file: string, state: number): string =>
  `${file}${TAGGED}${String(state).padStart(DIGITS, "0")}`

/** Which state of a tagged object a file is; undefined: none. */
export const stateOf = (file: string): number | undefined => {
  const digits = file.slice(file.indexOf(TAGGED) + 1)
  return file.includes(TAGGED) && digits.length === DIGITS && /^\d+$/.test(digits) ? Number(digits) : undefined
}
