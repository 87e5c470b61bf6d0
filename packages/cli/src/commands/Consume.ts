import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { UsageError } from "../CliError.ts"
import { LATEST } from "@tusk/client/admin/Offsets"
import { fetching } from "@tusk/client/consume/Fetching"
import type { Position } from "@tusk/client/consume/Fetching"
import type { TopicPartition } from "@tusk/client/Metadata"
import { outputFlag } from "../terminal/Printing.ts"
import { makeProgress } from "../terminal/Progress.ts"
import { Streams } from "../terminal/Streams.ts"
import { ENCODINGS } from "../values/Encoding.ts"
import { parsePlace, PLACE_HELP } from "../values/Place.ts"
import type { Place } from "../values/Place.ts"
import { parseTemplate, TEMPLATE_HELP } from "../values/Template.ts"
import { brokerFlags, switchFlag, valueOf, withClient } from "./CommonFlags.ts"
import { consumeAsMember } from "./consume/asMember.ts"
import { jsonTemplate, printing } from "./consume/printing.ts"
import { offsetsAt, offsetsOf, partitionsOf } from "./places.ts"
import { topicsNamed } from "./topicsNamed.ts"

const flags = {
  topics: Argument.String("topic").pipe(Argument.atLeast(1)),
  from: Flag.String("from").pipe(
    Flag.withMetavar("WHERE"),
    Flag.withDescription(`where to begin: ${PLACE_HELP} (beginning with --exit-at-end, else latest)`),
    Flag.optional
  ),
  partitions: Flag.Int("partition").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("only this partition (may be given several times)"),
    Flag.atLeast(0)
  ),
  max: Flag.Int("max").pipe(
    Flag.withAlias("n"),
    Flag.withMetavar("N"),
    Flag.withDescription("end after so many records"),
    Flag.optional
  ),
  group: Flag.String("group").pipe(
    Flag.withAlias("g"),
    Flag.withMetavar("GROUP"),
    Flag.withDescription("as a member of this group, which goes on where it was; --from is for where it was never"),
    Flag.optional
  ),
  exitAtEnd: switchFlag("exit-at-end", "end where the topic ended when this began"),
  follow: switchFlag("follow", "go on for ever: the default"),
  format: Flag.String("format").pipe(
    Flag.withMetavar("TEMPLATE"),
    Flag.withDescription(`how a record is printed (%s\\n): ${TEMPLATE_HELP}`),
    Flag.optional
  ),
  encoding: Flag.Literals("encoding", ENCODINGS).pipe(
    Flag.withMetavar("ENCODING"),
    Flag.withDescription("of keys, values and headers with --output json"),
    Flag.withDefault("utf8" as const)
  ),
  isolation: Flag.Literals("isolation", ["read_uncommitted", "read_committed"]).pipe(
    Flag.withMetavar("LEVEL"),
    Flag.withDescription("whether records of open and aborted transactions are read"),
    Flag.withDefault("read_uncommitted" as const)
  )
}

type Given = Command.Command.Config.Infer<typeof flags>

const templateOf = (given: Given) =>
  Effect.gen(function* () {
    const output = Option.getOrUndefined(yield* outputFlag)
    const format = Option.getOrUndefined(given.format)
    if (output === "json" && format !== undefined) {
      return yield* new UsageError({ message: "--output json or --format, not both" })
    }
    return output === "json" ? jsonTemplate(given.encoding) : yield* valueOf(parseTemplate(format ?? "%s\\n"))
  })

const placeOf = (given: Given) =>
  Option.match(given.from, {
    onNone: () => Effect.succeed<Place>({ _tag: given.exitAtEnd ? "Earliest" : "Latest" }),
    onSome: (text) => valueOf(parsePlace(text, "from"))
  })

const chosen = (given: Given, all: ReadonlyArray<TopicPartition>) =>
  Effect.gen(function* () {
    const missing = given.partitions.find((wanted) => !all.some(({ partition }) => partition === wanted))
    if (missing !== undefined) return yield* new UsageError({ message: `--partition ${missing}: there is none` })
    return given.partitions.length === 0 ? all : all.filter(({ partition }) => given.partitions.includes(partition))
  })

const isolationOf = ({ isolation }: Given) => (isolation === "read_committed" ? isolation : undefined)

/** Where to begin in each partition, and where to end. */
const positionsOf = (given: Given, places: ReadonlyArray<TopicPartition>) =>
  Effect.gen(function* () {
    const isolation = isolationOf(given)
    const begins = yield* offsetsOf(places, yield* placeOf(given), isolation)
    const ends = given.exitAtEnd ? yield* offsetsAt(places, LATEST, isolation) : undefined
    return begins.map((begin, i): Position => ({ ...begin, end: ends?.[i]?.offset }))
  })

const MAX_WAIT_MS = 500

/** `tusk consume`. */
export const consumeCommand = Command.make(
  "consume",
  flags,
  Effect.fn(function* (given) {
    if (given.exitAtEnd && given.follow)
      return yield* new UsageError({ message: "--follow or --exit-at-end, not both" })
    const template = yield* templateOf(given)
    const { isolation } = given
    const topics = yield* topicsNamed(given.topics)
    const places = yield* chosen(given, partitionsOf(topics))
    const max = Option.getOrElse(given.max, () => Infinity)
    if (max <= 0) return
    const printer = yield* printing(template, max)
    const options = { isolation, maxWaitMs: MAX_WAIT_MS }
    if (Option.isSome(given.group)) {
      if (given.partitions.length > 0) return yield* new UsageError({ message: "--partition or --group, not both" })
      const place = yield* placeOf(given)
      return yield* consumeAsMember({
        group: given.group.value,
        place,
        exitAtEnd: given.exitAtEnd,
        topics,
        options,
        printer
      })
    }
    const positions = yield* positionsOf(given, places)
    const { stdout } = yield* Streams
    const total = Math.min(
      max,
      Number(positions.reduce((sum, { end, offset }) => sum + ((end ?? offset) - offset), 0n))
    )
    const progress = yield* makeProgress("consume", !stdout.isTerminal)
    const take = (place: TopicPartition, records: Parameters<typeof printer.print>[1]) =>
      Effect.gen(function* () {
        yield* printer.print(place, records)
        yield* progress.at(printer.printed(), given.exitAtEnd || Number.isFinite(max) ? total : undefined)
        return printer.isDone() ? ("done" as const) : ("more" as const)
      })
    yield* Effect.ensuring(fetching(positions, options, take), progress.clear)
  }, withClient)
).pipe(
  Command.withDescription("Prints the records of topics"),
  Command.withGlobalFlags(brokerFlags),
  Command.withExamples([
    { command: "tusk consume orders", description: "What comes from now on, until ^C" },
    { command: "tusk consume orders --exit-at-end", description: "All that is there" },
    {
      command: "tusk consume orders --from -10 --exit-at-end --output json",
      description: "The last ten of each partition"
    },
    { command: "tusk consume orders --from 2026-01-31T12:00:00Z --max 5 --format '%p %o %k: %s\\n'" },
    { command: "tusk consume orders --group billing", description: "As a member of a group, which commits" }
  ])
)
