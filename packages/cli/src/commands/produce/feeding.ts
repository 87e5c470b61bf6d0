import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Producer } from "@tusk/client/produce/Producer"
import { CliError } from "../../CliError.ts"
import { lineBlocks } from "../../terminal/Lines.ts"
import type { Progress } from "../../terminal/Progress.ts"
import type { InputRecord } from "../../values/InputRecord.ts"

/** What is to be produced, and how it becomes records. */
export interface Feed {
  /** For errors: `standard input`, or the file's name. */
  readonly source: string
  readonly chunks: AsyncIterable<Uint8Array>
  /** Bytes of the source; undefined if nobody knows. */
  readonly size: number | undefined
  readonly read: (line: Uint8Array) => InputRecord | string
  /** How long a record waits for its batch to become full. */
  readonly lingerMs: number
}

/** What was produced. */
export interface Fed {
  readonly records: number
  readonly bytes: number
}

/** Produces every line. A line that is no record ends it, and what came before is sent. Nothing of the source is left open. */
export const feed = ({ chunks, lingerMs, read, size, source }: Feed, producer: Producer, progress: Progress) =>
  Effect.gen(function* () {
    let [records, bytes] = [0, 0]
    const blocks = lineBlocks(chunks)
    // Not waited for: it may be in the middle of a read that nothing ends.
    yield* Effect.addFinalizer(() => Effect.sync(() => void blocks.return(undefined).catch(() => {})))

    const wrong = (reason: string) => new CliError({ message: `${source}, line ${records + 1}: ${reason}` })
    const next = () =>
      Effect.tryPromise({
        try: () => pending,
        catch: (error) => new CliError({ message: `${source}: ${(error as Error).message}` })
      })
    let pending = blocks.next()
    // Looked at by `next`; nobody may look before the process hears of it.
    const readOn = () => {
      pending = blocks.next()
      pending.catch(() => {})
    }
    pending.catch(() => {})

    for (;;) {
      const inTime = yield* Effect.timeoutOption(next(), producer.hasWaiting() ? lingerMs : Infinity)
      if (Option.isNone(inTime)) yield* producer.sendAll
      const block = Option.isSome(inTime) ? inTime.value : yield* next()
      if (block.done === true) break
      for (const line of block.value) {
        const record = read(line)
        const reason = typeof record === "string" ? record : misplaced(record.partition, producer.partitions)
        if (typeof record === "string" || reason !== undefined) {
          yield* producer.finish
          return yield* wrong(reason ?? "")
        }
        records++
        bytes += line.byteLength + 1
        if (producer.add(record, record.partition)) yield* producer.sendFull
      }
      yield* progress.at(size === undefined ? records : bytes, size)
      readOn()
    }
    yield* producer.finish
    return { records, bytes } satisfies Fed
  })

const misplaced = (partition: number | undefined, partitions: number): string | undefined =>
  partition === undefined || partition < partitions
    ? undefined
    : `there is no partition ${partition}, the topic has ${partitions}`
