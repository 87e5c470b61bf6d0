import { describe, expect, it } from "@effect/vitest"
import { GZIP, ZSTD } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { RecordInput } from "@tusk/protocol/record/RecordBatch"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { Write } from "../../src/port/Write.ts"
import { topic, TOPIC } from "./Appends.ts"
import { TestDatabase } from "./TestDatabase.ts"
import { UnpackedLog, utf8, valued } from "./UnpackedLog.ts"

const database = new TestDatabase()

/** A store with topic "t" of one partition, a log to append to it, and a psql session. */
const open = Effect.gen(function* () {
  yield* database.empty
  const store = yield* database.open()
  yield* store.acquire(NOTHING_TOLD)
  const psql = yield* database.psql()
  yield* psql.query("set timezone = 'UTC'")
  const commit = (...unit: ReadonlyArray<Write>) => store.commit([unit])
  yield* commit(...topic)
  return { commit, log: new UnpackedLog(), psql }
})

/** Offset and value of each record, as `0 a`. */
const shown = (psql: PgConnection, call: string) =>
  Effect.map(psql.query(`select "offset", kafka.as_text(value) from ${call}`), (rows) =>
    rows.map((row) => row.join(" "))
  )

const refusal = (psql: PgConnection, sql: string) =>
  Effect.map(Effect.flip(psql.query(sql)), (error) => (error._tag === "PgError" ? error : undefined))

