const ISO = /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)?(Z|[+-]\d{2}:?\d{2})?$/

/**
 * A point in time as people write it: ISO 8601, as UTC if it names no zone (so Kafka's tools read it), or `@` and
 * milliseconds since 1970. In milliseconds since 1970.
 */
export const parseTime = (text: string): bigint | undefined => {
  if (/^@-?\d{1,18}$/.test(text)) return BigInt(text.slice(1))
  const found = ISO.exec(text)
  if (found === null) return undefined
  const dated = text.length === 10 ? `${text}T00:00:00` : text.replace(" ", "T")
  const time = Date.parse(found[1] === undefined ? `${dated}Z` : dated)
  return Number.isNaN(time) ? undefined : BigInt(time)
}
