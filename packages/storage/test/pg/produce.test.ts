import { assert, describe, expect, it } from "@effect/vitest"
import { murmur2, partitionForKey } from "@tusk/protocol/record/Murmur2"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { readVectors } from "../../../protocol/test/vectors.ts"
import { connect } from "../../src/pg/connection/connect.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import { install } from "../../src/pg/schema/Migrations.ts"
import { OUTBOX_LOCK } from "../../src/pg/schema/SchemaVersion.ts"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { Write } from "../../src/port/Write.ts"
import { TOPIC, topic } from "./Appends.ts"
import { PostgresServer, until } from "./PostgresServer.ts"
import { failing, prepareTopics } from "./SqlSessions.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()
/** Its encoding is not UTF8: text in it is what its clients sent. */
const other = new TestDatabase()

/** The schema without a broker; topics of six partitions (ids 100 to 105) and of one (200), and a compacted one (300). */
const open = Effect.gen(function* () {
  yield* database.empty
  yield* database.install()
  const psql = yield* database.psql()
  yield* prepareTopics(psql, ["orders", 6], ["one", 1], ["latest", 2])
  yield* psql.query("insert into kafka.configs values (2, 'latest', 'cleanup.policy', 'compact,delete')")
  return psql
})

const KEPT = "select partition_id, key, value from kafka.outbox order by id"
const count = (psql: PgConnection) => Effect.map(psql.query("select count(*) from kafka.outbox"), ([row]) => row![0])
const hex = (text: string) => `\\x${Buffer.from(text).toString("hex")}`

