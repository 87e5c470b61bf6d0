import { makeKafkaClient } from "@tusk/client/KafkaClient"
import type { ClientOptions } from "@tusk/client/KafkaClient"
import { securityOfFile } from "@tusk/client/security/ClientConfigFile"
import { settingDefinitions } from "@tusk/server/config/SettingDefinitions"
import { clientSource } from "@tusk/server/shadow/ClientSource"
import { clientTarget } from "@tusk/server/shadow/ClientTarget"
import { memoryRows } from "@tusk/server/shadow/memoryRows"
import type { PartitionLag } from "@tusk/server/shadow/Progress"
import { Shadow } from "@tusk/server/shadow/Shadow"
import type { ShadowOptions } from "@tusk/server/shadow/Shadow"
import { topicsLike } from "@tusk/server/shadow/topicsLike"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { shadowRowsOf } from "@tusk/storage/pg/PgStore/shadowRows"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import { CliError, UsageError } from "../CliError.ts"
import { orCliError } from "../Files.ts"
import { packageVersion } from "../packageVersion.ts"
import { note } from "../terminal/Printing.ts"
import { Streams } from "../terminal/Streams.ts"
import { parseBootstrap } from "../values/Bootstrap.ts"
import { bootstrapFlag, brokerFlags, durationOf, listFlag, switchFlag, timeoutFlag, valueOf } from "./CommonFlags.ts"
import { databaseFlags, databaseUrl, schemaOf } from "./DatabaseFlags.ts"
import { clientSecurity } from "./SecurityFlags.ts"

const LOOK_MS = 200
/** How often it is looked for new records. */
const POLL_MS = 100

const flags = {
  ...databaseFlags,
  to: Flag.String("to").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription("brokers of the other Kafka; --command-config says how that is spoken with")
  ),
  topics: listFlag("topics", "REGEX", "which topics, by their whole names, as in 'orders.*'; all but internal ones"),
  noFiller: switchFlag(
    "no-filler",
    "no filler records where the log has none: offsets differ, and kafka.shadow_offsets maps them"
  ),
  fromConfig: Flag.String("from-config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("how the Tusk at --bootstrap-server is spoken with, a file as --command-config"),
    Flag.optional
  ),
  interval: Flag.String("interval").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("how often topics, configs and groups are mirrored (10s)"),
    Flag.withDefault("10s")
  ),
  once: switchFlag("once", "end when all is forwarded that is there; else it goes on until it is stopped")
}

/** A line of the shadow's, on standard error. */
const logging = Effect.map(Streams, ({ stderr }) =>
  Logger.layer([
    Logger.make(({ message }) => {
      const text = Array.isArray(message) ? message.join(" ") : String(message)
      Effect.runFork(stderr.write(`tusk: ${text}\n`))
    })
  ])
)

/** Where it keeps how far it is: the database of the Tusk, if one is named. */
const rowsOf = Effect.fnUntraced(function* (given: {
  readonly databaseUrl: Option.Option<string>
  readonly schema: Option.Option<string>
}) {
  const url = yield* Effect.option(databaseUrl(given))
  if (Option.isNone(url)) {
    yield* note("tusk: no database is named: how far it is, is known only as long as this command runs")
    return memoryRows()
  }
  const target = yield* Effect.try({
    try: () => resolveOptions({ url: url.value, schema: schemaOf(given), environment: process.env }),
    catch: (error) => new CliError({ message: (error as Error).message })
  })
  const rows = yield* shadowRowsOf(connect(target, "tusk/shadow"))
  // A database without the tables is told now.
  yield* rows.producer("")
  return rows
})

/** Whether all that is there is forwarded; fails with why not, once nothing more can come. */
const isDone = (lags: ReadonlyArray<PartitionLag>): boolean =>
  lags.every(({ lag, stoppedWhy }) => stoppedWhy !== undefined || lag === 0)

const until = (shadow: Shadow): Effect.Effect<void, CliError> =>
  Effect.gen(function* () {
    while (!shadow.isComplete() || !isDone(shadow.lags())) yield* Effect.sleep(LOOK_MS)
    yield* Effect.mapError(shadow.mirrorGroups, ({ message }) => new CliError({ message }))
    const lags = shadow.lags()
    const stopped = lags.flatMap(({ partition, stoppedWhy, topic }) =>
      stoppedWhy === undefined ? [] : [`${topic}-${partition}: ${stoppedWhy}`]
    )
    for (const [topic, why] of shadow.refused()) stopped.push(`${topic}: ${why}`)
    if (lags.length === 0 && stopped.length === 0)
      return yield* new CliError({ message: "no topic is to be forwarded" })
    if (stopped.length > 0) return yield* new CliError({ message: `not forwarded: ${stopped.join("; ")}` })
  })

/** `tusk shadow`. */
export const shadowCommand = Command.make(
  "shadow",
  flags,
  Effect.fn(function* ({ interval, noFiller, once, fromConfig, to, topics, ...database }) {
    const wants = topicsLike(topics.length === 0 ? [".*"] : topics.flatMap((each) => each.split(",")))
    if (typeof wants === "string") return yield* new UsageError({ message: `--topics ${wants}` })
    const timeoutMs = yield* durationOf(yield* timeoutFlag, "timeout")
    const intervalMs = yield* durationOf(interval, "interval")
    const file = Option.getOrUndefined(fromConfig)
    const ofSource = file === undefined ? {} : orCliError(securityOfFile(file, "--from-config"))
    if (ofSource instanceof CliError) return yield* ofSource
    const options = (bootstrap: ClientOptions["bootstrap"], security: ClientOptions["security"]): ClientOptions => ({
      bootstrap,
      clientId: "tusk-shadow",
      softwareVersion: packageVersion(),
      requestTimeoutMs: timeoutMs,
      retryMs: timeoutMs,
      ...(security === undefined ? {} : { security })
    })
    const from = yield* makeKafkaClient(options(yield* valueOf(parseBootstrap(yield* bootstrapFlag)), ofSource))
    const other = yield* makeKafkaClient(options(yield* valueOf(parseBootstrap(to, "to")), yield* clientSecurity))
    const shadowOptions: ShadowOptions = {
      wants,
      fills: !noFiller,
      bufferBytes: Number(settingDefinitions.shadowBufferBytes.defaultValue),
      openBytes: Number(settingDefinitions.decompressedMaxBytes.defaultValue),
      mapMost: Number(settingDefinitions.shadowMapMaxEntries.defaultValue),
      intervalMs
    }
    const rows = yield* rowsOf(database)
    const source = yield* clientSource(from, POLL_MS)
    const shadow = new Shadow({ source, target: clientTarget(other), rows }, shadowOptions)
    const run = Effect.provide(shadow.run, yield* logging)
    yield* once ? Effect.raceFirst(run, until(shadow)) : run
  }, Effect.scoped)
).pipe(
  Command.withDescription(
    "Forwards Tusk's log to another Kafka: records with their offsets, topics, configs and the offsets of groups; exactly once, " +
      "however often it is stopped. tusk.shadow.to does the same inside the broker"
  ),
  Command.withGlobalFlags([...brokerFlags])
)
