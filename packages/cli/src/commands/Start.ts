import { Tusk } from "@tusk/server/Tusk"
import type { TuskOptions } from "@tusk/server/Tusk"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { isatty } from "node:tty"
import { CliError } from "../CliError.ts"
import { linesIn } from "../log/lines.ts"
import { plainEntry } from "../log/LogEntry.ts"
import { readStartOptions } from "../StartOptions.ts"
import type { StartOptions } from "../StartOptions.ts"
import { greetingLine, greetingText } from "./Greeting.ts"
import type { Greeting } from "./Greeting.ts"
import { exporting, observing } from "../telemetry/observing.ts"

/** Under npm Ctrl-C comes twice at once, from the terminal and from npm. A second signal counts only after so long. */
const SECOND_SIGNAL_MS = 500

/** Serves until a signal comes. A second one ends the process at once. */
export const start = async (args: ReadonlyArray<string>): Promise<CliError | undefined> => {
  const options = readStartOptions(args, process.env)
  if (options instanceof CliError) return options
  const { logger, write } = linesIn(options.logFormat ?? (process.stderr.isTTY ? "pretty" : "json"))
  /** A line of the command itself, whatever the level: for programs as all others, else as text for people. */
  const say = (stream: NodeJS.WriteStream, text: string, level: "info" | "warn", line: Line): void => {
    if (write === undefined) stream.write(text)
    else write(plainEntry(new Date(), level, line.message, line.fields))
  }
  for (const warning of options.warnings) {
    say(process.stderr, `tusk: warning: ${warning}\n`, "warn", { message: warning })
  }

  // Asked at the start: later the terminal may be gone.
  const hasTerminal = [0, 1, 2].some((stream) => isatty(stream))
  const stop = new AbortController()
  let stoppedAt = 0
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // As under nohup: Node undoes its SIG_IGN when it starts.
      if (signal === "SIGHUP" && !hasTerminal) {
        const message = "SIGHUP, with no terminal to lose: it goes on; SIGTERM or SIGINT stops it"
        say(process.stderr, `tusk: ${message}\n`, "info", { message })
        return
      }
      if (!stop.signal.aborted) {
        stoppedAt = performance.now()
        stop.abort()
      } else if (performance.now() - stoppedAt > SECOND_SIGNAL_MS) process.exit(130)
    })
  }
  const program = Effect.scoped(
    Effect.gen(function* () {
      const { watch, ...serving } = yield* serve(options)
      if (options.otel !== undefined) yield* Effect.forkScoped(exporting(serving.tusk, options.otel))
      // Standard output is the port's alone, if it was asked for.
      const told = options.printPort ? process.stderr : process.stdout
      say(told, greetingText(serving), "info", greetingLine(serving))
      if (options.printPort) process.stdout.write(`${serving.tusk.listeners[0]!.port}\n`)
      const stopping = () => say(told, "Stopping.\n", "info", { message: "Stopping." })
      yield* Effect.onInterrupt(watch, () => Effect.sync(stopping))
    })
  ).pipe(
    observing(options.otel),
    Effect.provide(Logger.layer([logger])),
    Effect.provideService(Logger.LogToStderr, options.printPort),
    Effect.provideService(References.MinimumLogLevel, options.logLevel)
  )
  // A signal interrupts what is under way, the start too; finalizers run to their end.
  const exit = await Effect.runPromiseExit(program, { signal: stop.signal })
  if (Exit.isSuccess(exit) || Cause.hasInterruptsOnly(exit.cause)) {
    // What a library keeps open must not keep the process alive.
    setImmediate(() => process.exit(0))
    return undefined
  }
  const error = Cause.squash(exit.cause)
  const message =
    error instanceof CliError ? error.message : (error instanceof Error ? error.message : String(error)).split("\n")[0]!
  if (write === undefined) return new CliError({ message })
  write(plainEntry(new Date(), "error", message))
  process.exitCode = 1
  return undefined
}

interface Line {
  readonly message: string
  readonly fields?: Record<string, unknown>
}

interface Serving extends Greeting {
  /** Looks after what Tusk started itself; fails if it cannot go on. */
  readonly watch: Effect.Effect<never, CliError>
}

const serve = (options: StartOptions): Effect.Effect<Serving, unknown, Scope.Scope> => {
  const { admin, listeners, settings, storage, users } = options
  const common: TuskOptions = { listeners, settings, users, ...(admin === undefined ? {} : { admin }) }
  const limits = {
    startTimeoutMs: settings.databaseStartTimeoutMs,
    statementTimeoutMs: settings.databaseStatementTimeoutMs,
    lockTimeoutMs: settings.databaseLockTimeoutMs,
    tableSessions: settings.sqlMaterialiseSessions,
    cachedPointers: settings.objectCachePointers
  }
  switch (storage._tag) {
    case "Memory": {
      const memory = storage.bytes === undefined ? common : { ...common, memoryBytes: storage.bytes }
      return Effect.map(build(Tusk.layerMemory(memory)), (tusk) => ({
        tusk,
        storage: "memory" as const,
        place: "in memory, gone when it stops",
        watch: Effect.never
      }))
    }
    case "Postgres": {
      const { schema, standby, url } = storage
      const pg = { url, environment: process.env, ...limits, standby, schema }
      return Effect.gen(function* () {
        const tusk = yield* build(Tusk.layerPg({ ...common, pg }))
        const { describeTarget, resolveOptions } = yield* Effect.promise(
          () => import("@tusk/storage/pg/options/PgOptions")
        )
        const target = resolveOptions(pg)
        return {
          tusk,
          storage: "postgres" as const,
          place: `in Postgres, schema ${target.schema}, ${describeTarget(target)}`,
          watch: Effect.never
        }
      })
    }
    case "Embedded":
      return Effect.gen(function* () {
        const embedded = yield* Effect.promise(() => import("../embedded-postgres/EmbeddedPostgres.ts"))
        const server = yield* embedded.start(storage.dataDir)
        const { database, port, socketDirectory, user, watch } = server
        const pg = { host: socketDirectory, port, user, database, ...limits }
        const tusk = yield* build(Tusk.layerPg({ ...common, pg }))
        server.own()
        return {
          tusk,
          watch,
          storage: "embedded" as const,
          place: `in ${storage.dataDir} (psql -h ${socketDirectory} -U ${user})`
        }
      })
  }
}

const build = <E>(layer: Layer.Layer<Tusk, E>): Effect.Effect<Tusk["Service"], E, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    return Context.get(yield* Layer.buildWithScope(layer, scope), Tusk)
  })
