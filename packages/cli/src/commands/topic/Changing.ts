/** `tusk topic create`, `alter`, `delete` and `delete-records`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError, UsageError } from "../../CliError.ts"
import { alterConfigs } from "@tusk/client/admin/Configs"
import { deleteRecords } from "@tusk/client/admin/Offsets"
import { createPartitions, createTopic, deleteTopic } from "@tusk/client/admin/Topics"
import { Refused } from "@tusk/client/ClientError"
import { KafkaClient } from "@tusk/client/KafkaClient"
import { note, printRows } from "../../terminal/Printing.ts"
import { parsePairs } from "../../values/Pairs.ts"
import { parsePlace, PLACE_HELP } from "../../values/Place.ts"
import { listFlag, switchFlag, valueOf, withClient } from "../CommonFlags.ts"
import { each } from "../each.ts"
import { offsetsOf, partitionsOf } from "../places.ts"
import { topicsNamed } from "../topicsNamed.ts"

const TOPIC_ALREADY_EXISTS = 36
const UNKNOWN_TOPIC_OR_PARTITION = 3

const names = Argument.String("topic").pipe(Argument.atLeast(1))

/** Told in a note, and no failure, if `ignored`. */
const unless = (ignored: boolean, code: number) => (error: Refused) =>
  ignored && error.code === code ? Effect.as(note(`tusk: ${error.message}`), undefined) : Effect.fail(error)

const create = Command.make(
  "create",
  {
    topics: names,
    partitions: Flag.Int("partitions").pipe(
      Flag.withAlias("p"),
      Flag.withMetavar("N"),
      Flag.withDescription("how many (the broker's default)"),
      Flag.withDefault(-1)
    ),
    replicationFactor: Flag.Int("replication-factor").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("how many copies of each partition (the broker's default)"),
      Flag.withDefault(-1)
    ),
    config: listFlag("config", "NAME=VALUE", "a config of the topic"),
    ifNotExists: switchFlag("if-not-exists", "a topic that is there already is no error"),
    dryRun: switchFlag("dry-run", "only look whether it could be made")
  },
  Effect.fn(function* ({ config, dryRun, ifNotExists, partitions, replicationFactor, topics }) {
    const configs = yield* valueOf(parsePairs(config, "--config"))
    yield* each(
      topics,
      (name) =>
        createTopic({ name, partitions, replicationFactor, configs }, dryRun).pipe(
          Effect.catchTag("Refused", unless(ifNotExists, TOPIC_ALREADY_EXISTS))
        ),
      (made) =>
        printRows(
          [
            { title: "TOPIC", of: ({ name }) => name },
            { title: "ID", of: ({ topicId }) => topicId },
            { title: "PARTITIONS", of: (topic) => topic.partitions, right: true },
            { title: "REPLICAS", of: (topic) => topic.replicationFactor, right: true }
          ],
          made.filter((topic) => topic !== undefined)
        )
    )
  }, withClient)
).pipe(
  Command.withDescription("Makes topics"),
  Command.withExamples([
    {
      command: "tusk topic create orders --partitions 6 --config retention.ms=86400000",
      description: "Six partitions, records kept for a day"
    }
  ])
)

const alter = Command.make(
  "alter",
  {
    topics: names,
    partitions: Flag.Int("partitions").pipe(
      Flag.withAlias("p"),
      Flag.withMetavar("N"),
      Flag.withDescription("how many it is to have in all: never fewer than before"),
      Flag.optional
    ),
    config: listFlag("config", "NAME=VALUE", "a config to set"),
    deleteConfig: listFlag("delete-config", "NAME", "a config to take back to its default")
  },
  Effect.fn(function* ({ config, deleteConfig, partitions, topics }) {
    const set = yield* valueOf(parsePairs(config, "--config"))
    if (set.size + deleteConfig.length === 0 && Option.isNone(partitions)) {
      return yield* new UsageError({ message: "give --partitions, --config or --delete-config" })
    }
    yield* each(
      topics,
      Effect.fn(function* (name) {
        if (Option.isSome(partitions)) yield* createPartitions(name, partitions.value)
        if (set.size + deleteConfig.length > 0) yield* alterConfigs({ type: "topic", name }, set, deleteConfig)
        return { name }
      }),
      (changed) => printRows([{ title: "ALTERED", of: ({ name }) => name }], changed)
    )
  }, withClient)
).pipe(
  Command.withDescription("Changes topics: more partitions, other configs"),
  Command.withExamples([
    { command: "tusk topic alter orders --partitions 12", description: "Keys go to other partitions from then on" },
    { command: "tusk topic alter orders --config cleanup.policy=compact --delete-config retention.ms" }
  ])
)

const remove = Command.make(
  "delete",
  { topics: names, ifExists: switchFlag("if-exists", "a topic that is not there is no error") },
  Effect.fn(function* ({ ifExists, topics }) {
    yield* each(
      topics,
      (name) =>
        deleteTopic(name).pipe(
          Effect.as({ name }),
          Effect.catchTag("Refused", unless(ifExists, UNKNOWN_TOPIC_OR_PARTITION))
        ),
      (gone) =>
        printRows(
          [{ title: "DELETED", of: ({ name }) => name }],
          gone.filter((topic) => topic !== undefined)
        )
    )
  }, withClient)
).pipe(
  Command.withDescription("Deletes topics, with all they hold"),
  Command.withExamples([{ command: "tusk topic delete orders", description: "It does not ask again" }])
)

const records = Command.make(
  "delete-records",
  {
    topic: Argument.String("topic"),
    before: Flag.String("before").pipe(
      Flag.withMetavar("WHERE"),
      Flag.withDescription(`where the partitions are to begin: ${PLACE_HELP}`)
    ),
    partitions: Flag.Int("partition").pipe(
      Flag.withMetavar("N"),
      Flag.withDescription("only of this partition (may be given several times)"),
      Flag.atLeast(0)
    )
  },
  Effect.fn(function* ({ before, partitions, topic }) {
    const place = yield* valueOf(parsePlace(before, "before"))
    const all = partitionsOf(yield* topicsNamed([topic]))
    const places = partitions.length === 0 ? all : partitions.map((partition) => ({ topic, partition }))
    const { options } = yield* KafkaClient
    const offsets = yield* offsetsOf(places, place)
    const outcomes = yield* deleteRecords(offsets, options.requestTimeoutMs)
    const rows = outcomes.flatMap(({ partition, result }) =>
      result instanceof Refused ? [] : [{ topic, partition, lowWatermark: result.lowWatermark }]
    )
    yield* printRows(
      [
        { title: "TOPIC", of: (row) => row.topic },
        { title: "PARTITION", of: ({ partition }) => partition, right: true },
        { title: "BEGINS", of: ({ lowWatermark }) => lowWatermark, right: true }
      ],
      rows
    )
    const failures = outcomes.flatMap(({ result }) => (result instanceof Refused ? [result] : []))
    for (const { message } of failures.slice(1)) yield* note(`tusk: ${message}`)
    if (failures[0] !== undefined) return yield* new CliError({ message: failures[0].message })
  }, withClient)
).pipe(
  Command.withDescription("Deletes the records before an offset"),
  Command.withExamples([
    { command: "tusk topic delete-records orders --before latest", description: "All records that are there now" },
    { command: "tusk topic delete-records orders --partition 0 --before 1000" }
  ])
)

/** Commands that change topics. */
export const changing = [create, alter, remove, records] as const
