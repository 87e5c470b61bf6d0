import * as CliConfig from "effect/cli/CliConfig"
import * as CliErrors from "effect/cli/CliError"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { EXIT, Found, UsageError } from "../CliError.ts"
import { nodeTransport } from "@tusk/client/NodeTransport"
import { completionsFlag } from "../terminal/completions.ts"
import { commandServices } from "../terminal/CommandServices.ts"
import { consoleOnStreams, presenter } from "../terminal/Presenter.ts"
import { outputFlag } from "../terminal/Printing.ts"
import { processStreams, Streams } from "../terminal/Streams.ts"
import { aclCommand } from "./Acl.ts"
import { backupCheckCommand } from "./BackupCheck.ts"
import { decodeCommand } from "./Decode.ts"
import { configCommand } from "./Config.ts"
import { consumeCommand } from "./Consume.ts"
import { groupCommand } from "./Group.ts"
import { doctorCommand } from "./Doctor.ts"
import { importCommand } from "./Import.ts"
import { migrateCommand } from "./Migrate.ts"
import { objectCommand } from "./Object.ts"
import { produceCommand } from "./Produce.ts"
import { shadowCommand } from "./Shadow.ts"
import { sqlCommand } from "./Sql.ts"
import { tlsCommand } from "./Tls.ts"
import { topicCommand } from "./Topic.ts"
import { userCommand } from "./User.ts"
import { packageVersion } from "../packageVersion.ts"

/** Every command but `start`, which `main.ts` runs without `effect/cli`. A command is a file here and a line in this list. */
const tusk = Command.make("tusk").pipe(
  Command.withDescription("A Kafka broker in Postgres, and what operates it or any other Kafka"),
  Command.withSubcommands([
    topicCommand,
    groupCommand,
    produceCommand,
    consumeCommand,
    importCommand,
    configCommand,
    userCommand,
    aclCommand,
    shadowCommand,
    sqlCommand,
    migrateCommand,
    doctorCommand,
    backupCheckCommand,
    objectCommand,
    decodeCommand,
    tlsCommand
  ]),
  Command.withGlobalFlags([outputFlag, completionsFlag])
)

const config = CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version] })

/** Why a command did not end well, as one line; undefined if that is already told. */
const lineOf = (error: unknown): string | undefined => {
  if (error instanceof Found || (CliErrors.isCliError(error) && error._tag === "ShowHelp")) return undefined
  const message = error instanceof Error && error.message !== "" ? error.message : String(error)
  return message.split("\n")[0]!
}

const exitCodeOf = (error: unknown): number =>
  error instanceof Found
    ? error.code
    : error instanceof UsageError || CliErrors.isCliError(error)
      ? EXIT.usage
      : EXIT.failure

/** Runs a command line on the given streams. Returns the exit code; what failed is one line on standard error. */
export const runCommand = (args: ReadonlyArray<string>): Effect.Effect<number, never, Streams> =>
  Effect.gen(function* () {
    const { readerGone, stderr } = yield* Streams
    const run = Command.runWith(tusk, { version: packageVersion() })(args)
    const exit = yield* Effect.exit(Effect.raceFirst(run, readerGone))
    if (Exit.isSuccess(exit)) return EXIT.ok
    if (Cause.hasInterruptsOnly(exit.cause)) return EXIT.interrupted
    const error = Cause.squash(exit.cause)
    const line = lineOf(error)
    if (line !== undefined) yield* stderr.write(`tusk: ${line}\n`)
    return exitCodeOf(error)
  }).pipe(Effect.provide(Layer.mergeAll(commandServices, presenter, consoleOnStreams, config, nodeTransport)))

/** The same for this process: ^C and SIGTERM end it, finalizers run to their end. */
export const runProcess = async (args: ReadonlyArray<string>): Promise<number> => {
  const stop = new AbortController()
  let signalled: number | undefined
  for (const [signal, code] of [
    ["SIGINT", EXIT.interrupted],
    ["SIGTERM", EXIT.terminated]
  ] as const) {
    process.on(signal, () => {
      if (stop.signal.aborted) process.exit(code)
      signalled = code
      stop.abort()
    })
  }
  const program = runCommand(args).pipe(Effect.provide(processStreams))
  const exit = await Effect.runPromiseExit(program, { signal: stop.signal })
  if (Exit.isSuccess(exit)) return exit.value
  return signalled ?? EXIT.failure
}