describe("kafka.records", () => {
  it.live("shows key, value, headers and time of each record, whatever of it is missing", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      const headers = [
        { key: "trace", value: utf8("17") },
        { key: "größe\\", value: null },
        { key: "", value: new Uint8Array(0) }
      ]
      const records: ReadonlyArray<RecordInput> = [
        { key: utf8("k"), value: utf8("first"), timestamp: 1_700_000_000_123n, headers },
        { key: null, value: null, timestamp: 1_600_000_000_000n },
        { key: new Uint8Array(0), value: new Uint8Array(0), timestamp: 1_700_000_000_124n }
      ]
      yield* commit(log.append(records))
      expect(yield* psql.query("select * from kafka.records('t')")).toEqual([
        ["0", "0", "2023-11-14 22:13:20.123+00", "\\x6b", "\\x6669727374", expect.any(String)],
        ["0", "1", "2020-09-13 12:26:40+00", null, null, null],
        ["0", "2", "2023-11-14 22:13:20.124+00", "\\x", "\\x", null]
      ])
      expect(
        yield* psql.query(
          "select h.key, kafka.as_text(h.value) from kafka.records('t', max => 1) r, unnest(r.headers) h"
        )
      ).toEqual([
        ["trace", "17"],
        ["größe\\", null],
        ["", ""]
      ])
    })
  )

  it.live("begins at an offset or at a time, ends after so many, and goes over partitions in order", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      const other = new UnpackedLog()
      const batchOfOther = RecordBatch.encodeBatch([valued("x", 1_000n), valued("y", 9_000n)])
      yield* commit(
        Write.PutPartition({ topicId: TOPIC, index: 1, partitionId: 2 }),
        other.stored(batchOfOther, 2),
        log.append([valued("a", 1_000n), valued("b", 3_000n), valued("c", 2_000n)]),
        log.append([valued("d", 4_000n), valued("e", 5_000n)])
      )
      expect(yield* shown(psql, "kafka.records('t')")).toEqual(["0 a", "1 b", "2 c", "3 d", "4 e", "0 x", "1 y"])
      expect(yield* shown(psql, "kafka.records('t', 1)")).toEqual(["0 x", "1 y"])
      expect(yield* shown(psql, "kafka.records('t', 0, 1, 3)")).toEqual(["1 b", "2 c", "3 d"])
      expect(yield* shown(psql, "kafka.records('t', max => 6)")).toEqual(["0 a", "1 b", "2 c", "3 d", "4 e", "0 x"])
      expect(yield* shown(psql, "kafka.records('t', 0, 4, null)")).toEqual(["4 e"])
      expect(yield* shown(psql, "kafka.records('t', 0, 5)")).toEqual([])
      expect(yield* shown(psql, "kafka.records('t', max => 0)")).toEqual([])
      const since = (ms: number) => `since => to_timestamp(${ms / 1000})`
      // From the first that is not older: what follows it may be.
      expect(yield* shown(psql, `kafka.records('t', 0, ${since(2_500)})`)).toEqual(["1 b", "2 c", "3 d", "4 e"])
      expect(yield* shown(psql, `kafka.records('t', ${since(4_500)})`)).toEqual(["4 e", "1 y"])
      expect(yield* shown(psql, `kafka.records('t', 0, 2, ${since(2_500)})`)).toEqual(["3 d", "4 e"])
      expect(yield* shown(psql, "kafka.records('t', since => 'infinity')")).toEqual([])
      expect(yield* shown(psql, "kafka.records('t', 1, since => '-infinity')")).toEqual(["0 x", "1 y"])
    })
  )

  it.live(
    "shows what read_committed reads: no open or aborted transaction, no marker, nothing below the log start",
    () =>
      Effect.gen(function* () {
        const { commit, log, psql } = yield* open
        const inTransaction = { producerId: 7n, producerEpoch: 0, isTransactional: true, baseSequence: 0 }
        const ofAnother = { ...inTransaction, producerId: 8n }
        const ended = (
          producerId: bigint,
          firstOffset: bigint,
          lastOffset: bigint,
          lastStable: bigint,
          aborted: boolean
        ) =>
          Write.EndTransaction({
            partitionId: 1,
            producerId,
            firstOffset,
            lastOffset,
            lastStableOffset: lastStable,
            aborted
          })
        const began = (producerId: bigint, firstOffset: bigint) =>
          Write.BeginTransaction({ partitionId: 1, producerId, firstOffset })
        yield* commit(
          log.append([valued("below"), valued("plain")]),
          began(7n, 2n),
          log.append([valued("aborted")], inTransaction),
          began(8n, 3n),
          log.append([valued("of another")], ofAnother)
        )
        expect(yield* shown(psql, "kafka.records('t')")).toEqual(["0 below", "1 plain"])
        yield* commit(log.marker(7n), ended(7n, 2n, 4n, 3n, true))
        expect(yield* shown(psql, "kafka.records('t')")).toEqual(["0 below", "1 plain"])
        yield* commit(log.append([valued("after")]), log.marker(8n), ended(8n, 3n, 6n, 7n, false))
        yield* commit(began(7n, 7n), log.append([valued("later")], inTransaction))
        expect(yield* shown(psql, "kafka.records('t')")).toEqual(["0 below", "1 plain", "3 of another", "5 after"])
        yield* commit(
          log.marker(7n),
          ended(7n, 7n, 8n, 9n, false),
          Write.PutLogStart({ partitionId: 1, logStartOffset: 1n })
        )
        expect(yield* shown(psql, "kafka.records('t')")).toEqual(["1 plain", "3 of another", "5 after", "7 later"])
        expect(yield* shown(psql, "kafka.records('t', from_offset => 0, max => 2)")).toEqual([
          "1 plain",
          "3 of another"
        ])
      })
  )

  it.live("reads what compaction left, at its offsets, and the broker's time where that counts", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      const kept = (offset: bigint) => ({ offset, value: utf8(`v${offset}`), timestamp: offset * 1000n })
      yield* commit(
        log.append([kept(2n), kept(5n)], { baseOffset: 0n, offsets: "kept", lastOffset: 9n }),
        // Nothing is left of it, and its codec is as it was.
        log.append([], { baseOffset: 10n, lastOffset: 11n, compression: GZIP }),
        log.append([kept(0n), kept(0n)], { timestampType: "LogAppendTime", maxTimestamp: 60_000n })
      )
      expect(
        yield* psql.query(`select "offset", extract(epoch from "timestamp")::int from kafka.records('t')`)
      ).toEqual([
        ["2", "2"],
        ["5", "5"],
        ["12", "60"],
        ["13", "60"]
      ])
      expect(yield* shown(psql, "kafka.records('t', 0, 3, 1)")).toEqual(["5 v5"])
      expect(yield* shown(psql, "kafka.records('t', 0, 6, 1)")).toEqual(["12 v0"])
    })
  )

  it.live("says what to do about a compressed batch, once it comes to it", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      yield* commit(
        log.append([valued("a"), valued("b")]),
        log.append([valued("c")], { compression: ZSTD }),
        log.append([valued("d")])
      )
      expect(yield* shown(psql, "kafka.records('t', max => 2)")).toEqual(["0 a", "1 b"])
      expect(yield* shown(psql, "kafka.records('t', from_offset => 3)")).toEqual(["3 d"])
      const error = yield* refusal(psql, "select * from kafka.records('t', from_offset => 1)")
      expect([error?.code, error?.message]).toEqual([
        "0A000",
        "the batch at offset 2 is compressed, and only a broker reads it"
      ])
      yield* psql.query(`create function detail_and_hint() returns text language plpgsql as $$
        declare detail text; hint text;
        begin
          perform from kafka.records('t');
          return 'none';
        exception when feature_not_supported then
          get stacked diagnostics detail = pg_exception_detail, hint = pg_exception_hint;
          return detail || '; ' || hint;
        end $$`)
      const [told] = yield* psql.query("select detail_and_hint()")
      expect(told![0]).toMatch(/^codec zstd, offset 2; Set tusk\.sql\.records=on /)
    })
  )

  it.live("tells which batch is malformed, and reads on behind it", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      const cut = RecordBatch.encodeBatch([valued("abcdefgh")], { baseOffset: 1n }).slice(0, -4)
      const wrongSize = RecordBatch.encodeBatch([valued("abcdefgh")], { baseOffset: 2n })
      wrongSize[61] = 4
      const endless = RecordBatch.encodeBatch([valued("abcdefgh")], { baseOffset: 3n })
      endless.fill(0xff, 61)
      const batches = [cut, wrongSize, endless].map((batch) => log.stored(batch))
      yield* commit(
        log.append([valued("a")], { baseOffset: 0n }),
        ...batches,
        log.append([valued("b")], { baseOffset: 4n })
      )
      for (const offset of [1, 2, 3]) {
        const error = yield* refusal(psql, `select * from kafka.records('t', from_offset => ${offset})`)
        expect([error?.code, error?.message]).toEqual([
          "XX001",
          expect.stringContaining(`the batch at offset ${offset} is malformed`)
        ])
      }
      expect(yield* shown(psql, "kafka.records('t', from_offset => 4)")).toEqual(["4 b"])
    })
  )

  it.live("names what is not there", () =>
    Effect.gen(function* () {
      const { psql } = yield* open
      const errors = [
        yield* refusal(psql, "select * from kafka.records('T')"),
        yield* refusal(psql, "select * from kafka.records('t', 1)")
      ]
      expect(errors.map((error) => [error?.code, error?.message])).toEqual([
        ["42704", 'there is no topic "T"'],
        ["22003", 'topic "t" has no partition 1']
      ])
    })
  )
})