describe("kafka.produce", () => {
  it.live("takes text, bytes and JSON, keys of text and of bytes, and literals of no type", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const key = hex("k")
      const cases: ReadonlyArray<readonly [call: string, key: string | null, value: string | null]> = [
        ["'one', 'x'", null, hex("x")],
        ["'one', 'x', 'k'", key, hex("x")],
        ["'one', value => 'x', key => 'k'", key, hex("x")],
        ["topic => 'one', key => 'k', value => 'é'", key, hex("é")],
        ["'one', value => 'x', key => '\\x6b'::bytea", key, hex("x")],
        ["'one', value => 'x'::varchar, key => 'k'::varchar", key, hex("x")],
        ["'one', value => '\\x01'::bytea", null, "\\x01"],
        ["'one', value => '\\x01'::bytea, key => 'k'", key, "\\x01"],
        ["'one', value => '\\x01'::bytea, key => '\\x6b'::bytea", key, "\\x01"],
        [`'one', value => '{"a": 1}'::jsonb`, null, hex('{"a": 1}')],
        [`'one', value => '{"a": 1}'::jsonb, key => 'k'`, key, hex('{"a": 1}')],
        [`'one', value => '{"a": 1}'::jsonb, key => '\\x6b'::bytea`, key, hex('{"a": 1}')],
        ["'one', value => null, key => 'k'", key, null],
        ["'one', value => null::jsonb, key => 'k'", key, null],
        ["'one', value => 'null'::jsonb, key => ''", "\\x", hex("null")],
        ["'one', value => '', key => null", null, "\\x"]
      ]
      for (const [call, wantedKey, wantedValue] of cases) {
        const [[id]] = (yield* psql.query(`select kafka.produce(${call})`)) as [[string]]
        const [row] = yield* psql.query(`select key, value, id from kafka.outbox order by id desc limit 1`)
        expect(row, call).toEqual([wantedKey, wantedValue, id])
      }
      expect(yield* count(psql)).toBe(String(cases.length))
    })
  )

  it.live("keeps the rest of a record: headers, partition, timestamp", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`select kafka.produce('orders', 'x', partition => 4, "timestamp" => '2026-01-02 03:04:05.6789Z',
        headers => kafka.headers('[["b", "é"], ["a", null], ["b", ""]]'))`)
      expect(
        yield* psql.query(
          "select partition_id, timestamp, headers, group_id is null, xid is not null from kafka.outbox"
        )
      ).toEqual([["104", "1767323045678", '{"(b,\\"\\\\\\\\xc3a9\\")","(a,)","(b,\\"\\\\\\\\x\\")"}', "t", "t"]])
      yield* psql.query("truncate kafka.outbox; select kafka.produce('orders', 'x')")
      expect(
        yield* psql.query(`select abs(timestamp - extract(epoch from clock_timestamp()) * 1000) < 60000, headers is null
          from kafka.outbox`)
      ).toEqual([["t", "t"]])
    })
  )

  it.live("writes UTF-8 whatever the database's own encoding is", () =>
    Effect.gen(function* () {
      yield* open
      const admin = yield* database.psql("postgres")
      yield* Effect.addFinalizer(() => Effect.ignore(admin.query(`drop database ${other.name} with (force)`)))
      yield* admin.query(`create database ${other.name} encoding 'SQL_ASCII' template template0`)
      yield* other.install()
      const psql = yield* other.psql()
      yield* prepareTopics(psql, ["one", 1])
      yield* psql.query("select kafka.produce('one', 'é', 'ü', headers => kafka.headers('{\"é\": \"ü\"}'))")
      expect(yield* psql.query("select key, value, (headers[1]).value from kafka.outbox")).toEqual([
        [hex("ü"), hex("é"), hex("ü")]
      ])
    })
  )

  it.live("chooses the partition of a key as Kafka's Java producer does", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const vectors = Array.from(readVectors("murmur2"), ({ keyHex }) => keyHex as string)
      const keys = [...vectors, ...Array.from({ length: 40 }, (_, i) => "ff80017f".repeat(10).slice(0, 2 * i))]
      const list = `unnest('{${keys.map((key) => `"\\\\x${key}"`).join(",")}}'::bytea[]) with ordinality k (key, n)`
      expect(
        (yield* psql.query(`select kafka.murmur2(key) from ${list} order by n`)).map(([hash]) => Number(hash))
      ).toEqual(keys.map((key) => murmur2(Buffer.from(key, "hex"))))
      yield* psql.query(`select kafka.produce('orders', 'x'::text, key) from (select * from ${list} order by n) k`)
      expect((yield* psql.query(KEPT)).map(([id]) => Number(id) - 100)).toEqual(
        keys.map((key) => partitionForKey(Buffer.from(key, "hex"), 6))
      )
    })
  )

  it.live("without a key takes one partition for a transaction, and all of them over transactions", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`begin; select kafka.produce('orders', 'x'); savepoint s; select kafka.produce('orders', 'x');
        select kafka.produce_many('orders', array['x', 'x']); commit`)
      expect(yield* psql.query("select count(*), count(distinct partition_id) from kafka.outbox")).toEqual([["4", "1"]])
      // A savepoint has a number of its own: those of transactions are even ones or odd ones.
      for (let i = 0; i < 60; i++) {
        yield* psql.query("begin; savepoint s; select kafka.produce('orders', 'x'); commit")
      }
      expect(yield* psql.query("select count(distinct partition_id) from kafka.outbox")).toEqual([["6"]])
    })
  )

  it.live("says at once what is wrong, and how to put it right", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query("insert into kafka.configs values (2, 'one', 'max.message.bytes', '1000')")
      const cases: ReadonlyArray<readonly [call: string, code: string, message: string, detail: string, hint: string]> =
        [
          ["null, 'x'", "22004", "the topic is null", "", ""],
          ["null, 'x', dedup => 'd'", "22004", "the topic is null", "", ""],
          ["'nope', 'x'", "42704", 'there is no topic "nope"', "", "kafka-topics --create"],
          [`'a'' or ''1''=''1";--', 'x'`, "42704", `there is no topic "a' or '1'='1";--"`, "", "kafka-topics"],
          [
            "'orders', 'x', partition => 6",
            "22003",
            'topic "orders" has no partition 6',
            "are 0 to 5",
            "the key chooses"
          ],
          [
            "'orders', 'x', partition => -1",
            "22003",
            'topic "orders" has no partition -1',
            "are 0 to 5",
            "the key chooses"
          ],
          [
            "'one', repeat('x', 920)",
            "54000",
            'too large for topic "one"',
            "1001 bytes; max.message.bytes is 1000",
            "Raise"
          ],
          ["'one', repeat('x', 900), repeat('k', 20)", "54000", "too large", "takes 1001 bytes", "Raise"],
          [
            `'one', repeat('x', 900), headers => kafka.headers('{"0123456": "4567"}')`,
            "54000",
            "too large",
            "1002",
            "Raise"
          ],
          ["'latest', 'x'", "23502", 'topic "latest" takes no record without a key', "compact", "Give a key"],
          [`'one', 'x', "timestamp" => 'infinity'`, "22008", "timestamp infinity", "since 1970", ""],
          [`'one', 'x', "timestamp" => '1969-12-31Z'`, "22008", "timestamp 1969-12-31", "since 1970", ""],
          [
            "'one', 'x', headers => array[row(null, 'x')::kafka.header]",
            "22004",
            "a header has no name",
            "",
            "may be null"
          ],
          ["'one', 'x', dedup => repeat('é', 501)", "22001", "a dedup key of 1002 bytes", "1000 bytes", "hash"]
        ]
      for (const [call, code, message, detail, hint] of cases) {
        const failure = yield* failing(psql, `select kafka.produce(${call})`)
        expect(failure.code, call).toBe(code)
        expect(failure.message, call).toContain(message)
        expect(failure.detail, call).toContain(detail)
        expect(failure.hint, call).toContain(hint)
        if (hint === "") expect(failure.hint, call).toBe("")
      }
      expect(yield* count(psql)).toBe("0")
      expect(yield* psql.query("select count(*) from kafka.outbox_keys")).toEqual([["0"]])
    })
  )

  it.live("goes by the topic's config, else by the brokers', else by what the broker was started with", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const fits = (bytes: number) =>
        Effect.gen(function* () {
          yield* psql.query(`select kafka.produce('one', repeat('x', ${bytes - 81}))`)
          const { detail } = yield* failing(psql, `select kafka.produce('one', repeat('x', ${bytes - 80}))`)
          expect(detail).toContain(`max.message.bytes is ${bytes}.`)
        })
      yield* fits(1_048_588)
      yield* psql.query("update kafka.sql_settings set max_message_bytes = 3000")
      yield* fits(3000)
      yield* psql.query("insert into kafka.configs values (4, '', 'message.max.bytes', '2000')")
      yield* fits(2000)
      yield* psql.query("insert into kafka.configs values (2, 'one', 'max.message.bytes', '1000')")
      yield* fits(1000)

      const keyless = Effect.map(
        psql.query("select * from public.failure('select kafka.produce(''orders'', ''x'')')"),
        (rows) => rows.map(([code]) => code)
      )
      expect(yield* keyless).toEqual([])
      yield* psql.query("update kafka.sql_settings set cleanup_policy = 'compact'")
      expect(yield* keyless).toEqual(["23502"])
      yield* psql.query("insert into kafka.configs values (4, '', 'log.cleanup.policy', 'delete')")
      expect(yield* keyless).toEqual([])
      yield* psql.query("insert into kafka.configs values (2, 'orders', 'cleanup.policy', 'compact')")
      expect(yield* keyless).toEqual(["23502"])
    })
  )

  it.live("leaves nothing of what is rolled back, and keeps the order of calls", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const produce = (value: string) => `select kafka.produce('orders', '${value}', dedup => '${value}')`
      yield* psql.query(`begin; ${produce("a")}; rollback`)
      yield* psql.query(`begin; ${produce("b")}; savepoint s; ${produce("c")}; rollback to s; ${produce("d")}; commit`)
      expect(
        (yield* failing(psql, `do $do$ begin perform kafka.produce('orders', 'e'); perform 1 / 0; end $do$`)).code
      ).toBe("22012")
      expect(yield* psql.query("select convert_from(value, 'UTF8') from kafka.outbox order by xid, id")).toEqual([
        ["b"],
        ["d"]
      ])
      expect(yield* psql.query("select key from kafka.outbox_keys order by 1")).toEqual([["b"], ["d"]])
      expect(yield* psql.query("select records, refused from kafka.outbox_lag")).toEqual([["2", "0"]])
    })
  )

  it.live("works in a trigger, and from a query over many rows in their order", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query(`create table public.orders (id integer primary key, note text);
        create function public.tell() returns trigger language plpgsql as $$ begin
          perform kafka.produce('orders', value => to_jsonb(new), key => new.id::text);
          return null;
        end $$;
        create trigger tell after insert on public.orders for each row execute function public.tell();
        insert into public.orders select i, 'n' from generate_series(1, 3) i;
        select kafka.produce('one', note, id::text) from (select * from public.orders order by id desc) o`)
      expect(
        yield* psql.query("select convert_from(key, 'UTF8'), convert_from(value, 'UTF8') from kafka.outbox order by id")
      ).toEqual([
        ...[1, 2, 3].map((id) => [String(id), `{"id": ${id}, "note": "n"}`]),
        ...[3, 2, 1].map((id) => [String(id), "n"])
      ])
    })
  )
})

