import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { SqlError } from "effect/sql/SqlError"
import { decoding, encoding } from "./Coding.ts"
import type { Bytes, Format } from "./Coding.ts"

/** The schema that Tusk keeps its cluster in (`tusk start --schema`). */
export const ClusterSchema = Context.Reference<string>("@tusk/storage/sql/ClusterSchema", {
  defaultValue: () => "kafka"
})

/** In order; a key may be there twice. */
export type Headers = ReadonlyArray<readonly [key: string, value: Bytes]>

export interface ProduceOptions<A, I = unknown> {
  /** "json" if nothing is said. */
  readonly format?: Format<I>
  readonly key?: (value: A) => string | Bytes
  readonly headers?: (value: A) => Headers
  /** If nothing is said, the one that Kafka's clients choose for the key. */
  readonly partition?: (value: A) => number
  /** If nothing is said, the time of the call. */
  readonly timestamp?: (value: A) => DateTime.DateTime
  /** What makes a second call with the same text harmless. */
  readonly dedup?: (value: A) => string
}

/** A record as it was read. */
export interface Record<out A> {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly timestamp: DateTime.Utc
  readonly key: Bytes
  readonly headers: Headers
  readonly value: A
}

/** A record's value is none of the schema's. What was done for those before it in the same transaction is undone. */
export class UndecodableRecord extends Data.TaggedError("UndecodableRecord")<{
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly cause: Schema.SchemaError
}> {
  override get message(): string {
    return `offset ${this.offset} of ${this.topic}-${this.partition} cannot be decoded: ${this.cause.message}`
  }
}

export interface ConsumeOptions<I = unknown> {
  /** "json" if nothing is said. */
  readonly format?: Format<I>
  /** Records of one transaction, at most; 100 if nothing is said. */
  readonly max?: number
  /** How long to wait if there is nothing to read; 200 ms if nothing is said. */
  readonly idle?: Duration.Input
}

const utf8 = new TextEncoder()
const bytesOf = (value: string | Bytes): Bytes => (typeof value === "string" ? utf8.encode(value) : value)
const base64 = (value: Bytes): string | null => (value === null ? null : Buffer.from(value).toString("base64"))

/**
 * Produces values into a topic. Inside the client's `withTransaction` the record is there for consumers exactly if that
 * commits. Returns the number of the call, which rises.
 */
export const produce = <A, I, RD, RE>(
  topic: string,
  schema: Schema.Codec<A, I, RD, RE>,
  options: ProduceOptions<A, I> = {}
): ((value: A) => Effect.Effect<bigint, Schema.SchemaError | SqlError, SqlClient.SqlClient | RE>) => {
  const { dedup, format, headers, key, partition, timestamp } = options
  const encode = encoding(schema, format ?? "json")
  return Effect.fnUntraced(function* (value: A) {
    const sql = yield* SqlClient.SqlClient
    const cluster = sql(yield* ClusterSchema)
    const bytes = yield* encode(value)
    const given = [sql`${topic}`, sql`value => ${bytes}::bytea`]
    if (key !== undefined) given.push(sql`key => ${bytesOf(key(value))}::bytea`)
    if (headers !== undefined) {
      const json = JSON.stringify(headers(value).map(([name, header]) => [name, base64(header)]))
      given.push(sql`headers => array(select row(h ->> 0, decode(h ->> 1, 'base64'))::${cluster}.header
        from jsonb_array_elements(${json}::text::jsonb) with ordinality each (h, place) order by place)`)
    }
    if (partition !== undefined) given.push(sql`partition => ${partition(value)}::integer`)
    if (timestamp !== undefined)
      given.push(sql`"timestamp" => ${DateTime.formatIso(timestamp(value))}::text::timestamptz`)
    if (dedup !== undefined) given.push(sql`dedup => ${dedup(value)}::text`)
    const [row] = yield* sql<{ readonly id: string }>`select ${cluster}.produce(${sql.csv(given)})::text as id`
    return BigInt(row!.id)
  })
}

/** As text wherever drivers differ in what they make of a type. */
interface Row {
  readonly partition: number
  readonly offset: string
  readonly ms: string
  readonly key: Bytes
  readonly value: Bytes
  readonly headers: string | null
  readonly claim: string
}

/** Drivers may hand out views on what they received. */
const copy = (bytes: Bytes): Bytes => (bytes === null ? null : Uint8Array.from(bytes))

const headersOf = (json: string | null): Headers =>
  json === null
    ? []
    : (JSON.parse(json) as ReadonlyArray<readonly [string, string | null]>).map(([name, value]) => [
        name,
        value === null ? null : Uint8Array.from(Buffer.from(value, "base64"))
      ])

