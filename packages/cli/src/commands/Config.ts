import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { CliError, UsageError } from "../CliError.ts"
import { alterConfigs, describeConfigs, RESOURCE_TYPES, resourceText } from "@tusk/client/admin/Configs"
import type { Resource, ResourceType } from "@tusk/client/admin/Configs"
import { findGroup } from "@tusk/client/admin/Groups"
import { KafkaClient } from "@tusk/client/KafkaClient"
import { note, printRows } from "../terminal/Printing.ts"
import { parsePairs } from "../values/Pairs.ts"
import { brokerFlags, switchFlag, valueOf, withClient } from "./CommonFlags.ts"
import { configPrint } from "./ConfigPrint.ts"
import { topicsNamed } from "./topicsNamed.ts"

const type = Argument.Literals("type", Object.keys(RESOURCE_TYPES) as ReadonlyArray<ResourceType>).pipe(
  Argument.withDescription("what has the configs")
)
const name = Argument.String("name").pipe(
  Argument.withDescription("a topic's or group's name, a broker's id; all for the default of all brokers")
)

/** A resource that is there: brokers answer for topics and ids alone. */
const resourceOf = (of: ResourceType, text: string) =>
  Effect.gen(function* () {
    const isBroker = of === "broker" || of === "broker-logger"
    const resource: Resource = { type: of, name: of === "broker" && text === "all" ? "" : text }
    if (of === "topic") yield* topicsNamed([text])
    if (!isBroker || resource.name === "") return resource
    const client = yield* KafkaClient
    const { brokers } = yield* client.metadata([])
    if (/^\d+$/.test(text) && brokers.has(Number(text))) return resource
    return yield* new CliError({ message: `there is no broker ${text}; there are ${[...brokers.keys()].join(", ")}` })
  })

/** Values that somebody set, beside the defaults and what a broker was started with; of a topic only its own. */
const isSet =
  (of: ResourceType) =>
  ({ source }: { readonly source: string }): boolean =>
    source.startsWith("DYNAMIC") && (of !== "topic" || source === "DYNAMIC_TOPIC_CONFIG")

const describe = Command.make(
  "describe",
  { type, name, all: switchFlag("all", "also defaults, and what brokers were started with") },
  Effect.fn(function* (flags) {
    const resource = yield* resourceOf(flags.type, flags.name)
    const configs = yield* describeConfigs(resource)
    const rows = flags.all ? configs : configs.filter(isSet(flags.type))
    yield* printRows(
      [
        { title: "NAME", of: (config) => config.name },
        { title: "VALUE", of: ({ isSensitive, value }) => (isSensitive ? "(hidden)" : value) },
        { title: "SOURCE", of: ({ source }) => source }
      ],
      rows
    )
    if (rows.length > 0) return
    const nobody = flags.type === "group" && (yield* findGroup(flags.name)) === undefined
    yield* note(`${resourceText(resource)} has no configs of its own${nobody ? ", and there is no such group" : ""}.`)
  }, withClient)
).pipe(
  Command.withDescription("Tells configs and where their values come from"),
  Command.withExamples([
    { command: "tusk config describe topic orders --all", description: "Every config of a topic" },
    { command: "tusk config describe broker 1" }
  ])
)

const set = Command.make(
  "set",
  { type, name, configs: Argument.String("name=value").pipe(Argument.atLeast(1)) },
  Effect.fn(function* (flags) {
    const configs = yield* valueOf(parsePairs(flags.configs, "config"))
    yield* alterConfigs(yield* resourceOf(flags.type, flags.name), configs)
    yield* printRows(
      [
        { title: "SET", of: (config) => config.name },
        { title: "VALUE", of: ({ value }) => value }
      ],
      Array.from(configs, ([config, value]) => ({ name: config, value }))
    )
  }, withClient)
).pipe(
  Command.withDescription("Sets configs, all or none"),
  Command.withExamples([
    { command: "tusk config set topic orders retention.ms=86400000 cleanup.policy=delete" },
    { command: "tusk config set group billing consumer.session.timeout.ms=60000" },
    { command: "tusk config set client-metrics slow interval.ms=5000 metrics=org.apache.kafka.producer" }
  ])
)

const unset = Command.make(
  "unset",
  { type, name, configs: Argument.String("config").pipe(Argument.atLeast(1)) },
  Effect.fn(function* (flags) {
    const wrong = flags.configs.find((config) => config.includes("="))
    if (wrong !== undefined) return yield* new UsageError({ message: `config ${wrong}: only its name` })
    yield* alterConfigs(yield* resourceOf(flags.type, flags.name), new Map(), flags.configs)
    yield* printRows(
      [{ title: "UNSET", of: (config) => config.name }],
      flags.configs.map((config) => ({ name: config }))
    )
  }, withClient)
).pipe(
  Command.withDescription("Takes configs back to what holds without them"),
  Command.withExamples([{ command: "tusk config unset topic orders retention.ms" }])
)

/** For help and completions: `main.ts` runs it without `effect/cli`, as `start`. */
const print = Command.make(
  "print",
  { flags: Argument.String("flags").pipe(Argument.withDescription("start's"), Argument.variadic()) },
  Effect.fn(function* ({ flags }) {
    const error = configPrint(["print", ...flags])
    if (error !== undefined) return yield* error
  })
).pipe(
  Command.withDescription("Prints every setting of start with its value and where it comes from; takes start's flags")
)

/** `tusk config`. */
export const configCommand = Command.make("config").pipe(
  Command.withDescription("Configs of topics, brokers, groups and client metrics; what start would go by"),
  Command.withSubcommands([describe, set, unset, print]),
  Command.withGlobalFlags(brokerFlags)
)