describe("kafka.sql_topics", () => {
  it.live("follows the broker's own commits, and the configs that it takes", () =>
    Effect.gen(function* () {
      yield* database.empty
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      const psql = yield* database.psql()
      const seen = psql.query("select * from kafka.sql_topics")
      const put = (resourceType: number, resourceName: string, name: string, value: string | null) =>
        store.commit([[Write.PutConfig({ resourceType, resourceName, name, value })]])
      yield* store.commit([topic])
      expect(yield* seen).toEqual([["t", "{1}", "1048588", "f"]])
      yield* store.commit([[Write.PutPartition({ topicId: TOPIC, index: 1, partitionId: 7 })]])
      yield* put(4, "", "message.max.bytes", "5000")
      expect(yield* seen).toEqual([["t", "{1,7}", "5000", "f"]])
      yield* put(2, "t", "cleanup.policy", "compact")
      yield* put(2, "t", "max.message.bytes", "3000")
      yield* put(2, "t", "max.message.bytes", "4000")
      yield* put(2, "other", "max.message.bytes", "1")
      expect(yield* seen).toEqual([["t", "{1,7}", "4000", "t"]])
      yield* put(2, "t", "max.message.bytes", null)
      expect(yield* seen).toEqual([["t", "{1,7}", "5000", "t"]])
      yield* store.commit([[Write.DeleteTopic({ topicId: TOPIC })]])
      expect(yield* seen).toEqual([])
    })
  )

  it.live("has the topics of before", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install(13)
      const psql = yield* database.psql()
      yield* prepareTopics(psql, ["orders", 2], ["one", 1])
      yield* database.install()
      expect(yield* psql.query("select topic, partition_ids from kafka.sql_topics order by 1")).toEqual([
        ["one", "{200}"],
        ["orders", "{100,101}"]
      ])
    })
  )
})

