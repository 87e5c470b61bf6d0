import { inspectFrame, parseResponseOf, printFrame } from "@tusk/protocol/Inspect"
import type { ResponseOf } from "@tusk/protocol/Inspect"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import { parseArgs } from "node:util"
import { CliError } from "../CliError.ts"

/** `tusk decode HEX|FILE` prints a frame; `tusk decode --json -` reads one in hex a line and prints one object a line. */
export const decode = async (args: ReadonlyArray<string>): Promise<CliError | undefined> => {
  let parsed: { values: { json?: boolean; response?: string }; positionals: Array<string> }
  try {
    parsed = parseArgs({
      args: [...args],
      options: { json: { type: "boolean" }, response: { type: "string" } },
      allowPositionals: true
    })
  } catch (error) {
    return new CliError({ message: `decode: ${(error as Error).message}` })
  }
  const { positionals, values } = parsed
  let options: { readonly response?: ResponseOf } = {}
  if (values.response !== undefined) {
    const response = parseResponseOf(values.response)
    if (Result.isFailure(response)) return new CliError({ message: `--response: ${response.failure.message}` })
    options = { response: response.success }
  }
  const [source] = positionals
  if (source === undefined || positionals.length > 1) {
    return new CliError({ message: "decode: give one frame in hex, a file, or - for standard input" })
  }
  const json = values.json === true
  if (source === "-") return decodeLines(json, options)
  const frame = readSource(source)
  return frame instanceof CliError ? frame : print(frame, json, options)
}

const print = (
  frame: Uint8Array | string,
  json: boolean,
  options: { readonly response?: ResponseOf }
): CliError | undefined => {
  const inspected = inspectFrame(frame, options)
  if (Result.isFailure(inspected)) {
    const { field, message } = inspected.failure
    return new CliError({ message: field === "" || message.startsWith(field) ? message : `${field}: ${message}` })
  }
  const { body, header } = inspected.success
  process.stdout.write(`${json ? JSON.stringify({ header, body }) : printFrame(inspected.success)}\n`)
  return undefined
}

/** A line that is no frame is reported on standard error, and the next one is read; the exit code is 1 then. */
const decodeLines = async (
  json: boolean,
  options: { readonly response?: ResponseOf }
): Promise<CliError | undefined> => {
  let failed = 0
  let line = 0
  for await (const text of createInterface({ input: process.stdin })) {
    line++
    if (text.trim() === "") continue
    const error = print(text, json, options)
    if (error === undefined) continue
    failed++
    process.stderr.write(`tusk: line ${line}: ${error.message}\n`)
  }
  return failed === 0 ? undefined : new CliError({ message: `${failed} of ${line} lines are no frames` })
}

const readSource = (source: string): Uint8Array | string | CliError => {
  if (/^(?:\s*[0-9a-fA-F]\s*[0-9a-fA-F])+\s*$/.test(source)) return source
  try {
    const bytes = readFileSync(source)
    const text = bytes.toString("latin1")
    // A file of hex digits, or of the bytes themselves.
    return /^[0-9a-fA-F\s]+$/.test(text) ? text : bytes
  } catch {
    return new CliError({ message: `decode: ${source} is neither hex nor a file` })
  }
}
