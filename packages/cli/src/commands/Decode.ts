import { inspectFrame, parseResponseOf, printFrame } from "@tusk/protocol/Inspect"
import type { ResponseOf } from "@tusk/protocol/Inspect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { CliError, UsageError } from "../CliError.ts"
import { linesOf } from "../terminal/Lines.ts"
import { note } from "../terminal/Printing.ts"
import { Streams } from "../terminal/Streams.ts"
import { switchFlag } from "./CommonFlags.ts"

/** `tusk decode HEX|FILE` prints a frame; `tusk decode --json -` reads one in hex a line and prints one object a line. */
export const decodeCommand = Command.make(
  "decode",
  {
    source: Argument.String("source").pipe(Argument.withDescription("a frame in hex, a file, or - for standard input")),
    json: switchFlag("json", "as JSON, a line a frame"),
    response: Flag.String("response").pipe(
      Flag.withMetavar("API:VERSION"),
      Flag.withDescription("the frame answers this API in this version"),
      Flag.optional
    )
  },
  Effect.fn(function* ({ json, response, source }) {
    const options = yield* optionsOf(Option.getOrUndefined(response))
    if (source === "-") return yield* decodeLines(json, options)
    const frame = yield* readSource(source)
    yield* print(frame, json, options)
  })
).pipe(
  Command.withDescription("Prints a Kafka frame, readable"),
  Command.withExamples([
    { command: "tusk decode 000000100012000000000007000474657374", description: "A request, as it came over the wire" },
    { command: "tusk decode --response Metadata:9 answer.bin", description: "An answer in a file" }
  ])
)

type Options = { readonly response?: ResponseOf }

const optionsOf = (response: string | undefined): Effect.Effect<Options, UsageError> => {
  if (response === undefined) return Effect.succeed({})
  const parsed = parseResponseOf(response)
  return Result.isFailure(parsed)
    ? Effect.fail(new UsageError({ message: `--response: ${parsed.failure.message}` }))
    : Effect.succeed({ response: parsed.success })
}

const print = (frame: Uint8Array | string, json: boolean, options: Options) =>
  Effect.gen(function* () {
    const inspected = inspectFrame(frame, options)
    if (Result.isFailure(inspected)) {
      const { field, message } = inspected.failure
      return yield* new CliError({
        message: field === "" || message.startsWith(field) ? message : `${field}: ${message}`
      })
    }
    const { body, header } = inspected.success
    const { stdout } = yield* Streams
    yield* stdout.write(`${json ? JSON.stringify({ header, body }) : printFrame(inspected.success)}\n`)
  })

/** A line that is no frame is reported on standard error, and the next one is read; the exit code is 1 then. */
const decodeLines = (json: boolean, options: Options) =>
  Effect.gen(function* () {
    const { stdin } = yield* Streams
    let failed = 0
    let line = 0
    yield* linesOf(stdin.chunks).pipe(
      Stream.runForEach((bytes) => {
        line++
        const text = Buffer.from(bytes).toString("utf8")
        if (text.trim() === "") return Effect.void
        return print(text, json, options).pipe(
          Effect.catch(({ message }) => {
            failed++
            return note(`tusk: line ${line}: ${message}`)
          })
        )
      })
    )
    if (failed > 0) return yield* new CliError({ message: `${failed} of ${line} lines are no frames` })
  })

const readSource = (source: string): Effect.Effect<Uint8Array | string, CliError> => {
  if (/^(?:\s*[0-9a-fA-F]\s*[0-9a-fA-F])+\s*$/.test(source)) return Effect.succeed(source)
  return Effect.try({
    try: () => {
      const bytes = readFileSync(source)
      const text = bytes.toString("latin1")
      // A file of hex digits, or of the bytes themselves.
      return /^[0-9a-fA-F\s]+$/.test(text) ? text : bytes
    },
    catch: () => new CliError({ message: `decode: ${source} is neither hex nor a file` })
  })
}