describe("kafka.produce_many", () => {
  it.live("takes arrays of every type, all in order", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const cases: ReadonlyArray<
        readonly [call: string, keys: ReadonlyArray<string | null>, values: ReadonlyArray<string | null>]
      > = [
        ["array['a', 'é', null]", [null, null, null], [hex("a"), hex("é"), null]],
        ["array['a', 'b'], array['k', null]", [hex("k"), null], [hex("a"), hex("b")]],
        ["records => array['\\x01'::bytea], keys => array['k']", [hex("k")], ["\\x01"]],
        ["array['\\x01'::bytea], array['\\x02'::bytea]", ["\\x02"], ["\\x01"]],
        ["array['\\x01'::bytea]", [null], ["\\x01"]],
        [`array['{"a": 1}', '2']::jsonb[], array['k', 'l']`, [hex("k"), hex("l")], [hex('{"a": 1}'), hex("2")]],
        ["'{}'::text[]", [], []],
        ["null::text[]", [], []]
      ]
      for (const [call, keys, values] of cases) {
        yield* psql.query("truncate kafka.outbox")
        expect(yield* psql.query(`select kafka.produce_many('one', ${call})`), call).toEqual([[String(values.length)]])
        const rows = yield* psql.query("select key, value from kafka.outbox order by id")
        expect([rows.map(([key]) => key), rows.map(([, value]) => value)], call).toEqual([keys, values])
      }
      yield* psql.query(`truncate kafka.outbox; select kafka.produce_many('orders', array_agg(i::text order by i desc),
        array_agg((i % 7)::text order by i desc), headers => kafka.headers('{"h": "v"}'), "timestamp" => '2026-01-01Z')
        from generate_series(1, 1000) i`)
      expect(
        yield* psql.query(`select count(*), count(*) filter (where n <> 1001 - rank), min(timestamp), count(headers)
          from (select convert_from(value, 'UTF8')::int as n, row_number() over (order by id) as rank, * from kafka.outbox) o`)
      ).toEqual([["1000", "0", "1767225600000", "1000"]])
      const rows = yield* psql.query("select distinct convert_from(key, 'UTF8'), partition_id from kafka.outbox")
      for (const [key, id] of rows) expect(Number(id)).toBe(100 + partitionForKey(Buffer.from(key!), 6))
      expect(rows.length).toBe(7)
    })
  )

  it.live("takes all or none", () =>
    Effect.gen(function* () {
      const psql = yield* open
      yield* psql.query("insert into kafka.configs values (2, 'one', 'max.message.bytes', '1000')")
      for (const [call, code] of [
        ["'orders', array['a', 'b'], array['k']", "2202E"],
        ["'one', array['a', repeat('x', 920), 'c']", "54000"],
        ["'latest', array['a', 'b'], array['k', null]", "23502"],
        ["'orders', array['a'], partition => 9", "22003"],
        ["'nope', array['a']", "42704"],
        ["null, array['a']", "22004"]
      ] as const) {
        expect((yield* failing(psql, `select kafka.produce_many(${call})`)).code, call).toBe(code)
      }
      expect(yield* count(psql)).toBe("0")
    })
  )
})

