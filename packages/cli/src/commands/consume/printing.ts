import type { DecodedRecord } from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { TopicPartition } from "@tusk/client/Metadata"
import { jsonLine } from "../../terminal/JsonText.ts"
import { Streams } from "../../terminal/Streams.ts"
import { textOf } from "../../values/Encoding.ts"
import type { Encoding } from "../../values/Encoding.ts"
import type { Printable, Template } from "../../values/Template.ts"

const orNull = (bytes: Uint8Array | null, encoding: Encoding): string | null =>
  bytes === null ? null : textOf(bytes, encoding)

/** A record as a line of JSON. */
export const jsonTemplate =
  (encoding: Encoding): Template =>
  (record, into) => {
    const { headers, key, offset, partition, timestamp, topic, value } = record
    const line = {
      topic,
      partition,
      offset,
      timestamp,
      key: orNull(key, encoding),
      value: orNull(value, encoding),
      headers: headers.map((header) => ({ key: header.key, value: orNull(header.value, encoding) }))
    }
    into.push(Buffer.from(`${jsonLine(line)}\n`))
  }

/** Prints records, at most so many in all; tells if these were the last. */
export const printing = (template: Template, max: number) =>
  Effect.gen(function* () {
    const { stdout } = yield* Streams
    let left = max
    const print = (place: TopicPartition, records: ReadonlyArray<DecodedRecord>) =>
      Effect.gen(function* () {
        const parts: Array<Uint8Array> = []
        const taken = records.length <= left ? records : records.slice(0, left)
        for (const record of taken) template({ ...place, ...record } satisfies Printable, parts)
        left -= taken.length
        yield* stdout.write(Buffer.concat(parts))
        return taken
      })
    return { print, isDone: () => left <= 0, printed: () => max - left }
  })
