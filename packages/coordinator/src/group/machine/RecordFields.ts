/** Readers for what was stored as JSON: each gives the value as its type, or throws `Mismatch`, for `reading` to catch. */
import * as Result from "effect/Result"

/** Never leaves `reading`. */
class Mismatch extends Error {}

const expected = (what: string, name: string): never => {
  throw new Mismatch(`${name} is not ${what}`)
}
export const object = (value: unknown, name: string): Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : expected("an object", name)
export const array = (value: unknown, name: string): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value : expected("an array", name)
export const string = (value: unknown, name: string): string =>
  typeof value === "string" ? value : expected("a text", name)
export const nullable = (value: unknown, name: string): string | null => (value === null ? null : string(value, name))
export const integer = (value: unknown, name: string): number =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : expected("an integer", name)
export const bytes = (value: unknown, name: string): Uint8Array =>
  new Uint8Array(Buffer.from(string(value, name), "base64"))
export const oneOf = <A extends string>(all: ReadonlyArray<A>, value: unknown, name: string): A =>
  all.find((known) => known === value) ?? expected(`one of ${all.join()}`, name)
export const toBase64 = (value: Uint8Array): string =>
  Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("base64")

/** Reads a text of at most so many characters as JSON, or tells why it cannot be what was written. */
export const reading = <A>(
  value: string,
  maxCharacters: number,
  read: (json: unknown) => A
): Result.Result<A, string> => {
  if (value.length > maxCharacters) return Result.fail(`${value.length} characters are too many`)
  try {
    return Result.succeed(read(JSON.parse(value)))
  } catch (error) {
    if (error instanceof Mismatch || error instanceof SyntaxError) return Result.fail(error.message)
    throw error
  }
}

export const version = (record: Record<string, unknown>, known: number): void => {
  if (record["version"] !== known) throw new Mismatch(`version ${String(record["version"])} is not known`)
}