describe("kafka.headers", () => {
  it.live("reads objects and arrays of pairs, and refuses the rest", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const read = (json: string) =>
        psql.query(`select h.key, convert_from(h.value, 'UTF8') from unnest(kafka.headers('${json}')) h`)
      expect(yield* read('{"b": "1", "a": null}')).toEqual([
        ["a", null],
        ["b", "1"]
      ])
      expect(yield* read('[["b", "1"], ["a", null], ["b", "é"]]')).toEqual([
        ["b", "1"],
        ["a", null],
        ["b", "é"]
      ])
      expect(yield* read("{}")).toEqual([])
      expect(yield* read("[]")).toEqual([])
      for (const json of [
        "1",
        '"a"',
        "null",
        '{"a": 1}',
        '{"a": ["b"]}',
        '[["a"]]',
        '[["a", "b", "c"]]',
        '[[1, "b"]]',
        '["ab"]',
        '[{"a": "b"}]'
      ]) {
        const { code, detail, hint } = yield* failing(psql, `select kafka.headers('${json}')`)
        expect([code, detail.slice(0, 8), hint.slice(0, 5)], json).toEqual(["22023", "A header", "Write"])
      }
    })
  )
})

describe("a dedup key", () => {
  const call = (key: string, topic = "orders") => `select kafka.produce('${topic}', 'x', dedup => '${key}')`
  const said = (psql: PgConnection, key: string, topic?: string) =>
    Effect.map(psql.query(call(key, topic)), ([row]) => (row![0] === null ? "known" : "taken"))

  it.live("makes a repeated call harmless, for each topic, until its window is over", () =>
    Effect.gen(function* () {
      const psql = yield* open
      expect([yield* said(psql, "a"), yield* said(psql, "a"), yield* said(psql, "b")]).toEqual([
        "taken",
        "known",
        "taken"
      ])
      expect(yield* said(psql, "a", "one")).toBe("taken")
      expect(yield* psql.query(`begin; ${call("c")}; ${call("c")}; commit`)).toEqual([["4"], [null]])
      expect(yield* count(psql)).toBe("4")
      expect(
        yield* psql.query(
          "select distinct date_trunc('hour', expires_at - now() + interval '1 minute') from kafka.outbox_keys"
        )
      ).toEqual([["24:00:00"]])
      yield* psql.query("update kafka.outbox_keys set expires_at = now() where key = 'a' and topic = 'orders'")
      expect([yield* said(psql, "a"), yield* said(psql, "a")]).toEqual(["taken", "known"])
      yield* psql.query("update kafka.sql_settings set dedup_window = '0'")
      expect([yield* said(psql, "d"), yield* said(psql, "d")]).toEqual(["taken", "taken"])
    })
  )

  it.live("waits for the transaction that has it, and goes by its end", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const other = yield* database.psql()
      for (const [end, wanted] of [
        ["commit", "known"],
        ["rollback", "taken"]
      ] as const) {
        yield* psql.query(`begin; ${call(end)}`)
        const waiting = yield* Effect.forkScoped(said(other, end))
        yield* until(psql, `pg_blocking_pids(${other.processId}) = array[pg_backend_pid()]`)
        yield* psql.query(end)
        expect(yield* Fiber.join(waiting)).toBe(wanted)
      }
      expect(yield* count(psql)).toBe("2")
    })
  )

  it.live("that is known makes nobody wait", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const second = yield* database.psql()
      yield* psql.query(call("a"))
      for (const session of [psql, second]) {
        yield* session.query("begin")
        expect(yield* said(session, "a")).toBe("known")
      }
      yield* Effect.forEach([psql, second], (session) => session.query("commit"))
    })
  )

  it.live("that expired goes with a later call: at most 64, and none that another transaction holds", () =>
    Effect.gen(function* () {
      const psql = yield* open
      const other = yield* database.psql()
      const keysOf = (condition: string) =>
        psql.query(
          `select i from generate_series(1, 1000) i where hashtext(i::text) & 15 ${condition} order by 1 limit 2`
        )
      const [[first], [second]] = (yield* keysOf("= 0")) as [[string], [string]]
      const [[idle]] = (yield* keysOf("<> 0")) as [[string], [string]]
      yield* psql.query(`insert into kafka.outbox_keys select 'orders', 'old ' || i, now() - interval '1 hour' * i
        from generate_series(1, 100) i; insert into kafka.outbox_keys values ('orders', 'young', now() + interval '1 hour')`)
      const left = Effect.map(
        psql.query("select count(*) from kafka.outbox_keys where key ~ 'old'"),
        ([row]) => row![0]
      )
      yield* psql.query(call(idle))
      expect(yield* left).toBe("100")
      yield* other.query("begin; select from kafka.outbox_keys where key in ('old 100', 'old 99') for update")
      yield* psql.query(call(first))
      expect(yield* left).toBe("36")
      yield* psql.query(call(second))
      expect(
        yield* psql.query("select key from kafka.outbox_keys where key ~ 'old' or key = 'young' order by 1")
      ).toEqual([["old 100"], ["old 99"], ["young"]])
    })
  )
})

