import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Option from "effect/Option"
import { CliError, UsageError } from "../CliError.ts"
import { isSecret, securityOf, userWithoutPassword } from "@tusk/client/security/ClientSecurity"
import { readClientConfig } from "@tusk/client/security/ClientConfigFile"
import type { Told } from "@tusk/client/security/KeyStores"
import { orCliError, readSecret } from "../Files.ts"
import { Streams } from "../terminal/Streams.ts"
import { parsePairs } from "../values/Pairs.ts"

const commandConfig = GlobalFlag.Setting("command-config")({
  flag: Flag.String("command-config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("security.protocol, sasl.* and ssl.*, as Kafka's own tools read them [TUSK_COMMAND_CONFIG]"),
    Flag.withFallbackConfig(Config.String("TUSK_COMMAND_CONFIG")),
    Flag.optional
  )
})

const commandProperty = GlobalFlag.Setting("command-property")({
  flag: Flag.String("command-property").pipe(
    Flag.withMetavar("NAME=VALUE"),
    Flag.withDescription("one line more of that file, if it is no secret (may be given several times)"),
    Flag.atLeast(0)
  )
})

/** Of every command that talks to brokers. */
export const securityFlags = [commandConfig, commandProperty] as const

/** Variables for what containers are given one by one; the last is a file that holds a secret. */
const VARIABLES = {
  TUSK_SECURITY_PROTOCOL: "security.protocol",
  TUSK_SASL_MECHANISM: "sasl.mechanism",
  TUSK_SASL_USERNAME: "sasl.username",
  TUSK_SASL_PASSWORD: "sasl.password",
  TUSK_SASL_PASSWORD_FILE: "sasl.password"
} as const

type Entries = ReadonlyArray<readonly [name: string, told: Told]>

const ofEnvironment = (env: NodeJS.ProcessEnv): Entries | CliError => {
  const entries: Array<Entries[number]> = []
  for (const [variable, name] of Object.entries(VARIABLES)) {
    const text = env[variable] ?? ""
    if (text === "") continue
    const value = variable.endsWith("_FILE") ? readSecret(text, variable) : text
    if (value instanceof CliError) return value
    entries.push([name, { value, origin: variable }])
  }
  return entries
}

const ofFlags = (texts: ReadonlyArray<string>): Entries | UsageError => {
  const pairs = parsePairs(texts, "--command-property")
  if (pairs instanceof UsageError) return pairs
  for (const name of pairs.keys()) {
    if (!isSecret(name)) continue
    return new UsageError({
      message: `--command-property ${name}: a secret belongs into a file, where ps does not show it`
    })
  }
  return Array.from(pairs, ([name, value]) => [name, { value, origin: `--command-property ${name}` }])
}

/** Later ones win; who names a user means that one, and not the one of a file's `sasl.jaas.config`. */
const merged = (layers: ReadonlyArray<Entries>): Map<string, Told> => {
  const properties = new Map<string, Told>()
  for (const layer of layers) {
    if (layer.some(([name]) => name === "sasl.username")) properties.delete("sasl.jaas.config")
    for (const [name, told] of layer) properties.set(name, told)
  }
  return properties
}

const told = Effect.gen(function* () {
  const file = Option.getOrUndefined(yield* commandConfig) ?? ""
  const ofAFile = file === "" ? [] : orCliError(readClientConfig(file, "--command-config"))
  if (ofAFile instanceof CliError) return yield* ofAFile
  const environment = ofEnvironment(process.env)
  if (environment instanceof CliError) return yield* environment
  const flags = ofFlags(yield* commandProperty)
  if (flags instanceof UsageError) return yield* flags
  return merged([ofAFile, environment, flags])
})

/** How brokers are spoken with: flags over environment over file. A password that nobody told is asked for, on a terminal. */
export const clientSecurity = Effect.gen(function* () {
  const properties = yield* told
  const { stdin } = yield* Streams
  const user = stdin.isTerminal ? userWithoutPassword(properties) : undefined
  if (user !== undefined) {
    const value = yield* stdin.secret(`Password of ${user}: `)
    properties.set("sasl.password", { value, origin: "the terminal" })
  }
  const security = orCliError(securityOf(properties))
  return security instanceof CliError ? yield* security : security
})
