import { nearest } from "@tusk/protocol/nearest"

const quoted = (name: string): string => JSON.stringify(name)

/** What is wrong with a name that is none of the known ones, with the one that is nearest. */
export const unknownName = (what: string, name: string, known: ReadonlyArray<string>): RangeError => {
  const near = nearest(name, known) ?? known.find((each) => each.startsWith(name))
  return new RangeError(
    `${what} ${quoted(name)} is not known${near === undefined ? "" : `; did you mean ${quoted(near)}?`}`
  )
}

/** Throws if something has a key that is not known, or is no object at all. */
export const checkKeys = (where: string, given: unknown, known: ReadonlyArray<string>): void => {
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw new TypeError(`${where}: an object is expected, not ${given === null ? "null" : typeof given}`)
  }
  for (const key of Object.keys(given)) {
    if (known.includes(key)) continue
    const near = nearest(key, known)
    const hint =
      near === undefined ? (known.length > 12 ? "" : `known are ${known.join(", ")}`) : `did you mean ${quoted(near)}?`
    throw new RangeError(`${where}: unknown key ${quoted(key)}${hint === "" ? "" : `; ${hint}`}`)
  }
}

/** Throws if something is none of these. */
export const checkOneOf = (what: string, given: unknown, known: ReadonlyArray<string>): void => {
  if (known.includes(given as string)) return
  throw new RangeError(`${what}: ${String(given)} is none of ${known.map(quoted).join(", ")}`)
}

/** Throws if something is given and no whole number of at least `least`. */
export const checkCount = (what: string, given: unknown, least: number): void => {
  if (given === undefined || (Number.isSafeInteger(given) && (given as number) >= least)) return
  throw new RangeError(`${what}: ${String(given)} is not a whole number of ${least} or more`)
}
