import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import { SCHEMA_VERSION } from "../../src/pg/schema/SchemaVersion.ts"
import { dumpSchema } from "./dumpSchema.ts"
import { append, TOPIC, topic } from "./Appends.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

describe("migrations", () => {
  it.live("installed twice is installed once", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      const psql = yield* database.psql()
      const before = yield* psql.query("select cluster_id from kafka.cluster")
      yield* database.install()
      expect(yield* psql.query("select cluster_id from kafka.cluster")).toEqual(before)
      expect(yield* psql.query("select max(migration_id) from kafka.migrations")).toEqual([[String(SCHEMA_VERSION)]])
    })
  )

  it.live("twelve brokers may install at once", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* Effect.all(
        Array.from({ length: 12 }, () => database.install()),
        { concurrency: "unbounded" }
      )
      const psql = yield* database.psql()
      expect(yield* psql.query("select count(*) from kafka.cluster")).toEqual([["1"]])
      expect(
        yield* psql.query("select max(migration_id), count(*) - count(distinct name) from kafka.migrations")
      ).toEqual([[String(SCHEMA_VERSION), "0"]])
    })
  )

  it.live("a newer schema is refused, by the installer and by acquire, and left as it is", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      const psql = yield* database.psql()
      yield* psql.query(`insert into kafka.migrations (migration_id, name) values (${SCHEMA_VERSION + 1}, 'later')`)
      const kept = () => Effect.all([psql.query("select xmin, c.* from kafka.cluster c"), dumpSchema(psql)])
      const before = yield* kept()
      const refused = yield* Effect.flip(database.install())
      expect(refused).toMatchObject({ _tag: "SchemaTooNew", found: SCHEMA_VERSION + 1, known: SCHEMA_VERSION })
      const store = yield* database.open()
      expect((yield* Effect.flip(Effect.scoped(store.acquire(NOTHING_TOLD))))._tag).toBe("SchemaTooNew")
      expect((refused as Error).message).toContain("start a newer Tusk")
      expect(yield* kept()).toEqual(before)
    })
  )

  it.live("what the first version kept is there after the upgrade", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install(1)
      const psql = yield* database.psql()
      yield* psql.query(`
        insert into kafka.topics (topic_id, name) values ('${TOPIC}', 't');
        insert into kafka.partitions (partition_id, topic_id, partition_index) values (1, '${TOPIC}', 0), (2, null, 0);
        insert into kafka.batches select 1, 1, o, o, o, o, (o + 1) * 10, -1, -1, -1, '\\x00112233445566778899'
          from generate_series(0, 9) o;
        insert into kafka.offsets values ('g', 1, 4, -1, 0, -1, null);
        insert into kafka.groups values ('g', 'classic', '{}');
        insert into kafka.configs values (2, 't', 'retention.ms', '7');
        update kafka.cluster set epoch = 3, next_partition_id = 3`)
      const [before] = yield* psql.query("select cluster_id from kafka.cluster")
      const store = yield* database.open()
      const cluster = yield* store.acquire(NOTHING_TOLD)
      expect(cluster).toMatchObject({ clusterId: before![0], epoch: 4, nextPartitionId: 3, orphans: [2] })
      // No take-over noted a server before: nothing is concluded.
      expect([cluster.failover, cluster.failoverEpoch]).toEqual([undefined, 0])
      expect(cluster.topics).toEqual([{ topicId: TOPIC, name: "t", partitionIds: [1] }])
      expect(cluster.configs).toMatchObject([{ resourceName: "t", name: "retention.ms", value: "7" }])
      expect((yield* store.loadPartitions([1]))[0]).toMatchObject({
        endOffset: 10n,
        logStartOffset: 0n,
        localStartOffset: 0n,
        sizeBytes: 100n
      })
      const [read] = yield* store.read([{ partitionId: 1, from: 5n, maxBytes: 1 << 20 }], 1 << 20)
      expect(read!.length).toBe(5)
      expect(yield* store.loadOffsets).toMatchObject([{ groupId: "g", partitionId: 1, offset: 4n }])
      expect(yield* store.loadGroups).toMatchObject([{ groupId: "g", kind: "classic", value: "{}" }])
      yield* store.commit([[append(10n)]])
      expect(yield* psql.query("select group_id, kind, lag from kafka.group_overview")).toEqual([["g", "classic", "7"]])
      expect(yield* psql.query("select max(migration_id) from kafka.migrations")).toEqual([[String(SCHEMA_VERSION)]])
    })
  )

  it.live("every table, view and function says what it is", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      const psql = yield* database.psql()
      const silent = yield* psql.query(`
        select relname from pg_class where relnamespace = 'kafka'::regnamespace and relkind in ('r', 'v', 'p')
          and obj_description(oid, 'pg_class') is null
        union all select proname from pg_proc where pronamespace = 'kafka'::regnamespace
          and obj_description(oid, 'pg_proc') is null
        union all select nspname from pg_namespace where nspname = 'kafka' and obj_description(oid, 'pg_namespace') is null`)
      expect(silent).toEqual([])
    })
  )

  it.live("every column of every table and view says what it is", () =>
    Effect.gen(function* () {
      yield* database.empty
      yield* database.install()
      const psql = yield* database.psql()
      const silent = yield* psql.query(`
        select c.relname, a.attname from pg_class c join pg_attribute a on a.attrelid = c.oid
        where c.relnamespace = 'kafka'::regnamespace and c.relkind in ('r', 'v', 'm', 'p') and a.attnum > 0
          and not a.attisdropped and coalesce(col_description(c.oid, a.attnum), '') = ''`)
      expect(silent).toEqual([])
    })
  )

  it.live("a plain role serves that owns the schema, or that may create it", () =>
    Effect.gen(function* () {
      yield* database.empty
      const psql = yield* database.psql()
      const role = database.name
      yield* Effect.addFinalizer(() =>
        psql.query(`drop schema if exists kafka cascade; drop owned by ${role}; drop role ${role}`).pipe(Effect.ignore)
      )
      yield* psql.query(`create role ${role} login password 'geheim'`)
      const serve = Effect.scoped(
        Effect.gen(function* () {
          const store = yield* database.open({ user: role, password: "geheim" })
          yield* store.acquire(NOTHING_TOLD)
          yield* store.commit([topic, [append(0n)]])
          yield* store.ping
          expect((yield* store.loadPartitions([1]))[0]!.endOffset).toBe(1n)
        })
      )
      const refused = yield* Effect.flip(
        Effect.scoped(
          Effect.flatMap(database.open({ user: role, password: "geheim" }), (store) => store.acquire(NOTHING_TOLD))
        )
      )
      expect(refused).toMatchObject({ _tag: "StoreUnavailable" })
      expect(String((refused as Error).message)).toContain("permission denied")

      yield* psql.query(`grant create on database ${database.name} to ${role}`)
      yield* serve
      yield* psql.query(`revoke create on database ${database.name} from ${role}; drop schema kafka cascade`)
      yield* psql.query(`create schema kafka authorization ${role}`)
      yield* serve
    })
  )

  it.live("a person sees topics, partitions and lag", () =>
    Effect.gen(function* () {
      yield* database.empty
      const store = yield* database.open()
      yield* store.acquire(NOTHING_TOLD)
      yield* store.commit([topic, [append(0n), append(1n), append(2n)]])
      yield* store.commit([
        [
          {
            _tag: "PutOffset",
            groupId: "g",
            partitionId: 1,
            offset: 1n,
            leaderEpoch: -1,
            metadata: null,
            commitTimestamp: 0n,
            expireTimestamp: -1n
          },
          { _tag: "PutGroup", groupId: "g", kind: "classic", value: "{}" },
          { _tag: "PutConfig", resourceType: 2, resourceName: "t", name: "retention.ms", value: "5" }
        ]
      ])
      const psql = yield* database.psql()
      expect(
        yield* psql.query("select topic, partitions, records, size_bytes, configs from kafka.topic_overview")
      ).toEqual([["t", "1", "3", "300", '{"retention.ms": "5"}']])
      expect(
        yield* psql.query(
          "select topic, partition, partition_id, log_start_offset, end_offset, size_bytes from kafka.partition_overview"
        )
      ).toEqual([["t", "0", "1", "0", "3", "300"]])
      expect(
        yield* psql.query(
          "select group_id, kind, topic, partition, committed_offset, end_offset, lag from kafka.group_lag"
        )
      ).toEqual([["g", "classic", "t", "0", "1", "3", "2"]])
    })
  )
})