/** Any bytes, null among them. */
const Bytes = Schema.NullOr(Schema.Array(Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 255 }))))
const AnyRecord = Schema.Struct({
  key: Bytes,
  value: Bytes,
  stretch: Schema.Literals([1, 1, 300, 20_000]),
  timestamp: Schema.BigInt.check(Schema.isBetweenBigInt({ minimum: -(2n ** 63n), maximum: 2n ** 63n - 1n })),
  gap: Schema.Literals([1, 1, 2, 70, 9_000, 3_000_000]),
  headers: Schema.Array(Schema.Struct({ key: Schema.String, value: Bytes }))
})
const LIMITS = { maxDecompressedBytes: 1 << 26 }

const bytesOf = (numbers: ReadonlyArray<number> | null, stretch = 1): Uint8Array | null =>
  numbers === null ? null : Buffer.concat(Array.from({ length: stretch }, () => Uint8Array.from(numbers)))
const hex = (bytes: Uint8Array | null) => (bytes === null ? null : `\\x${Buffer.from(bytes).toString("hex")}`)
/** Postgres has no zero character in a text: such a key is shown escaped. */
const keyShown = (key: string) => (key.includes("\0") ? undefined : key)
const clamped = (ms: bigint) =>
  ms > 253402300799999n ? 253402300799999n : ms < -62135596800000n ? -62135596800000n : ms

