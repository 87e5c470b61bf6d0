/** `--format` of `tusk consume`, in kcat's letters. Pure. */
import { UsageError } from "../CliError.ts"

const NAMED: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "0": "\0", "\\": "\\" }

/** `\n`, `\r`, `\t`, `\0`, `\\` and `\xHH` become what they stand for; any other escape stays as it is. */
export const unescape = (text: string): string =>
  text.replaceAll(/\\(?:x([0-9a-fA-F]{2})|([\s\S]))/g, (whole, hex: string | undefined, letter: string | undefined) =>
    hex === undefined ? (NAMED[letter ?? ""] ?? whole) : String.fromCharCode(Number.parseInt(hex, 16))
  )

/** What a template may print of a record. */
export interface Printable {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly timestamp: bigint
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: ReadonlyArray<{ readonly key: string; readonly value: Uint8Array | null }>
}

/** Makes the bytes of a record, in parts. */
export type Template = (record: Printable, into: Array<Uint8Array>) => void

/** For help. */
export const TEMPLATE_HELP =
  "%t topic, %p partition, %o offset, %k key, %s value, %h headers, %T time in ms, %K and %S sizes (-1 for null), %% a percent sign"

const EMPTY = Buffer.alloc(0)

const headersText = (headers: Printable["headers"]): string =>
  headers.map(({ key, value }) => `${key}=${value === null ? "" : Buffer.from(value).toString()}`).join(",")

const FIELDS: Readonly<Record<string, (record: Printable) => Uint8Array>> = {
  t: ({ topic }) => Buffer.from(topic),
  p: ({ partition }) => Buffer.from(String(partition)),
  o: ({ offset }) => Buffer.from(String(offset)),
  T: ({ timestamp }) => Buffer.from(String(timestamp)),
  k: ({ key }) => key ?? EMPTY,
  s: ({ value }) => value ?? EMPTY,
  h: ({ headers }) => Buffer.from(headersText(headers)),
  K: ({ key }) => Buffer.from(String(key?.byteLength ?? -1)),
  S: ({ value }) => Buffer.from(String(value?.byteLength ?? -1))
}

/** Reads a template: letters behind `%`, escapes, and anything else as it is. */
export const parseTemplate = (text: string): Template | UsageError => {
  const parts: Array<(record: Printable) => Uint8Array> = []
  const literal = (piece: string) => {
    if (piece === "") return
    const bytes = Buffer.from(unescape(piece))
    parts.push(() => bytes)
  }
  let from = 0
  for (let at = text.indexOf("%"); at !== -1; at = text.indexOf("%", from)) {
    literal(text.slice(from, at))
    const letter = text[at + 1] ?? ""
    const field = FIELDS[letter]
    if (letter === "%") literal("%")
    else if (field === undefined)
      return new UsageError({ message: `--format: there is no %${letter}; ${TEMPLATE_HELP}` })
    else parts.push(field)
    from = at + 2
  }
  literal(text.slice(from))
  return (record, into) => {
    for (const part of parts) into.push(part(record))
  }
}
