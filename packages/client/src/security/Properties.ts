import { ClientConfigError } from "./ClientConfigError.ts"

/** A line of a properties file: a setting, its value, and `FILE:LINE` as its origin. */
export interface Property {
  readonly name: string
  readonly value: string
  readonly origin: string
}

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", f: "\f" }

/** `\:` is `:`, as Java's tools write it; `\t` and the like, and `\uXXXX`. */
const unescape = (text: string): string =>
  text.replace(/\\(?:u([0-9a-fA-F]{4})|(.))/g, (_, hex: string | undefined, other: string | undefined) =>
    hex === undefined ? (ESCAPES[other!] ?? other!) : String.fromCharCode(Number.parseInt(hex, 16))
  )

/** A backslash at the end goes on with the next line; two are one that is meant. */
const goesOn = (line: string): boolean => /(?:^|[^\\])(?:\\\\)*\\$/.test(line)

/** Java's properties, as server.properties is written: `name=value` or `name: value`, `#` and `!` begin comments. */
export const parseProperties = (text: string, file: string): ReadonlyArray<Property> | ClientConfigError => {
  const properties: Array<Property> = []
  const lines = text.split(/\r?\n/)
  for (let i = 0; i < lines.length; i++) {
    const at = i + 1
    let line = lines[i]!.trim()
    if (line === "" || line.startsWith("#") || line.startsWith("!")) continue
    while (goesOn(line) && i + 1 < lines.length) line = line.slice(0, -1) + lines[++i]!.trim()
    const parts = /^((?:\\.|[^=:\s\\])+)\s*[=:\s]\s*(.*)$/.exec(line)
    // What is there may be a part of a key: it is not told.
    if (parts === null) return new ClientConfigError({ message: `${file}:${at}: not a setting (NAME=VALUE)` })
    properties.push({ name: unescape(parts[1]!), value: unescape(parts[2]!), origin: `${file}:${at}` })
  }
  return properties
}
