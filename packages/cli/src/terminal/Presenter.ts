import type { NonShowHelpErrors } from "effect/cli/CliError"
import * as CliOutput from "effect/cli/CliOutput"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Streams } from "./Streams.ts"

const sentence = (error: NonShowHelpErrors): string => {
  const near = "suggestions" in error && error.suggestions.length > 0 ? error.suggestions.join(" or ") : undefined
  const hint = near === undefined ? "" : `; did you mean ${near}?`
  switch (error._tag) {
    case "UnrecognizedOption":
      return `there is no flag ${error.option}${hint}`
    case "UnknownSubcommand":
      return `there is no command ${error.subcommand}${hint}`
    default:
      return error.message.replaceAll(/\s*\n\s*/g, " ")
  }
}

/** What `effect/cli` prints by itself, the completions, goes where a command's output goes. */
export const consoleOnStreams: Layer.Layer<never, never, Streams> = Layer.effect(
  Console.Console,
  Effect.gen(function* () {
    const { stdout } = yield* Streams
    return { ...console, log: (text: string) => void Effect.runFork(stdout.write(`${text}\n`)) }
  })
)

/** Help as `effect/cli` forms it; what is wrong with a command line in one line a mistake, on standard error. */
export const presenter: Layer.Layer<never, never, Streams> = Layer.effect(
  CliOutput.Presenter,
  Effect.gen(function* () {
    const { stderr, stdout } = yield* Streams
    return {
      present: (event: CliOutput.Presenter.Event) => {
        switch (event._tag) {
          case "Version":
            return stdout.write(`${event.name} ${event.version}\n`)
          case "InvalidInvocation": {
            const lines = event.errors.map((error) => `tusk: ${sentence(error)}\n`)
            return stderr.write(`${lines.join("")}See ${event.commandPath.join(" ")} --help\n`)
          }
          case "Help": {
            const stream = event.reason === "Requested" ? stdout : stderr
            const text = CliOutput.defaultFormatter({ colors: stream.canColor }).formatHelpDoc(event.helpDoc)
            return stream.write(`${text}\n`)
          }
        }
      }
    }
  })
)