describe("a broker that sleeps", () => {
  it.live("is notified, and only then; without it a transaction that produced can be prepared", () =>
    Effect.gen(function* () {
      const server = yield* PostgresServer.make
      server.settings = { max_prepared_transactions: "2" }
      yield* server.start
      const target = resolveOptions(server.options())
      const session = Effect.acquireRelease(connect(target, "psql"), (each) => Effect.sync(() => each.leave()))
      const psql = yield* session
      yield* install(psql, target, connect(target, "installer"))
      yield* prepareTopics(psql, ["one", 1])
      const produce = "select kafka.produce('one', 'x', dedup => 'd'), kafka.produce_many('one', array['y'])"

      // PREPARE TRANSACTION refuses what has notified, and tells so of each transaction whether it has.
      yield* psql.query(`begin; ${produce}; prepare transaction 'p'`)
      expect(yield* count(psql)).toBe("0")
      yield* psql.query("rollback prepared 'p'")
      expect(yield* count(psql)).toBe("0")

      const broker = yield* session
      const lock = OUTBOX_LOCK.join(", ")
      yield* broker.query(`select pg_advisory_lock(${lock})`)
      for (const each of ["kafka.produce('one', 'x')", "kafka.produce_many('one', array['x'])"]) {
        yield* psql.query(`begin; select ${each}`)
        const refused = yield* Effect.flip(psql.query("prepare transaction 'p'"))
        assert.include(String((refused as Error).message), "NOTIFY")
        yield* psql.query("rollback")
      }
      yield* psql.query("begin; select kafka.produce_many('one', '{}'::text[]); prepare transaction 'p'")
      yield* psql.query("rollback prepared 'p'")
      yield* broker.query(`select pg_advisory_unlock(${lock})`)

      yield* psql.query(`begin; ${produce}; prepare transaction 'p'`)
      // It keeps the broker awake until its end, which another session may bring about.
      expect(yield* broker.query(`select pg_try_advisory_lock(${lock})`)).toEqual([["f"]])
      yield* broker.query("commit prepared 'p'")
      expect(yield* count(psql)).toBe("2")
      expect(yield* broker.query(`select pg_try_advisory_lock(${lock})`)).toEqual([["t"]])
    })
  )
})
