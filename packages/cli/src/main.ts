import { CliError } from "./CliError.ts"
import { help } from "./Flags.ts"

/** The `tusk` command. Sets the exit code; one line on standard error says what is wrong. */
export const main = async (args: ReadonlyArray<string>): Promise<void> => {
  // `tusk config print | head`: the reader has enough, or is gone.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {})
  const result = await run(args)
  if (result instanceof CliError) {
    process.stderr.write(`tusk: ${result.message}\n`)
    process.exitCode = 1
  }
}

const run = async (args: ReadonlyArray<string>): Promise<CliError | undefined> => {
  const [command, ...rest] = args
  if (args.includes("--help") || args.includes("-h") || command === undefined || command === "help") {
    process.stdout.write(`${help()}\n`)
    return undefined
  }
  if (args.includes("--version") || args.includes("-v")) return (await import("./commands/Version.ts")).version()
  switch (command) {
    case "start":
      return (await import("./commands/Start.ts")).start(rest)
    case "config":
      return (await import("./commands/ConfigPrint.ts")).configPrint(rest)
    case "decode":
      return (await import("./commands/Decode.ts")).decode(rest)
    case "sql":
      return (await import("./commands/Sql.ts")).sql(rest)
    case "version":
      return (await import("./commands/Version.ts")).version()
    default:
      return new CliError({ message: `there is no command ${command}; see tusk --help` })
  }
}
