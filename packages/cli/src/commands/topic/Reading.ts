/** `tusk topic list`, `describe` and `offsets`. */
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { describeConfigs } from "@tusk/client/admin/Configs"
import { EARLIEST, LATEST } from "@tusk/client/admin/Offsets"
import { KafkaClient } from "@tusk/client/KafkaClient"
import type { PartitionMetadata, TopicMetadata } from "@tusk/client/Metadata"
import { outputFormat, printRows } from "../../terminal/Printing.ts"
import { Streams } from "../../terminal/Streams.ts"
import { tableText } from "../../terminal/Table.ts"
import type { Column } from "../../terminal/Table.ts"
import { parsePlace, PLACE_HELP } from "../../values/Place.ts"
import { switchFlag, valueOf, withClient } from "../CommonFlags.ts"
import { offsetsAt, offsetsOf, partitionsOf } from "../places.ts"
import { topicsNamed } from "../topicsNamed.ts"

const list = Command.make(
  "list",
  { internal: switchFlag("internal", "also topics that Kafka keeps for itself, such as __consumer_offsets") },
  Effect.fn(function* ({ internal }) {
    const client = yield* KafkaClient
    const { topics } = yield* client.metadata(null)
    const rows = [...topics.values()]
      .filter(({ isInternal }) => internal || !isInternal)
      .map(({ isInternal, name, partitions }) => ({ name, partitions: partitions.length, isInternal }))
      .sort((a, b) => (a.name < b.name ? -1 : 1))
    yield* printRows(
      [
        { title: "TOPIC", of: ({ name }) => name },
        { title: "PARTITIONS", of: ({ partitions }) => partitions, right: true }
      ],
      rows
    )
  }, withClient)
).pipe(
  Command.withDescription("Lists the topics"),
  Command.withExamples([
    { command: "tusk topic list", description: "All topics, with how many partitions they have" },
    { command: "tusk topic list -b kafka.example:9092 --output json", description: "Of another cluster, as JSON" }
  ])
)

interface Described {
  readonly name: string
  readonly topicId: string | null
  readonly isInternal: boolean
  readonly partitions: ReadonlyArray<Omit<PartitionMetadata, "error" | "leaderEpoch">>
  readonly configs: Readonly<Record<string, string | null>>
}

const describeOne = (topic: TopicMetadata) =>
  Effect.gen(function* () {
    const configs = yield* describeConfigs({ type: "topic", name: topic.name })
    const own = configs.filter(({ source }) => source === "DYNAMIC_TOPIC_CONFIG")
    return {
      name: topic.name,
      topicId: topic.topicId,
      isInternal: topic.isInternal,
      partitions: topic.partitions.map(({ isr, leader, partition, replicas }) => ({
        partition,
        leader,
        replicas,
        isr
      })),
      configs: Object.fromEntries(own.map(({ name, value }) => [name, value]))
    } satisfies Described
  })

const summary: ReadonlyArray<Column<Described>> = [
  { title: "TOPIC", of: ({ name }) => name },
  { title: "ID", of: ({ topicId }) => topicId },
  { title: "PARTITIONS", of: ({ partitions }) => partitions.length, right: true },
  { title: "REPLICAS", of: ({ partitions }) => partitions[0]?.replicas.length ?? 0, right: true },
  {
    title: "CONFIGS",
    of: ({ configs }) =>
      Object.entries(configs)
        .map(([name, value]) => `${name}=${value}`)
        .join(",") || null
  }
]

const partitionColumns: ReadonlyArray<Column<{ readonly topic: string } & Described["partitions"][number]>> = [
  { title: "TOPIC", of: ({ topic }) => topic },
  { title: "PARTITION", of: ({ partition }) => partition, right: true },
  { title: "LEADER", of: ({ leader }) => leader, right: true },
  { title: "REPLICAS", of: ({ replicas }) => replicas.join(",") },
  { title: "ISR", of: ({ isr }) => isr.join(",") }
]

const describe = Command.make(
  "describe",
  {
    topics: Argument.String("topic").pipe(Argument.withDescription("all topics if none is named"), Argument.variadic())
  },
  Effect.fn(function* ({ topics }) {
    const named = yield* topicsNamed(topics)
    const described = yield* Effect.forEach(named, describeOne)
    const format = yield* outputFormat
    if (format === "json") return yield* printRows([], described)
    const { stdout } = yield* Streams
    if (format === "table") yield* stdout.write(`${tableText(summary, described, stdout.canColor)}\n`)
    yield* printRows(
      partitionColumns,
      described.flatMap(({ name, partitions }) => partitions.map((each) => ({ topic: name, ...each })))
    )
  }, withClient)
).pipe(
  Command.withDescription("Tells the partitions of topics, and the configs they have of their own"),
  Command.withExamples([{ command: "tusk topic describe orders", description: "One topic" }])
)

const ends = (names: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const places = partitionsOf(yield* topicsNamed(names))
    const [first, last] = yield* Effect.all([offsetsAt(places, EARLIEST), offsetsAt(places, LATEST)], {
      concurrency: 2
    })
    yield* printRows(
      [
        { title: "TOPIC", of: ({ topic }) => topic },
        { title: "PARTITION", of: ({ partition }) => partition, right: true },
        { title: "EARLIEST", of: ({ earliest }) => earliest, right: true },
        { title: "LATEST", of: ({ latest }) => latest, right: true }
      ],
      places.map((place, i) => ({ ...place, earliest: first[i]!.offset, latest: last[i]!.offset }))
    )
  })

const at = (names: ReadonlyArray<string>, text: string) =>
  Effect.gen(function* () {
    const place = yield* valueOf(parsePlace(text, "at"))
    const topics = yield* topicsNamed(names)
    const rows = yield* offsetsOf(partitionsOf(topics), place)
    yield* printRows(
      [
        { title: "TOPIC", of: ({ topic }) => topic },
        { title: "PARTITION", of: ({ partition }) => partition, right: true },
        { title: "OFFSET", of: ({ offset }) => offset, right: true }
      ],
      rows
    )
  })

const offsets = Command.make(
  "offsets",
  {
    topics: Argument.String("topic").pipe(Argument.atLeast(1)),
    at: Flag.String("at").pipe(
      Flag.withMetavar("WHERE"),
      Flag.withDescription(`the offset of one place: ${PLACE_HELP}, or max-timestamp`),
      Flag.optional
    )
  },
  Effect.fn(function* (flags) {
    yield* Option.match(flags.at, {
      onNone: () => ends(flags.topics),
      onSome: (text) => at(flags.topics, text)
    })
  }, withClient)
).pipe(
  Command.withDescription("Tells where each partition begins and ends, or the offset of a place in it"),
  Command.withExamples([
    { command: "tusk topic offsets orders", description: "The first offset, and the next to be written" },
    { command: "tusk topic offsets orders --at 2026-01-31T12:00:00Z", description: "The first record from noon on" }
  ])
)

/** Commands that change nothing. */
export const reading = [list, describe, offsets] as const
