import * as PgClient from "@effect/sql-pg/PgClient"
import { describe, expect, inject, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as DateTime from "effect/DateTime"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import type * as SqlError from "effect/sql/SqlError"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { Kafka } from "../../src/sql.ts"
import { topic } from "../pg/Appends.ts"
import { openTopic, record, standIn } from "../pg/ConsumeInSql.ts"
import { TestDatabase } from "../pg/TestDatabase.ts"

const database = new TestDatabase()

/** An app's own client. */
const client = Effect.suspend(() => {
  const url = new URL(inject("postgresUrl"))
  const path = `${url.searchParams.get("host")}/.s.PGSQL.5432`
  const target = { path, username: url.username, database: database.name, maxConnections: 6 }
  return Effect.map(Layer.build(PgClient.layer(target)), (context) => Context.get(context, SqlClient.SqlClient))
})

/** In place of `kafka.produce`, as long as the schema has none. */
const STAND_IN = `create function kafka.produce(topic text, value bytea, key bytea default null, headers kafka.header[] default null,
    partition integer default null, "timestamp" timestamptz default clock_timestamp(), dedup text default null)
  returns bigint language sql as $$
    insert into kafka.outbox (partition_id, "timestamp", key, value, headers)
      select p.partition_id, extract(epoch from $6) * 1000, $3, $2, $4
      from kafka.topics t join kafka.partitions p on p.topic_id = t.topic_id
      where t.name = $1 and p.partition_index = coalesce($5, 0) returning id $$`

const open = (partitions: number, records: number) =>
  Effect.gen(function* () {
    const { psql, store } = yield* openTopic(database, partitions, records)
    yield* standIn(psql, "produce", STAND_IN)
    yield* psql.query("create table public.done (partition integer, at bigint)")
    const sql = yield* client
    return { psql, store, sql }
  })

const Order = Schema.Struct({ id: Schema.Int, at: Schema.Date })
const order = { id: 17, at: new Date("2026-01-02T03:04:05.678Z") }

/** What `kafka.produce` was given, as text. */
const produced = (psql: PgConnection) =>
  psql.query(`select partition_id, convert_from(key, 'UTF8'), convert_from(value, 'UTF8'), headers from kafka.outbox
    where group_id is null order by id`)

class Broken extends Data.TaggedError("Broken")<{}> {}

/** Takes a note of each record, in its transaction. */
const note = ({ offset, partition }: { readonly offset: bigint; readonly partition: number }) =>
  Effect.flatMap(
    Effect.service(SqlClient.SqlClient),
    (sql) => sql`insert into public.done values (${partition}, ${offset})`
  )
const noted = (psql: PgConnection) =>
  Effect.map(psql.query("select partition, at from public.done order by 1, 2"), (rows) =>
    rows.map((row) => row.join(":"))
  )

const provided = <A, E, R>(effect: Effect.Effect<A, E, R>, sql: SqlClient.SqlClient) =>
  Effect.provideService(effect, SqlClient.SqlClient, sql)

describe("Kafka.produce", () => {
  it.live("is part of the transaction that it is called in", () =>
    Effect.gen(function* () {
      const { psql, sql } = yield* open(1, 0)
      const produce = Kafka.produce("t", Order)
      const failed = sql.withTransaction(Effect.andThen(produce(order), new Broken()))
      expect(yield* Effect.flip(provided(failed, sql))).toBeInstanceOf(Broken)
      expect(yield* produced(psql)).toEqual([])
      const ids = yield* provided(sql.withTransaction(Effect.all([produce(order), produce({ ...order, id: 18 })])), sql)
      expect(ids[1]).toBeGreaterThan(ids[0])
      expect(yield* produced(psql)).toEqual([
        ["1", null, '{"id":17,"at":"2026-01-02T03:04:05.678Z"}', null],
        ["1", null, '{"id":18,"at":"2026-01-02T03:04:05.678Z"}', null]
      ])
    })
  )

  it.live("and consume, in the schema of another cluster of the database", () =>
    Effect.gen(function* () {
      const { psql, sql } = yield* open(1, 0)
      const store = yield* database.open({ schema: "second one" })
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([[...topic, record(1, 0)]])
      const there = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
        provided(Effect.provideService(effect, Kafka.ClusterSchema, "second one"), sql)
      yield* there(Kafka.produce("t", Order, { headers: () => [["h", Uint8Array.of(1)]] })(order))
      expect(yield* produced(psql)).toEqual([])
      expect(yield* psql.query(`select (o.headers[1]).key from "second one".outbox o`)).toEqual([["h"]])
      const consume = Kafka.consume("g", "t", Schema.NullOr(Schema.Uint8Array), { format: "bytes" })
      const [read] = yield* Effect.flip(there(consume((one) => Effect.fail([one] as const))))
      expect((read as { readonly offset: bigint }).offset).toBe(0n)
    })
  )

  it.live("takes key, headers, partition, time and dedup of the value", () =>
    Effect.gen(function* () {
      const { psql, sql } = yield* open(2, 0)
      const produce = Kafka.produce("t", Order, {
        key: ({ id }) => `order-${id}`,
        headers: ({ id }) => [
          ["a", Uint8Array.of(id)],
          ["none", null],
          ["a", Uint8Array.from({ length: 100 }, () => 255)]
        ],
        partition: () => 1,
        timestamp: ({ at }) => DateTime.fromDateUnsafe(at),
        dedup: ({ id }) => `order-${id}`
      })
      yield* provided(produce(order), sql)
      const [row] = yield* produced(psql)
      expect(row!.slice(0, 2)).toEqual(["2", "order-17"])
      expect(
        yield* psql.query(`select h.key, encode(h.value, 'hex'), o."timestamp"
        from kafka.outbox o, unnest(o.headers) with ordinality h (key, value, place) where group_id is null order by place`)
      ).toEqual([
        ["a", "11", String(order.at.getTime())],
        ["none", null, String(order.at.getTime())],
        ["a", "ff".repeat(100), String(order.at.getTime())]
      ])
    })
  )

  it.live(
    "bytes go as they are, null is a tombstone, and what is none of the schema's fails before anything is sent",
    () =>
      Effect.gen(function* () {
        const { psql, sql } = yield* open(1, 0)
        yield* provided(Kafka.produce("t", Schema.Uint8Array, { format: "bytes" })(Uint8Array.of(0x68, 0x69)), sql)
        yield* provided(Kafka.produce("t", Schema.NullOr(Order), { key: () => Uint8Array.of(0x6b) })(null), sql)
        const wrong = yield* Effect.flip(provided(Kafka.produce("t", Order)({ ...order, id: 1.5 }), sql))
        expect(wrong._tag).toBe("SchemaError")
        expect(yield* produced(psql)).toEqual([
          ["1", null, "hi", null],
          ["1", "k", null, null]
        ])
      })
  )
})

describe("Kafka.consume", () => {
  /** What `record` puts into values: the text "v0". */
  const Text = Schema.Uint8Array
  const consume = Kafka.consume("g", "t", Text, { format: "bytes", max: 4, idle: "5 millis" })

  it.live("commits the offset with what the effect writes, or neither, and fails as the effect does", () =>
    Effect.gen(function* () {
      const { psql, sql } = yield* open(1, 10)
      const until = (last: bigint) =>
        consume((one) => Effect.andThen(note(one), one.offset === last ? new Broken() : Effect.void))
      expect(yield* Effect.flip(provided(until(6n), sql))).toBeInstanceOf(Broken)
      expect(yield* noted(psql)).toEqual(["0:0", "0:1", "0:2", "0:3"])
      expect(yield* psql.query("select committed_offset from kafka.claims")).toEqual([["4"]])
      const seen: Array<unknown> = []
      yield* Effect.flip(
        provided(
          consume((one) => (seen.push(one), new Broken())),
          sql
        )
      )
      expect(seen).toEqual([
        {
          topic: "t",
          partition: 0,
          offset: 4n,
          timestamp: DateTime.makeUnsafe(1000),
          key: null,
          headers: [],
          value: new Uint8Array(Buffer.from("v0"))
        }
      ])
    })
  )

  it.live("ends where a batch lies in an object, and leaves what is committed", () =>
    Effect.gen(function* () {
      const { psql, sql } = yield* open(1, 6)
      yield* psql.query(`insert into kafka.objects (object_id, name, bytes, created_at) values (1, 'c/i/1', 1000, 0);
        update kafka.batches set object_id = 1, object_position = 0, object_bytes = octet_length(data), data = null where base_offset = 5`)
      // Four at a time: the second transaction comes to it.
      const error = yield* Effect.flip(provided(consume(note), sql))
      expect(error).toMatchObject({ _tag: "SqlError" })
      expect(String((error as SqlError.SqlError).reason.cause)).toContain(
        "the batch at offset 5 lies in an object store"
      )
      expect(yield* noted(psql)).toEqual(["0:0", "0:1", "0:2", "0:3"])
      expect(yield* psql.query("select committed_offset from kafka.claims")).toEqual([["4"]])
    })
  )

  it.live("each record once, by many side by side, until they are interrupted", () =>
    Effect.gen(function* () {
      const { psql, sql } = yield* open(3, 20)
      const all = yield* Deferred.make<void>()
      let left = 60
      const work = consume((one) =>
        Effect.andThen(
          note(one),
          sql.afterCommit(Effect.suspend(() => (--left === 0 ? Deferred.succeed(all, undefined) : Effect.void)))
        )
      )
      const workers = yield* Effect.forkChild(
        Effect.all(
          [1, 2, 3, 4].map(() => provided(work, sql)),
          { concurrency: "unbounded" }
        )
      )
      yield* Deferred.await(all)
      yield* Fiber.interrupt(workers)
      expect((yield* noted(psql)).length).toBe(60)
      expect(yield* psql.query("select count(distinct (partition, at)) from public.done")).toEqual([["60"]])
    })
  )

  it.live("waits for what comes later", () =>
    Effect.gen(function* () {
      const { sql, store } = yield* open(1, 0)
      const came = yield* Deferred.make<bigint>()
      yield* Effect.forkChild(
        provided(
          consume(({ offset }) => Deferred.succeed(came, offset)),
          sql
        )
      )
      yield* store.commit([[record(1, 0)]])
      expect(yield* Deferred.await(came)).toBe(0n)
    })
  )

  it.live("takes the transaction up again where another one was in its way", () =>
    Effect.gen(function* () {
      const { psql, sql } = yield* open(1, 2)
      const states = ["40001", "40P01", "22012"]
      const inTheWay = (state: string) => sql.unsafe(`do $$ begin raise 'no' using errcode = '${state}'; end $$`)
      const batch = Kafka.consumeBatch("g", "t", Text, { format: "bytes" })
      const failed = batch((records) =>
        Effect.andThen(
          Effect.forEach(records, note),
          Effect.suspend(() => inTheWay(states.shift()!))
        )
      )
      expect((yield* Effect.flip(provided(failed, sql)))._tag).toBe("SqlError")
      expect(states).toEqual([])
      expect(yield* noted(psql)).toEqual([])
    })
  )

  it.live("says which record is none of the schema's", () =>
    Effect.gen(function* () {
      const { sql, store } = yield* open(1, 0)
      yield* store.commit([[record(1, 0, "7"), record(1, 1)]])
      const seen: Array<number> = []
      // The values are 7 followed by 0, and "v0", which is no JSON.
      const numbers = Kafka.consume("g", "t", Schema.Int, { max: 1 })(({ value }) =>
        Effect.sync(() => seen.push(value))
      )
      expect(yield* Effect.flip(provided(numbers, sql))).toMatchObject({
        _tag: "UndecodableRecord",
        topic: "t",
        partition: 0,
        offset: 1n
      })
      expect(seen).toEqual([70])
    })
  )
})

describe("Kafka.awaitOffset", () => {
  it.live("waits for rows of a topic and for tables, and tells that it was in vain", () =>
    Effect.gen(function* () {
      const { psql, sql } = yield* open(1, 0)
      yield* psql.query(`select kafka.materialise('t', 'public.latest')`)
      const ask = (name: string) => provided(Kafka.awaitOffset(name, 0, 4n, { timeout: "50 millis" }), sql)
      expect([yield* ask("t"), yield* ask("latest")]).toEqual([false, false])
      yield* psql.query(`insert into kafka.unpacked_positions select partition_id, 5 from kafka.partitions;
        insert into kafka.materialised_positions select follower_id, partition_id, 5
          from kafka.materialised_tables, kafka.partitions`)
      expect([yield* ask("t"), yield* ask("latest")]).toEqual([true, true])
      expect(yield* Effect.flip(ask("nothing"))).toMatchObject({ _tag: "SqlError" })
    }).pipe(Effect.scoped)
  )
})
