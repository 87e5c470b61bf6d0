import { run } from "@tusk/storage/pg/connection/Statement"
import type { PgConnection } from "@tusk/storage/pg/connection/PgConnection"
import type { Statement } from "@tusk/storage/pg/connection/Statement"
import type { ConnectionError } from "@tusk/storage/pg/connection/ConnectionError"
import type * as Effect from "effect/Effect"

export const RECORD = 1024
export const PER_BATCH = 16
export const PARTITIONS = 32

/** A way of storing a produce request of one batch as a row for each of its records, in one transaction. */
export interface Peer {
  readonly name: string
  /** Sessions that write at a time. */
  readonly sessions: number
  /** Whether it is a peer as it is: the bar is held to those. */
  readonly asItIs: boolean
  readonly schema: string
  /** What it fills. */
  readonly tables: ReadonlyArray<string>
  readonly statements: ReadonlyArray<Statement>
  /** `index` counts partitions from 0; `records` are `PER_BATCH` records of `RECORD` bytes. */
  readonly produce: (
    session: PgConnection,
    index: number,
    offset: bigint,
    records: Uint8Array
  ) => Effect.Effect<unknown, ConnectionError>
}

const record = (records: Uint8Array, i: number): Uint8Array => records.subarray(i * RECORD, (i + 1) * RECORD)

/**
 * pg_kafka (github.com/RTrentJones/pg_kafka, commit 40e3929; `kafka.messages` of sql/bootstrap.sql, `insert_records` of
 * src/kafka/storage/postgres.rs): for a batch the partition's advisory lock, the next offset from the counter and the table,
 * one insert of all records from arrays, the counter moved on; a transaction for each request, one request after another in one
 * worker process (src/worker.rs). Columns, keys and indexes are its own. It is an extension and has no round trips, so its four
 * statements are one function here; like its own they are planned each time they run.
 */
const pgKafka: Peer = {
  name: "pg_kafka's way",
  sessions: 1,
  asItIs: true,
  tables: ["bench_pg_kafka.messages", "bench_pg_kafka.partition_offsets"],
  schema: `create schema bench_pg_kafka;
    create table bench_pg_kafka.topics (id int primary key, name text unique not null);
    insert into bench_pg_kafka.topics values (1, 't');
    create table bench_pg_kafka.messages (
      topic_id int not null references bench_pg_kafka.topics on delete cascade,
      partition_id int not null,
      global_offset bigserial unique,
      partition_offset bigint not null,
      key bytea,
      value bytea,
      headers jsonb,
      timestamp_ms bigint not null default -1,
      created_at timestamptz not null default now(),
      producer_id bigint,
      producer_epoch smallint,
      txn_state text,
      primary key (topic_id, partition_id, partition_offset)
    );
    create index on bench_pg_kafka.messages (topic_id, partition_id, partition_offset);
    create index on bench_pg_kafka.messages (global_offset);
    create index on bench_pg_kafka.messages (topic_id, partition_id, partition_offset) where txn_state = 'pending';
    create table bench_pg_kafka.partition_offsets (
      topic_id int not null references bench_pg_kafka.topics on delete cascade,
      partition_id int not null,
      next_offset bigint not null,
      primary key (topic_id, partition_id)
    );
    create function bench_pg_kafka.insert_records(topic int, part int, data bytea[]) returns bigint
    language plpgsql set search_path = bench_pg_kafka, pg_catalog as $$
    declare
      base bigint;
      n int := cardinality(data);
    begin
      execute 'select pg_advisory_xact_lock($1, $2)' using topic, part;
      execute 'select greatest(
        coalesce((select next_offset from partition_offsets where topic_id = $1 and partition_id = $2), 0),
        coalesce((select max(partition_offset) + 1 from messages where topic_id = $1 and partition_id = $2), 0))'
        into base using topic, part;
      execute 'insert into messages (topic_id, partition_id, partition_offset, key, value, headers, timestamp_ms)
        select * from unnest($1::int[], $2::int[], $3::bigint[], $4::bytea[], $5::bytea[], $6::jsonb[], $7::bigint[])'
        using array_fill(topic, array[n]), array_fill(part, array[n]), array(select generate_series(base, base + n - 1)),
          array_fill(null::bytea, array[n]), data, array_fill('{}'::jsonb, array[n]),
          array_fill(1700000000000::bigint, array[n]);
      execute 'insert into partition_offsets (topic_id, partition_id, next_offset) values ($1, $2, $3)
        on conflict (topic_id, partition_id)
        do update set next_offset = greatest(partition_offsets.next_offset, excluded.next_offset)'
        using topic, part, base + n;
      return base;
    end $$`,
  statements: [{ name: "PgKafka", sql: "select bench_pg_kafka.insert_records(1, $1::int, $2::bytea[])" }],
  produce: (session, index, _offset, records) =>
    session.send((frame) => {
      run(frame, pgKafka.statements[0]!, 2, () => {
        frame.int32(4)
        frame.int32(index)
        frame.value(() => {
          frame.int32(1)
          frame.int32(0)
          // bytea
          frame.int32(17)
          frame.int32(PER_BATCH)
          frame.int32(1)
          for (let i = 0; i < PER_BATCH; i++) {
            frame.int32(RECORD)
            frame.raw(record(records, i))
          }
        })
      })
    })
}

