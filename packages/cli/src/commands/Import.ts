import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { KafkaClient } from "@tusk/client/KafkaClient"
import { CliError, EXIT, Found, UsageError } from "../CliError.ts"
import { Importing } from "../import/Importing.ts"
import type { ImportReport } from "../import/Importing.ts"
import { lagOf } from "../import/ImportedPartition.ts"
import type { ImportedTopic } from "../import/ImportedPartition.ts"
import { printRows } from "../terminal/Printing.ts"
import { makeProgress } from "../terminal/Progress.ts"
import { Streams } from "../terminal/Streams.ts"
import { namesLike } from "../values/NamePatterns.ts"
import { brokerFlags, durationOf, listFlag, otherClient, switchFlag, valueOf, withClient } from "./CommonFlags.ts"

const flags = {
  from: Flag.String("from").pipe(
    Flag.withMetavar("HOST:PORT"),
    Flag.withDescription("a broker of the cluster that is imported from, or several with commas between")
  ),
  fromConfig: Flag.String("from-config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("security.protocol, sasl.* and ssl.* for that cluster; --command-config is for the target"),
    Flag.optional
  ),
  topics: listFlag("topics", "REGEX", "which topics, by their whole names, as in 'orders.*'; all but internal ones"),
  groups: listFlag("groups", "REGEX", "the offsets of which groups, by their whole names; of all"),
  noGroups: switchFlag("no-groups", "no offsets of groups"),
  once: switchFlag("once", "end when the lag is zero; without it, it goes on with what comes"),
  finish: switchFlag(
    "finish",
    "when the lag is zero, end the import: the topics are written to as any others from then on"
  ),
  retryFor: Flag.String("retry-for").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("how long to try again while a cluster cannot be reached and nothing comes further (10m)"),
    Flag.withDefault("10m")
  )
}

const EVERY_MS = 10_000

/** A bar on a terminal, else a line now and then. */
const reporting = Effect.gen(function* () {
  const bar = yield* makeProgress("import", true)
  const { stderr } = yield* Streams
  const tell: ImportReport["tell"] = (line) => Effect.andThen(bar.clear, stderr.write(`tusk: ${line}\n`))
  let told = performance.now()
  const report: ImportReport = {
    tell,
    progress: (done, total) =>
      Effect.suspend(() => {
        const now = performance.now()
        if (done === total || now - told < EVERY_MS) return bar.at(Number(done), Number(total))
        told = now
        return bar.isDrawn
          ? bar.at(Number(done), Number(total))
          : tell(`${done} of ${total} offsets, lag ${total - done}`)
      })
  }
  return { report, clear: bar.clear }
})

interface Row {
  readonly topic: string
  readonly partitions: number
  /** From log start to end. */
  readonly offsets: bigint
  readonly lag: bigint
  readonly halted: string | null
}

const rowOf = ({ halted, name, partitions }: ImportedTopic): Row => ({
  topic: name,
  partitions: partitions.length,
  offsets: partitions.reduce((sum, { targetEnd, targetStart }) => sum + targetEnd - targetStart, 0n),
  lag: partitions.reduce((sum, part) => sum + (lagOf(part) < 0n ? 0n : lagOf(part)), 0n),
  halted: halted?.reason ?? null
})

const printTopics = (topics: ReadonlyArray<ImportedTopic>) =>
  printRows<Row>(
    [
      { title: "TOPIC", of: ({ topic }) => topic },
      { title: "PARTITIONS", of: ({ partitions }) => partitions, right: true },
      { title: "OFFSETS", of: ({ offsets }) => offsets, right: true },
      { title: "LAG", of: ({ lag }) => lag, right: true },
      { title: "HALTED", of: ({ halted }) => halted }
    ],
    topics.map(rowOf)
  )

/** `tusk import`. */
export const importCommand = Command.make(
  "import",
  flags,
  Effect.fn(function* (given) {
    if (given.once && given.finish) return yield* new UsageError({ message: "--once or --finish, not both" })
    if (given.noGroups && given.groups.length > 0) {
      return yield* new UsageError({ message: "--groups or --no-groups, not both" })
    }
    const isTopicWanted = yield* valueOf(namesLike(given.topics, "--topics"))
    const isGroupWanted = yield* valueOf(namesLike(given.groups, "--groups"))
    const retryMs = yield* durationOf(given.retryFor, "retry-for")
    const source = yield* otherClient(given.from, "from", Option.getOrUndefined(given.fromConfig))
    const target = yield* KafkaClient
    const { clear, report } = yield* reporting
    const importing = new Importing(
      { source, target },
      {
        isTopicWanted,
        isGroupWanted: given.noGroups ? () => false : isGroupWanted,
        until: given.finish ? "finished" : given.once ? "noLag" : "stopped",
        retryMs
      },
      report
    )
    yield* Effect.ensuring(importing.run(), clear)
    if (importing.topics.length === 0) return yield* new CliError({ message: "no topic of that name is at the source" })
    yield* printTopics(importing.topics)
    if (importing.topics.some(({ halted }) => halted !== undefined)) return yield* new Found({ code: EXIT.failure })
  }, withClient)
).pipe(
  Command.withDescription(
    "Imports topics with their records, at the same offsets, and offsets of groups from any Kafka"
  ),
  Command.withGlobalFlags(brokerFlags),
  Command.withExamples([
    {
      command: "tusk import --from kafka:9092",
      description: "All topics, and what comes, until ^C; once more goes on"
    },
    { command: "tusk import --from kafka:9092 --topics 'orders.*' --once", description: "Until the lag is zero" },
    {
      command: "tusk import --from kafka:9092 --finish",
      description: "The cut-over, once nobody writes there any more"
    }
  ])
)