/** Another session had the partition, or waited for this one: what is decided anew may pass. */
const isConflict = (error: unknown): boolean =>
  error instanceof SqlError && (error.reason._tag === "SerializationError" || error.reason._tag === "DeadlockError")

const again = Schedule.jittered(Schedule.min([Schedule.exponential("10 millis"), Schedule.spaced("1 second")]))

/**
 * Consumes a topic for a group until it is interrupted, a transaction for each handful of records: polls, runs the effect
 * with them, and commits the offset. What the effect writes by the same client is there exactly if the offset is. It
 * starts anew with what was committed where another session has taken the partition or was in the way; any other error,
 * the effect's own too, undoes its transaction and ends it.
 */
export const consumeBatch =
  <A, I, RD, RE>(
    group: string,
    topic: string,
    schema: Schema.Codec<A, I, RD, RE>,
    options: ConsumeOptions<I> = {}
  ): (<E, R>(
    effect: (records: ReadonlyArray<Record<A>>) => Effect.Effect<unknown, E, R>
  ) => Effect.Effect<never, E | SqlError | UndecodableRecord, SqlClient.SqlClient | R | RD>) =>
  (effect) =>
    Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const cluster = sql(yield* ClusterSchema)
      const decode = decoding(schema, options.format ?? "json")
      const read = Effect.fnUntraced(function* ({ headers, key, ms, offset, partition, value }: Row) {
        const place = { topic, partition, offset: BigInt(offset) }
        const decoded = yield* Effect.mapError(
          decode(copy(value)),
          (cause) => new UndecodableRecord({ ...place, cause })
        )
        const record = {
          ...place,
          timestamp: DateTime.makeUnsafe(Number(ms)),
          key: copy(key),
          headers: headersOf(headers)
        }
        return { ...record, value: decoded } satisfies Record<A>
      })
      const poll = sql<Row>`select partition, "offset"::text as "offset", key, value, claim::text as claim,
          (extract(epoch from "timestamp") * 1000)::bigint::text as ms,
          (select jsonb_agg(jsonb_build_array(h.key, encode(h.value, 'base64')) order by h.place)::text
            from unnest(headers) with ordinality h (key, value, place)) as headers
        from ${cluster}.poll(${group}, ${topic}, ${options.max ?? 100}::integer)`
      const step = Effect.gen(function* () {
        const rows = yield* poll
        const last = rows.at(-1)
        if (last === undefined) return false
        yield* effect(yield* Effect.forEach(rows, read))
        yield* sql`select ${cluster}.commit_offsets(${group}, ${topic}, ${last.partition}::integer, ${last.offset}::text::bigint + 1,
          ${last.claim}::text::bigint)`
        return true
      })
      const once = Effect.retry(sql.withTransaction(step), { schedule: again, while: isConflict })
      const idle = Effect.sleep(options.idle ?? "200 millis")
      return yield* Effect.forever(Effect.flatMap(once, (found) => (found ? Effect.void : idle)))
    })

/** As `consumeBatch`, for one record after the other of each transaction. */
export const consume =
  <A, I, RD, RE>(
    group: string,
    topic: string,
    schema: Schema.Codec<A, I, RD, RE>,
    options: ConsumeOptions<I> = {}
  ): (<E, R>(
    effect: (record: Record<A>) => Effect.Effect<unknown, E, R>
  ) => Effect.Effect<never, E | SqlError | UndecodableRecord, SqlClient.SqlClient | R | RD>) =>
  (effect) =>
    consumeBatch(
      group,
      topic,
      schema,
      options
    )((records) => Effect.forEach(records, (record) => effect(record), { discard: true }))

/**
 * Waits until a topic's records as rows, or a table of `kafka.materialise` of that name, have the record at an offset; false:
 * not in that time, 10 s if nothing is said. It sees nothing new inside a transaction that is not read committed.
 */
export const awaitOffset = Effect.fnUntraced(function* (
  name: string,
  partition: number,
  offset: bigint,
  options: { readonly timeout?: Duration.Input } = {}
) {
  const sql = yield* SqlClient.SqlClient
  const cluster = sql(yield* ClusterSchema)
  const ms = Math.ceil(Duration.toMillis(options.timeout ?? "10 seconds"))
  const [row] = yield* sql<{ readonly there: boolean }>`select ${cluster}.await(${name}, ${partition}::integer,
    ${String(offset)}::text::bigint, ${ms}::integer * interval '1 ms') as there`
  return row!.there
})
