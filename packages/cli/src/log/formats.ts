import type { LogEntry, LogValue } from "./LogEntry.ts"

/** How lines are written: `pretty` for a terminal, the others for programs, a line each. */
export type LogFormat = "json" | "logfmt" | "pretty"

export const isLogFormat = (text: string): text is LogFormat =>
  text === "json" || text === "logfmt" || text === "pretty"

/** What JSON leaves as it is and a terminal or a reader of lines does not: DEL, C1, NEL, line and paragraph separators. */
// oxlint-disable-next-line no-control-regex
const CONTROLS = /[\u007f-\u009f\u2028\u2029]/g

const escaped = (text: string): string =>
  text.replace(CONTROLS, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`)

export const asJson = (entry: LogEntry): string => escaped(JSON.stringify(Object.fromEntries(entry)))

/** `key=value`, as Go's logfmt; a value with anything but plain characters is quoted as in JSON. */
export const asLogfmt = (entry: LogEntry): string =>
  Array.from(entry, ([name, value]) => `${name.replace(/[^\w.-]/g, "_")}=${logfmtValue(value)}`).join(" ")

const logfmtValue = (value: LogValue): string => {
  if (typeof value !== "string") return String(value)
  return /^[\w.:/@+-]+$/.test(value) ? value : escaped(JSON.stringify(value))
}