/** The same, had it as many workers as Tansu has sessions. */
const pgKafkaParallel: Peer = {
  ...pgKafka,
  name: "pg_kafka's table, 16 sessions",
  sessions: 16,
  asItIs: false,
  schema: "",
  statements: []
}

/** Microseconds since 2000, as binary COPY has them. */
const TIMESTAMP = 753_315_200_000_000n

/**
 * Tansu (github.com/tansu-io/tansu, now Nisshi, commit 939be10; etc/initdb.d/010-schema.sql, `produce_in_tx` of
 * nisshi-storage/src/pg.rs): for a batch the partition's id, its watermark locked, COPY BINARY of the records into a
 * partitioned table, the watermark moved on; a transaction for each batch, over a pool of 16 sessions. Columns, keys and
 * foreign keys are its own, and so is what it locks: a row of every table that it joins, the topic's as well. It does all that
 * in seven round trips; here it is one, nothing is copied into the table of headers, as there are none, and nothing is asked
 * about idempotence.
 */
const tansu: Peer = {
  name: "Tansu's way",
  sessions: 16,
  asItIs: true,
  tables: ["bench_tansu.record"],
  schema: `create schema bench_tansu;
    create table bench_tansu.cluster (id int primary key, name text not null unique);
    create table bench_tansu.topic (
      id int primary key, cluster int not null references bench_tansu.cluster on delete cascade, name text not null,
      unique (cluster, name)
    );
    create table bench_tansu.topition (
      id int primary key, topic int references bench_tansu.topic on delete cascade, partition int, unique (topic, partition)
    );
    create table bench_tansu.watermark (
      id int generated always as identity primary key,
      topition int references bench_tansu.topition on delete cascade unique,
      low bigint,
      high bigint,
      last_updated timestamp default current_timestamp not null,
      created_at timestamp default current_timestamp not null
    );
    create table bench_tansu.record (
      topition int references bench_tansu.topition on delete cascade,
      offset_id bigint not null,
      primary key (topition, offset_id),
      transaction_id xid8 default pg_current_xact_id() not null,
      attributes smallint,
      producer_id bigint,
      producer_epoch smallint,
      timestamp timestamp,
      k bytea,
      v bytea,
      last_updated timestamp default current_timestamp not null,
      created_at timestamp default current_timestamp not null
    ) partition by list (topition);
    create table bench_tansu.record_default partition of bench_tansu.record default;
    insert into bench_tansu.cluster values (1, 'c');
    insert into bench_tansu.topic values (1, 1, 't');
    insert into bench_tansu.topition select i + 1, 1, i from generate_series(0, ${PARTITIONS - 1}) i;
    insert into bench_tansu.watermark (topition, low, high) select id, 0, 0 from bench_tansu.topition;
    analyze bench_tansu.cluster, bench_tansu.topic, bench_tansu.topition, bench_tansu.watermark`,
  statements: [
    {
      name: "TansuWatermark",
      sql: `select tp.id, w.low, w.high from bench_tansu.cluster c join bench_tansu.topic t on t.cluster = c.id
        join bench_tansu.topition tp on tp.topic = t.id join bench_tansu.watermark w on w.topition = tp.id
        where c.name = 'c' and t.name = 't' and tp.partition = $1::int for no key update`
    },
    {
      name: "TansuCopy",
      sql: `copy bench_tansu.record (topition, offset_id, attributes, producer_id, producer_epoch, timestamp, k, v)
        from stdin (format binary)`
    },
    {
      name: "TansuAdvance",
      sql: `update bench_tansu.watermark w set low = 0, high = $2::bigint, last_updated = current_timestamp
        from bench_tansu.cluster c join bench_tansu.topic t on t.cluster = c.id
        join bench_tansu.topition tp on tp.topic = t.id
        where c.name = 'c' and t.name = 't' and tp.partition = $1::int and w.topition = tp.id`
    }
  ],
  produce: (session, index, offset, records) =>
    session.send((frame) => {
      const [watermark, copy, advance] = tansu.statements
      run(frame, watermark!, 1, () => {
        frame.int32(4)
        frame.int32(index)
      })
      run(frame, copy!, 0, () => {})
      frame.message(0x64, () => {
        frame.raw(SIGNATURE)
        for (let i = 0; i < PER_BATCH; i++) {
          frame.int16(8)
          frame.int32(4)
          frame.int32(index + 1)
          frame.int32(8)
          frame.int64(offset + BigInt(i))
          frame.int32(2)
          frame.int16(0)
          // No producer's id and epoch, no key.
          frame.int32(-1)
          frame.int32(-1)
          frame.int32(8)
          frame.int64(TIMESTAMP)
          frame.int32(-1)
          frame.int32(RECORD)
          frame.raw(record(records, i))
        }
        frame.int16(-1)
      })
      frame.message(0x63, () => {})
      run(frame, advance!, 2, () => {
        frame.int32(4)
        frame.int32(index)
        frame.int32(8)
        frame.int64(offset + BigInt(PER_BATCH))
      })
    })
}

const SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1")

export const peers: ReadonlyArray<Peer> = [pgKafka, tansu, pgKafkaParallel]
