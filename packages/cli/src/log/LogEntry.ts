import * as Cause from "effect/Cause"
import type * as Logger from "effect/Logger"
import * as References from "effect/References"
import { withoutSecrets } from "./withoutSecrets.ts"

/** What a field of a line holds. */
export type LogValue = string | number | boolean | null

/**
 * A log line before it is text: `time` (ISO 8601, milliseconds, UTC), `level` (debug, info, warn, error), `area`, `message`,
 * then whatever else is known, flat, each name once.
 */
export type LogEntry = ReadonlyMap<string, LogValue>

/** Characters of one text, of all texts of a line; fields of a line. The rest is cut off. */
const MAX_TEXT = 4096
export const MAX_LINE = 16_384
const MAX_FIELDS = 64
/** Errors of a chain of causes. */
const MAX_CHAIN = 8
const MAX_STACK_LINES = 12

/** Of what `Effect.log` was given; annotations and spans become fields. */
export const entryOf = ({
  cause,
  date,
  fiber,
  logLevel,
  message
}: Pick<Logger.Options<unknown>, "cause" | "date" | "fiber" | "logLevel" | "message">): LogEntry => {
  const entry = new Entry()
  const annotations = fiber.getRef(References.CurrentLogAnnotations)
  const parts = Array.isArray(message) ? (message as ReadonlyArray<unknown>) : [message]
  entry.add("time", date.toISOString())
  entry.add("level", logLevel.toLowerCase())
  entry.add("area", annotations["area"] ?? "start")
  entry.add(
    "message",
    parts
      .filter((part) => !isRecord(part) && !(part instanceof Error))
      .map(asText)
      .join(" ")
  )
  for (const [name, value] of Object.entries(annotations)) if (name !== "area") entry.add(name, value)
  for (const part of parts) {
    if (part instanceof Error) addError(entry, part)
    else if (isRecord(part)) for (const [name, value] of Object.entries(part)) entry.add(name, value)
  }
  if (cause.reasons.length > 0) addError(entry, Cause.squash(cause))
  for (const [label, since] of fiber.getRef(References.CurrentLogSpans)) entry.add(`${label}Ms`, date.getTime() - since)
  return entry.fields
}

/** Of the command itself, outside of any effect. */
export const plainEntry = (
  date: Date,
  level: string,
  message: string,
  fields: Record<string, unknown> = {}
): LogEntry => {
  const entry = new Entry()
  entry.add("time", date.toISOString())
  entry.add("level", level)
  entry.add("area", "start")
  entry.add("message", message)
  for (const [name, value] of Object.entries(fields)) entry.add(name, value)
  return entry.fields
}

/** Fields, bounded, without secrets. */
class Entry {
  readonly fields = new Map<string, LogValue>()
  #room = MAX_LINE

  add(name: string, value: unknown): void {
    if (value === undefined || this.fields.size >= MAX_FIELDS || this.#room <= 0) return
    const key = this.#free(cut(name, 128))
    const scalar = asScalar(value)
    const bounded = typeof scalar === "string" ? cut(scalar, Math.min(MAX_TEXT, this.#room)) : scalar
    this.#room -= key.length + String(bounded).length
    this.fields.set(key, bounded)
  }

  /** A field does not take the place of another one. */
  #free(name: string): string {
    let free = name
    while (this.fields.has(free)) free += "_"
    return free
  }
}

const addError = (entry: Entry, error: unknown): void => {
  entry.add("error", chainOf(error))
  const stack = error instanceof Error ? error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) : undefined
  if (stack !== undefined && stack.length > 0) {
    entry.add(
      "stack",
      stack
        .slice(0, MAX_STACK_LINES)
        .map((line) => line.trim())
        .join("\n")
    )
  }
}

/** `Name: message; caused by Name: message`, as far as causes go. */
const chainOf = (error: unknown): string => {
  const said: Array<string> = []
  const seen = new Set<unknown>()
  for (let at = error; at !== undefined && at !== null && said.length < MAX_CHAIN && !seen.has(at);) {
    seen.add(at)
    said.push(describe(at))
    at = typeof at === "object" ? (at as { readonly cause?: unknown }).cause : undefined
  }
  return said.join("; caused by ")
}

const describe = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return String(error)
  const { _tag, message, name } = error as {
    readonly _tag?: unknown
    readonly message?: unknown
    readonly name?: unknown
  }
  const kind = [_tag, name].find((each) => typeof each === "string") ?? "Error"
  return typeof message === "string" && message !== "" ? `${kind as string}: ${message}` : (kind as string)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Error)

const asText = (value: unknown): string => String(asScalar(value))

const asScalar = (value: unknown): LogValue => {
  if (value === null || typeof value === "number" || typeof value === "boolean") return value ?? null
  return withoutSecrets(typeof value === "string" ? value : value instanceof Error ? chainOf(value) : inJson(value))
}

const inJson = (value: unknown): string => {
  try {
    const text = JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each)) as
      string | undefined
    return text === undefined || typeof value === "bigint" ? String(value) : text
  } catch {
    // A circle, or a getter that throws.
    return "(not shown)"
  }
}

const cut = (text: string, most: number): string =>
  text.length <= most ? text : `${text.slice(0, most)}… (${text.length - most} more)`
