import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { securityOfFile } from "@tusk/client/security/ClientConfigFile"
import { CliError, UsageError } from "../CliError.ts"
import { orCliError } from "../Files.ts"
import { KafkaClient, makeKafkaClient } from "@tusk/client/KafkaClient"
import { parseBootstrap } from "../values/Bootstrap.ts"
import { parseDuration } from "../values/Duration.ts"
import { packageVersion } from "../packageVersion.ts"
import { clientSecurity, securityFlags } from "./SecurityFlags.ts"

/** A flag without a value: false if it is not given. */
export const switchFlag = (name: string, description: string): Flag.Flag<boolean> =>
  Flag.Boolean(name).pipe(Flag.withoutNegation, Flag.withDescription(description), Flag.withDefault(false))

/** A flag that may be given several times. */
export const listFlag = (name: string, metavar: string, description: string): Flag.Flag<ReadonlyArray<string>> =>
  Flag.String(name).pipe(
    Flag.withMetavar(metavar),
    Flag.withDescription(`${description} (may be given several times)`),
    Flag.atLeast(0)
  )

/** What a parser of `values/` answered, as an effect. */
export const valueOf = <A>(parsed: A | UsageError): Effect.Effect<A, UsageError> =>
  parsed instanceof UsageError ? Effect.fail(parsed) : Effect.succeed(parsed)

/** A time span of a flag, in milliseconds. */
export const durationOf = (text: string, flag: string): Effect.Effect<number, UsageError> => {
  const ms = parseDuration(text)
  return ms === undefined
    ? Effect.fail(new UsageError({ message: `--${flag} ${text}: not a time span such as 500ms, 1h30m or PT1H30M` }))
    : Effect.succeed(ms)
}

export const bootstrapFlag = GlobalFlag.Setting("bootstrap-server")({
  flag: Flag.String("bootstrap-server").pipe(
    Flag.withAlias("b"),
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription(
      "a broker to begin with, or several with commas between [TUSK_BOOTSTRAP_SERVER] (127.0.0.1:9092)"
    ),
    Flag.withFallbackConfig(Config.String("TUSK_BOOTSTRAP_SERVER")),
    Flag.withDefault("127.0.0.1:9092")
  )
})

export const timeoutFlag = GlobalFlag.Setting("timeout")({
  flag: Flag.String("timeout").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("how long an answer may take (30s)"),
    Flag.withDefault("30s")
  )
})

/** Of every command that talks to brokers. */
export const brokerFlags = [bootstrapFlag, timeoutFlag, ...securityFlags] as const

/** Runs a command with a client of the cluster that its flags name; connections are closed at its end. */
export const withClient = <A, E, R>(command: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    const bootstrap = yield* valueOf(parseBootstrap(yield* bootstrapFlag))
    const timeoutMs = yield* durationOf(yield* timeoutFlag, "timeout")
    const client = yield* makeKafkaClient({
      bootstrap,
      clientId: "tusk",
      softwareVersion: packageVersion(),
      requestTimeoutMs: timeoutMs,
      retryMs: timeoutMs,
      security: yield* clientSecurity
    })
    return yield* Effect.provideService(command, KafkaClient, client)
  }).pipe(Effect.scoped)

/** A client of another cluster beside that one, whose flags are its own. */
export const otherClient = (bootstrapServers: string, flag: string, configFile: string | undefined) =>
  Effect.gen(function* () {
    const bootstrap = yield* valueOf(parseBootstrap(bootstrapServers, flag))
    const timeoutMs = yield* durationOf(yield* timeoutFlag, "timeout")
    const security = configFile === undefined ? undefined : orCliError(securityOfFile(configFile, `--${flag}-config`))
    if (security instanceof CliError) return yield* security
    return yield* makeKafkaClient({
      bootstrap,
      clientId: "tusk",
      softwareVersion: packageVersion(),
      requestTimeoutMs: timeoutMs,
      retryMs: timeoutMs,
      ...(security === undefined ? {} : { security })
    })
  })
