import { CliError } from "./CliError.ts"
import { help } from "./Help.ts"

/** The `tusk` command. Sets the exit code; one line on standard error says what is wrong. */
export const main = async (args: ReadonlyArray<string>): Promise<void> => {
  // `tusk config print | head`: the reader has enough, or is gone.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  const result = await run(args)
  if (result instanceof CliError) process.stderr.write(`tusk: ${result.message}\n`)
  if (result !== undefined) process.exitCode = result instanceof CliError ? 1 : result
}

/** Those that have flags of their own, beside `start`'s; `effect/cli` costs 100 ms, and is loaded for the other commands alone. */
const run = async (args: ReadonlyArray<string>): Promise<CliError | number | undefined> => {
  const [command, ...rest] = args
  const asksHelp = rest.includes("--help") || rest.includes("-h")
  if (command === undefined || command === "help" || command === "--help" || command === "-h") {
    process.stdout.write(`${help()}\n`)
    return undefined
  }
  if (args.includes("--version") || args.includes("-v") || command === "version") {
    return (await import("./commands/Version.ts")).version()
  }
  if (command === "start" && asksHelp) {
    process.stdout.write(`${help()}\n`)
    return undefined
  }
  if (command === "start") return (await import("./commands/Start.ts")).start(rest)
  if (command === "config" && rest[0] === "print" && !asksHelp) {
    return (await import("./commands/ConfigPrint.ts")).configPrint(rest)
  }
  return (await import("./commands/Tree.ts")).runProcess(args)
}
