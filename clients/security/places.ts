const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

/** Where two values differ: `topics[].partitions[].errorCode`; a list of another length is one place. */
const between = (theirs: unknown, ours: unknown, at: string): ReadonlyArray<string> => {
  if (Array.isArray(theirs) && Array.isArray(ours) && theirs.length === ours.length) {
    return theirs.flatMap((one, i) => between(one, ours[i], `${at}[]`))
  }
  if (isObject(theirs) && isObject(ours)) {
    return [...new Set([...Object.keys(theirs), ...Object.keys(ours)])].flatMap((key) =>
      between(theirs[key], ours[key], at === "" ? key : `${at}.${key}`)
    )
  }
  return JSON.stringify(theirs) === JSON.stringify(ours) ? [] : [at]
}

/** An answer's text as what it says; a text that is none stays one. */
const read = (text: string | undefined): unknown => {
  try {
    return JSON.parse(text ?? "")
  } catch {
    return text
  }
}

/** Where two answers differ, each place once; empty of two that are alike, or of which one is none. */
export const differingPlaces = (theirs: string, ours: string | undefined): ReadonlyArray<string> => [
  ...new Set(between(read(theirs), read(ours), ""))
]
