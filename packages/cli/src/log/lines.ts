import * as Logger from "effect/Logger"
import { asJson, asLogfmt } from "./formats.ts"
import type { LogFormat } from "./formats.ts"
import { entryOf } from "./LogEntry.ts"
import type { LogEntry } from "./LogEntry.ts"

/** Writes an entry to standard error. */
const writerOf = (format: Exclude<LogFormat, "pretty">) => {
  const text = format === "json" ? asJson : asLogfmt
  return (entry: LogEntry): void => {
    process.stderr.write(`${text(entry)}\n`)
  }
}

/** Where the lines of a command go: `write` is undefined for a terminal, where people read text. */
export const linesIn = (format: LogFormat) => {
  if (format === "pretty") return { logger: Logger.consolePretty(), write: undefined }
  const write = writerOf(format)
  return { logger: Logger.make((options) => write(entryOf(options))), write }
}