describe("kafka.unpack", () => {
  it.live("unpacks any records as the protocol's own decoder does", () =>
    Effect.gen(function* () {
      const { psql } = yield* open
      const samples = yield* Arbitrary.sampleEffect(Arbitrary.schema(Schema.Array(AnyRecord)), { count: 60 })
      for (const sample of samples) {
        let offset = 5n
        const records = sample.map(({ gap, headers, key, stretch, timestamp, value }) => ({
          offset: (offset += BigInt(gap)),
          timestamp,
          key: bytesOf(key),
          value: bytesOf(value, stretch),
          headers: headers.map((header) => ({ key: header.key, value: bytesOf(header.value) }))
        }))
        const batch = RecordBatch.encodeBatch(records, { offsets: "kept" })
        const decoded = RecordBatch.decodeRecords(batch, LIMITS)
        if ("_tag" in decoded) throw decoded
        const rows = yield* psql.query(`select u."offset",
            round(extract(epoch from u."timestamp") * 1000), u.key, u.value,
            (select json_agg(json_build_array(h.key, h.value) order by place) from unnest(u.headers)
              with ordinality h (key, value, place))
          from kafka.unpack('${hex(batch)}', 0, null, null) u`)
        expect(rows.map(([at, ms, key, value]) => [at, ms, key, value])).toEqual(
          decoded.map((record) => [
            String(record.offset),
            String(clamped(record.timestamp)),
            hex(record.key),
            hex(record.value)
          ])
        )
        for (const [i, record] of decoded.entries()) {
          const headers = JSON.parse(rows[i]![4] ?? "[]") as ReadonlyArray<readonly [string, string | null]>
          expect(headers.map(([, value]) => value)).toEqual(record.headers.map(({ value }) => hex(value)))
          for (const [k, { key }] of record.headers.entries()) {
            expect(headers[k]![0]).toEqual(keyShown(key) ?? expect.stringContaining("\\000"))
          }
        }
      }
    })
  )
})

describe("kafka.as_text and kafka.as_json", () => {
  it.live("show what is text and JSON, and null for all else", () =>
    Effect.gen(function* () {
      const { psql } = yield* open
      const [row] = yield* psql.query(String.raw`select kafka.as_text('\x6772c3b6c39f65'), kafka.as_text('\xff'),
        kafka.as_text(null), kafka.as_json('{"a": [1]}') -> 'a', kafka.as_json('{'), kafka.as_json('\xff'),
        kafka.as_text('\x00')`)
      expect(row).toEqual(["größe", null, null, "[1]", null, null, null])
    })
  )
})

describe("rights", () => {
  it.live("a role reads what kafka.acls lets it read, and calls nothing that is Tusk's own", () =>
    Effect.gen(function* () {
      const { commit, log, psql } = yield* open
      const role = `${database.name}_app`
      yield* Effect.acquireRelease(psql.query(`create role ${role}; grant usage on schema kafka to ${role}`), () =>
        Effect.orDie(psql.query(`reset role; drop owned by ${role}; drop role ${role}`))
      )
      yield* commit(log.append([valued("a")]))
      yield* psql.query(`insert into kafka.unpacked values (1, 0, now(), null, 'a'); insert into kafka.unpacked_positions
        values (1, 1); set role ${role}`)
      for (const call of ["records('t')", "records('nowhere')", "await('t', 0, 0)"]) {
        const error = yield* refusal(psql, `select * from kafka.${call}`)
        expect([call, error?.code, error?.message]).toEqual([
          call,
          "42501",
          expect.stringContaining("permission denied for topic")
        ])
      }
      expect(yield* psql.query("select * from kafka.topic_records")).toEqual([])
      // A table and operators of its own, where the session looks first, mean nothing inside.
      yield* psql.query(`reset role; create schema mine authorization ${role}; set role ${role};
        set search_path = mine, pg_catalog; create function mine.lower_than(bigint, bigint) returns boolean
        language sql as 'select false'; create operator mine.< (leftarg = bigint, rightarg = bigint, function = mine.lower_than);
        create function mine.octet_length(bytea) returns integer language sql as 'select 61'`)
      yield* psql.query(`reset role; insert into kafka.acls values ('TOPIC', 't', 'LITERAL', 'User:${role}', '*', 'READ', 'ALLOW');
        set role ${role}`)
      expect(yield* shown(psql, "kafka.records('t')")).toEqual(["0 a"])
      expect(yield* shown(psql, "kafka.topic_records")).toEqual(["0 a"])
      expect(yield* psql.query("select kafka.await('t', 0, 0)")).toEqual([["t"]])
      yield* psql.query("reset role; delete from kafka.unpacked_positions")
      yield* psql.query(`set role ${role}`)
      expect(yield* shown(psql, "kafka.records('t')")).toEqual(["0 a"])
      const open_to_it = yield* psql.query(`select proname from pg_proc where pronamespace = 'kafka'::regnamespace
        and has_function_privilege(oid, 'execute') and proname in ('records', 'await', 'as_text', 'as_json', 'may_read',
          'unpack', 'unpack_whole', 'varint', 'long_varint', 'varint_size', 'wrapping_sum', 'headers_of', 'is_aborted',
          'first_offset', 'log_records', 'kept_records', 'readable_partitions') order by 1`)
      expect(open_to_it.flat()).toEqual(["as_json", "as_text", "await", "may_read", "records"])
    }).pipe(Effect.scoped)
  )
})
