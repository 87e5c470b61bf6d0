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
import { readStartOptions } from "../StartOptions.ts"
import type { StartOptions } from "../StartOptions.ts"

/** Under npm Ctrl-C comes twice at once, from the terminal and from npm. A second signal counts only after so long. */
const SECOND_SIGNAL_MS = 500

/** Serves until a signal comes. A second one ends the process at once. */
export const start = async (args: ReadonlyArray<string>): Promise<CliError | undefined> => {
  const options = readStartOptions(args, process.env)
  if (options instanceof CliError) return options
  for (const warning of options.warnings) process.stderr.write(`tusk: warning: ${warning}\n`)

  // Asked at the start: later the terminal may be gone.
  const hasTerminal = [0, 1, 2].some((stream) => isatty(stream))
  const stop = new AbortController()
  let stoppedAt = 0
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      // As under nohup: Node undoes its SIG_IGN when it starts.
      if (signal === "SIGHUP" && !hasTerminal) {
        process.stderr.write("tusk: SIGHUP, with no terminal to lose: it goes on; SIGTERM or SIGINT stops it\n")
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
      const { place, tusk, watch } = yield* serve(options)
      process.stdout.write(greeting(tusk, place))
      yield* Effect.onInterrupt(watch, () => Effect.sync(() => process.stdout.write("Stopping.\n")))
    })
  ).pipe(
    Effect.provide(Logger.layer([process.stderr.isTTY ? Logger.consolePretty() : jsonToStderr])),
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
  if (error instanceof CliError) return error
  return new CliError({ message: (error instanceof Error ? error.message : String(error)).split("\n")[0]! })
}

const jsonToStderr = Logger.make((options) => {
  process.stderr.write(`${Logger.formatJson.log(options)}\n`)
})

interface Serving {
  readonly tusk: Tusk["Service"]
  /** Where the data is, as text for people. */
  readonly place: string
  /** Looks after what Tusk started itself; fails if it cannot go on. */
  readonly watch: Effect.Effect<never, CliError>
}

const serve = (options: StartOptions): Effect.Effect<Serving, unknown, Scope.Scope> => {
  const { listeners, settings, storage } = options
  const common: TuskOptions = { listeners, settings }
  const limits = {
    startTimeoutMs: settings.databaseStartTimeoutMs,
    statementTimeoutMs: settings.databaseStatementTimeoutMs,
    lockTimeoutMs: settings.databaseLockTimeoutMs
  }
  switch (storage._tag) {
    case "Memory": {
      const memory = storage.bytes === undefined ? common : { ...common, memoryBytes: storage.bytes }
      return Effect.map(build(Tusk.layerMemory(memory)), (tusk) => ({
        tusk,
        place: "in memory, gone when it stops",
        watch: Effect.never
      }))
    }
    case "Postgres": {
      const { standby, url } = storage
      const pg = { url, environment: process.env, ...limits, standby }
      return Effect.gen(function* () {
        const tusk = yield* build(Tusk.layerPg({ ...common, pg }))
        const { describeTarget, resolveOptions } = yield* Effect.promise(
          () => import("@tusk/storage/pg/options/PgOptions")
        )
        return {
          tusk,
          place: `in Postgres, schema kafka, ${describeTarget(resolveOptions(pg))}`,
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
        return { tusk, watch, place: `in ${storage.dataDir} (psql -h ${socketDirectory} -U ${user})` }
      })
  }
}

const build = <E>(layer: Layer.Layer<Tusk, E>): Effect.Effect<Tusk["Service"], E, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    return Context.get(yield* Layer.buildWithScope(layer, scope), Tusk)
  })

const greeting = (tusk: Tusk["Service"], place: string): string => {
  const lines = tusk.listeners.map(({ host, name, port }) => {
    const address = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`
    return `Tusk listens on ${address}${tusk.listeners.length > 1 ? ` (${name})` : ""}`
  })
  const [server] = tusk.bootstrapServers.split(",")
  return [
    ...lines,
    `Data: ${place}`,
    `Try:  kcat -P -b ${server} -t hello    (type lines, then Ctrl-D; kcat -C -b ${server} -t hello reads them)`,
    `      new Kafka({ brokers: ["${server}"] })    (kafkajs)`,
    ""
  ].join("\n")
}
