import { CODEC_NAMES } from "@tusk/protocol/record/Compression"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { createReadStream, statSync } from "node:fs"
import { CliError, UsageError } from "../CliError.ts"
import { makeProducer } from "@tusk/client/produce/Producer"
import { makeProgress } from "../terminal/Progress.ts"
import { note, outputFormat, printRows } from "../terminal/Printing.ts"
import { Streams } from "../terminal/Streams.ts"
import { ENCODINGS } from "../values/Encoding.ts"
import { recordOfJson, recordOfLine } from "../values/InputRecord.ts"
import type { InputRecord } from "../values/InputRecord.ts"
import { parsePairs } from "../values/Pairs.ts"
import { unescape } from "../values/Template.ts"
import { brokerFlags, durationOf, listFlag, switchFlag, valueOf, withClient } from "./CommonFlags.ts"
import { feed } from "./produce/feeding.ts"

const text = (name: string, metavar: string, description: string) =>
  Flag.String(name).pipe(Flag.withMetavar(metavar), Flag.withDescription(description), Flag.optional)

const flags = {
  topic: Argument.String("topic"),
  file: text("file", "FILE", "what to read (standard input)").pipe(Flag.withAlias("f")),
  keySeparator: text(
    "key-separator",
    "TEXT",
    "what stands between key and value; \\t is a tab (lines have no key)"
  ).pipe(Flag.withAlias("K")),
  header: listFlag("header", "NAME=VALUE", "a header of every record"),
  headers: switchFlag("headers", "each line begins with headers, NAME:VALUE,NAME:VALUE and a tab"),
  nullMarker: text("null-marker", "TEXT", "a key or value that is this text is null"),
  json: switchFlag("json", "each line is JSON: key, value, headers, partition, timestamp; as consume prints them"),
  encoding: Flag.Literals("encoding", ENCODINGS).pipe(
    Flag.withMetavar("ENCODING"),
    Flag.withDescription("of keys, values and headers in JSON"),
    Flag.withDefault("utf8" as const)
  ),
  partition: Flag.Int("partition").pipe(
    Flag.withMetavar("N"),
    Flag.withDescription("where all goes (by its key; without key one after the other)"),
    Flag.optional
  ),
  acks: Flag.Literals("acks", ["all", "1", "0"]).pipe(
    Flag.withMetavar("ACKS"),
    Flag.withDescription("whose copy counts as stored"),
    Flag.withDefault("all" as const)
  ),
  compression: Flag.Literals("compression", CODEC_NAMES).pipe(
    Flag.withMetavar("CODEC"),
    Flag.withDescription("of batches"),
    Flag.withDefault("none" as const)
  ),
  linger: Flag.String("linger").pipe(
    Flag.withMetavar("TIME"),
    Flag.withDescription("how long a record waits for its batch to become full (5ms)"),
    Flag.withDefault("5ms")
  ),
  batchSize: Flag.Int("batch-size").pipe(
    Flag.withMetavar("BYTES"),
    Flag.withDescription("when a batch is full, before compression (262144)"),
    Flag.withDefault(256 * 1024)
  ),
  notIdempotent: switchFlag("not-idempotent", "what is sent again may be stored twice; so always with acks 1 and 0")
}

type Given = Command.Command.Config.Infer<typeof flags>

/** How a line becomes a record. */
const reader = (given: Given) =>
  Effect.gen(function* () {
    if (given.json && (Option.isSome(given.keySeparator) || given.headers)) {
      return yield* new UsageError({ message: "--json says by itself what is key and header" })
    }
    const pairs = yield* valueOf(parsePairs(given.header, "--header"))
    const headers = Array.from(pairs, ([key, value]) => ({ key, value: Buffer.from(value) }))
    const bytes = (option: Option.Option<string>) =>
      Option.isSome(option) ? Buffer.from(unescape(option.value)) : undefined
    const keySeparator = bytes(given.keySeparator)
    if (keySeparator?.byteLength === 0) return yield* new UsageError({ message: "--key-separator: nothing is given" })
    const partition = Option.getOrUndefined(given.partition)
    const format = { keySeparator, headersFirst: given.headers, nullMarker: bytes(given.nullMarker), headers }
    return (line: Uint8Array): InputRecord | string => {
      const now = Date.now()
      const record = given.json ? recordOfJson(line, given.encoding, now) : recordOfLine(line, format, now)
      if (typeof record === "string") return record
      if (given.json && headers.length > 0) return { ...record, headers: [...headers, ...record.headers] }
      return partition === undefined ? record : { ...record, partition }
    }
  })

const sourceOf = (file: string | undefined) =>
  Effect.gen(function* () {
    const { stdin } = yield* Streams
    if (file === undefined || file === "-") {
      return { source: "standard input", chunks: stdin.chunks, size: undefined }
    }
    return yield* Effect.try({
      try: () => {
        const stat = statSync(file)
        if (stat.isDirectory()) throw new Error("it is a folder")
        return { source: file, chunks: createReadStream(file), size: stat.isFile() ? stat.size : undefined }
      },
      catch: (error) => new CliError({ message: `--file ${file}: ${(error as Error).message.split(",")[0]}` })
    })
  })

/** `tusk produce`. */
export const produceCommand = Command.make(
  "produce",
  flags,
  Effect.fn(function* (given) {
    const read = yield* reader(given)
    const lingerMs = yield* durationOf(given.linger, "linger")
    const { stderr, stdin } = yield* Streams
    const source = yield* sourceOf(Option.getOrUndefined(given.file))
    const producer = yield* makeProducer({
      topic: given.topic,
      acks: given.acks === "all" ? -1 : given.acks === "1" ? 1 : 0,
      idempotent: given.acks === "all" && !given.notIdempotent,
      codec: CODEC_NAMES.indexOf(given.compression),
      batchBytes: given.batchSize
    })
    const isTyped = stdin.isTerminal && source.source === "standard input"
    const progress = yield* makeProgress(`produce ${given.topic}`, !isTyped)
    const fed = yield* Effect.ensuring(feed({ ...source, read, lingerMs }, producer, progress), progress.clear)
    const rows = [{ topic: given.topic, ...fed }]
    if ((yield* outputFormat) === "json") yield* printRows([], rows)
    else if (stderr.isTerminal) yield* note(`${fed.records.toLocaleString("en-US")} records to ${given.topic}`)
  }, withClient)
).pipe(
  Command.withDescription("Produces a record a line, of standard input or a file"),
  Command.withGlobalFlags(brokerFlags),
  Command.withExamples([
    { command: "echo hello | tusk produce greetings", description: "One record" },
    { command: "tusk produce orders --key-separator : --file orders.txt", description: "Lines such as 17:a tuba" },
    { command: "tusk consume orders --exit-at-end --output json | tusk produce copy --json", description: "A copy" },
    { command: "tusk produce events --compression zstd --linger 50ms < events.log", description: "A lot, packed" }
  ])
)
