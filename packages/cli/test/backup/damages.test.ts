import { assert, describe, it } from "@effect/vitest"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { Produce } from "@tusk/protocol/messages/Produce"
import { connect } from "@tusk/storage/pg/connection/connect"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import type { PgConnection } from "@tusk/storage/pg/connection/PgConnection"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { adoption } from "@tusk/storage/log/objects/adoption"
import { makeMemoryObjectStore, MemoryObjects } from "@tusk/storage/object/memory/MemoryObjectStore"
import { clusterIdentity } from "@tusk/storage/pg/PgStore/serverIdentity"
import * as Effect from "effect/Effect"
import * as PgStore from "../../../storage/src/pg/PgStore.ts"
import { PostgresServer, until } from "../../../storage/test/pg/PostgresServer.ts"
import { startBroker } from "../../../server/test/BrokerUnderTest.ts"
import type { WireClient } from "../../../server/test/WireClient.ts"
import { checkCopy, compareWithLive } from "../../src/backup/backupCheck.ts"
import { Report } from "../../src/backup/Damage.ts"
import type { Damage } from "../../src/backup/Damage.ts"
import { Pace } from "../../src/backup/Pace.ts"
import { runTusk } from "../Command.ts"

interface Told {
  readonly producerId?: bigint
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly transactionalId?: string
  readonly key?: string
}

const send = async (client: WireClient, name: string, values: ReadonlyArray<string>, told: Told = {}) => {
  const { key, transactionalId = null, ...producer } = told
  const options = { ...producer, isTransactional: transactionalId !== null }
  const timestamp = BigInt(Date.now())
  const keyed = values.map((value) => ({
    timestamp,
    key: key === undefined ? null : Buffer.from(key),
    value: Buffer.from(value)
  }))
  const records = encodeBatch(keyed, options)
  const topicData = [{ name, partitionData: [{ index: 0, records }] }]
  const { responses } = await client.call(Produce, 12, { transactionalId, acks: -1, timeoutMs: 5000, topicData })
  assert.strictEqual(responses[0]!.partitionResponses[0]!.errorCode, 0)
}

/** Batches of a producer with sequences; transactions that were committed, aborted and left open; a log start; a group. */
const fill = async (server: PostgresServer): Promise<void> => {
  await using broker = await startBroker({}, { store: PgStore.layer(server.options()) as never })
  const client = await broker.connect()
  const topics = ["plain", "tx", "cut", "empty"].map((name) => ({ name, numPartitions: 1, replicationFactor: 1 }))
  await client.call(CreateTopics, 7, { topics })
  const idempotent = await client.call(InitProducerId, 5, { transactionalId: null, transactionTimeoutMs: 60_000 })
  const { producerEpoch, producerId } = idempotent
  for (let i = 0; i < 10; i++) {
    await send(client, "plain", [`a${i}`, `b${i}`], { producerId, producerEpoch, baseSequence: 2 * i })
    await send(client, "cut", [`a${i}`])
  }
  for (const [transactionalId, committed] of [
    ["yes", true],
    ["no", false],
    ["open", undefined]
  ] as const) {
    const begun = await client.call(InitProducerId, 5, { transactionalId, transactionTimeoutMs: 60_000 })
    const producer = { producerId: begun.producerId, producerEpoch: begun.producerEpoch }
    await send(client, "tx", ["x"], { ...producer, baseSequence: 0, transactionalId })
    if (committed !== undefined) await client.call(EndTxn, 5, { transactionalId, ...producer, committed })
  }
  await client.call(DeleteRecords, 2, {
    topics: [{ name: "cut", partitions: [{ partitionIndex: 0, offset: 4n }] }],
    timeoutMs: 5000
  })
  const committed = await client.call(OffsetCommit, 8, {
    groupId: "g",
    topics: [{ name: "plain", partitions: [{ partitionIndex: 0, committedOffset: 20n }] }]
  })
  assert.strictEqual(committed.topics[0]!.partitions[0]!.errorCode, 0)
}

const unpaced = new Pace(0, () => Effect.void)

/** What is found after some statements, which are taken back. */
const after = (psql: PgConnection, sql: string) =>
  Effect.gen(function* () {
    yield* psql.query("begin read write")
    yield* psql.query(sql)
    const { damages } = yield* checkCopy(psql, unpaced)
    yield* psql.query("rollback")
    return damages
  })

const idOf = (topic: string) =>
  `(select p.partition_id from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id where t.name = '${topic}')`

const assertFound = (
  damages: ReadonlyArray<Damage>,
  check: string,
  where: readonly [string | null, bigint | null],
  seen: RegExp
) => {
  const found = damages.find(
    (damage) =>
      damage.check === check && damage.topic === where[0] && damage.offset === where[1] && seen.test(damage.seen)
  )
  const all = damages.map((damage) => ({ ...damage, offset: String(damage.offset) }))
  assert.isDefined(found, `${check} ${where.join()} ${seen} among ${JSON.stringify(all, undefined, 1)}`)
}

describe("tusk backup-check", () => {
  it.live(
    "finds nothing wrong with a copy that is whole, and names what was broken in it",
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.make
        yield* server.start
        yield* Effect.promise(() => fill(server))
        const psql = yield* server.psql
        const whole = yield* checkCopy(psql, unpaced)
        assert.deepStrictEqual(whole.damages, [])
        assert.strictEqual(whole.partitions, 4)
        assert.strictEqual(whole.groupOffsets, 1)
        assert.isAbove(whole.batches, 20)

        const flipped = `update kafka.batches set data = set_byte(data, 70, get_byte(data, 70) # 1)
          where partition_id = ${idOf("plain")} and base_offset = 6`
        const one = yield* after(psql, flipped)
        assert.lengthOf(one, 1)
        assertFound(one, "checksums", ["plain", 6n], /CRC-32C/)

        const gone = yield* after(
          psql,
          `delete from kafka.batches where partition_id = ${idOf("plain")} and base_offset = 8`
        )
        assertFound(gone, "batches", ["plain", 8n], /^offsets 8 to 9 are missing/)
        assertFound(gone, "producers", ["plain", 10n], /sequence 10 behind 7/)

        const first = yield* after(
          psql,
          `delete from kafka.batches where partition_id = ${idOf("cut")} and base_offset = 4`
        )
        assertFound(first, "batches", ["cut", 4n], /^offsets 4 to 4 are missing/)

        const last = yield* after(
          psql,
          `delete from kafka.batches where partition_id = ${idOf("plain")} and base_offset = 18`
        )
        assertFound(last, "groups", ["plain", 20n], /^group "g" has committed 20, behind the log's end 18/)

        const ahead = yield* after(psql, "update kafka.offsets set committed_offset = 99")
        assert.lengthOf(ahead, 1)
        assertFound(ahead, "groups", ["plain", 99n], /has committed 99/)

        const moved = yield* after(
          psql,
          `update kafka.batches set producer_epoch = 7
          where partition_id = ${idOf("plain")} and base_offset = 6`
        )
        assertFound(moved, "checksums", ["plain", 6n], /producer_epoch is 7 in the row and 0 in the batch/)

        const unmarked = yield* after(psql, "delete from kafka.open_transactions")
        assertFound(unmarked, "transactions", ["tx", 4n], /has no marker, and is not known to be open/)

        const hanging = yield* after(psql, "delete from kafka.transactional_ids")
        assertFound(hanging, "transactions", ["tx", 4n], /^nobody ends the open transaction/)

        const epochs = yield* after(
          psql,
          "update kafka.cluster set epoch = 0, next_producer_id = 0, next_partition_id = 1"
        )
        for (const seen of [/^the cluster's epoch is 0/, /^the next producer id is 0/, /^the next partition id is 1/]) {
          assertFound(epochs, "counters", [null, null], seen)
        }

        const starts = yield* after(
          psql,
          `update kafka.partitions set log_start_offset = 50 where partition_id = ${idOf("plain")}`
        )
        assertFound(starts, "batches", ["plain", 20n], /^the log starts at 50, and ends at 20/)

        const odd = yield* after(
          psql,
          `update kafka.partitions set partition_index = 3 where partition_id = ${idOf("empty")}`
        )
        assertFound(odd, "topics", ["empty", null], /^1 partitions, and the last one is 3/)

        const producers = yield* after(
          psql,
          `insert into kafka.producer_snapshots values (${idOf("plain")}, 1000, 'no JSON')
          on conflict (partition_id) do update set end_offset = 1000, value = excluded.value`
        )
        assertFound(producers, "producers", ["plain", 20n], /up to 1000/)
        assertFound(producers, "producers", ["plain", 1000n], /cannot be read/)

        const ids = yield* after(
          psql,
          `insert into kafka.outbox_refused (refused_id, id, reason, partition_id, timestamp)
          overriding system value values (500, 1, 'r', 1, 0)`
        )
        assertFound(
          ids,
          "sequences",
          [null, null],
          /^kafka\.outbox_refused\.refused_id: the sequence is at \d, and 500 is in use/
        )

        const newer = yield* after(psql, "insert into kafka.migrations (migration_id, name) values (9999, 'tomorrow')")
        assertFound(newer, "schema", [null, null], /9999/)
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "of a batch that lies in an object it looks at all but the bytes",
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.make
        yield* server.start
        yield* Effect.promise(() => fill(server))
        const psql = yield* server.psql
        const [cluster] = yield* psql.query("select cluster_id from kafka.cluster")
        const name = `${cluster![0]}/abcdefgh/000000000-1`
        yield* psql.query(`insert into kafka.objects (object_id, name, bytes, created_at) values (7, '${name}', 100000, 0);
          update kafka.batches set object_id = 7, object_position = partition_id * 10000 + base_offset * 200, object_bytes = octet_length(data), data = null
          where (partition_id = ${idOf("plain")} and base_offset in (6, 8)) or (partition_id = ${idOf("tx")} and base_offset in (0, 4))`)
        // Of a transaction that is open, of one that a marker ended: the row does not tell, and nothing is missed.
        const whole = yield* checkCopy(psql, unpaced)
        assert.deepStrictEqual(whole.damages, [])
        assert.strictEqual(whole.objectBatches, 4)
        assert.isAbove(whole.objectBytes, 4 * 61)

        const at = `partition_id = ${idOf("plain")} and base_offset = 6`
        const broken: ReadonlyArray<readonly [sql: string, seen: RegExp]> = [
          [
            `update kafka.batches set object_id = 8 where ${at}`,
            /^the batch lies in object 8, which kafka\.objects does not/
          ],
          [
            `update kafka.batches set object_position = 99999 where ${at}`,
            /^bytes 99999 to \d+ of an object of 100000: .*abcdefgh/
          ],
          [`update kafka.batches set object_position = null where ${at}`, /^bytes -1 to \d+ of an object of 100000/],
          [`update kafka.batches set object_bytes = 60 where ${at}`, /^a batch of 60 bytes is none/],
          [`update kafka.batches set object_id = null where ${at}`, /^the row has no bytes, and names no object/],
          [
            "update kafka.objects set unused_since = 1",
            /^the batch lies in an object that is to be deleted as unused: .*abcdefgh/
          ]
        ]
        for (const [sql, seen] of broken) assertFound(yield* after(psql, sql), "objects", ["plain", 6n], seen)
        const gone = yield* after(psql, `delete from kafka.batches where ${at}`)
        assertFound(gone, "batches", ["plain", 6n], /^offsets 6 to 7 are missing/)
        assertFound(gone, "producers", ["plain", 8n], /sequence 8 behind 5/)

        // With the store: each object that the copy points to, and whose they are.
        const objects = new MemoryObjects()
        const store = makeMemoryObjectStore(objects, { maxBytes: 1 << 20 })
        const look = Effect.andThen(psql.query("deallocate all"), checkCopy(psql, unpaced, store))
        const lost = yield* look
        assertFound(lost.damages, "objects", ["plain", 6n], new RegExp(`^missing: .* \\(${name}\\)$`))
        yield* store.put(name, [new Uint8Array(100_000)])
        // Newer than the copy: of no matter.
        yield* store.put(`${cluster![0]}/abcdefgh/000000001-1`, [new Uint8Array(1)])
        const held = yield* look
        assert.strictEqual(held.objects, 1)
        assert.deepStrictEqual(held.counts, { error: 0, warning: 0, info: 1 })
        assertFound(held.damages, "objects", [null, null], /^the objects in .* are nobody's: tusk object adopt makes/)
        yield* store.remove(name)
        yield* store.put(name, [new Uint8Array(1005)])
        const short = yield* look
        assertFound(short.damages, "objects", ["plain", 6n], /^short: it ends at \d+ of 1005 bytes/)
        // That alone is no damage where objects grow.
        assert.isFalse(short.damages.some(({ seen }) => seen.startsWith("size")))
        yield* store.remove(name)
        yield* store.put(name, [new Uint8Array(100_005)])
        const long = yield* look
        assertFound(long.damages, "objects", [null, null], /^size: 100005 bytes in the store, 100000 by its row/)
        yield* Effect.flatMap(Effect.flatMap(Effect.orDie(clusterIdentity(psql)), Effect.fromNullishOr), (found) =>
          Effect.flatMap(adoption(store, found), ({ adopt }) => adopt)
        )
        assert.strictEqual((yield* look).counts.info, 0)
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "takes for no damage what compaction took, and a leap after a failover",
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.make
        yield* server.start
        yield* Effect.promise(() => fill(server))
        const psql = yield* server.psql
        yield* psql.query("update kafka.cluster set system_identifier = 'another'")
        const produce = async (work: (client: WireClient) => Promise<void>) => {
          await using broker = await startBroker(
            { logCleanerBackoffMs: 20 },
            { store: PgStore.layer(server.options()) as never }
          )
          const compact = { "cleanup.policy": "compact", "segment.ms": "1", "min.cleanable.dirty.ratio": "0.01" }
          await broker.createTopic("compact", 1, compact)
          await work(await broker.connect())
        }
        yield* Effect.promise(() =>
          produce(async (client) => {
            await send(client, "plain", ["behind the leap"])
            for (let i = 0; i < 200; i++) await send(client, "compact", ["v".repeat(50)], { key: `k${i % 3}` })
            await Effect.runPromise(until(psql, "exists (select from kafka.partitions where cleaned_offset > 100)"))
          })
        )
        const leapt = yield* psql.query(
          `select count(*) from kafka.batches where partition_id = ${idOf("plain")} and last_offset > 1000`
        )
        assert.isAbove(Number(leapt[0]![0]), 0)
        const gaps = yield* psql.query(`select count(*) from kafka.batches where partition_id = ${idOf("compact")}`)
        assert.isBelow(Number(gaps[0]![0]), 200)
        const { damages } = yield* checkCopy(psql, unpaced)
        assert.deepStrictEqual(damages, [])
      }).pipe(Effect.scoped),
    120_000
  )

  it.live(
    "tells how far a copy is behind the live database, and what it takes from a command line",
    () =>
      Effect.gen(function* () {
        const server = yield* PostgresServer.make
        yield* server.start
        yield* Effect.promise(() => fill(server))
        const psql = yield* server.psql
        yield* psql.query("create database copy template postgres")
        const url = (database: string) =>
          `postgres://postgres@localhost/${database}?host=${encodeURIComponent(server.folder)}`
        yield* psql.query(`insert into kafka.batches select partition_id, leader_epoch, 20, 21, max_timestamp, timestamp_high,
          cumulative_bytes, producer_id, base_sequence, producer_epoch, data from kafka.batches
          where partition_id = ${idOf("plain")} and base_offset = 18`)
        const { exit, stderr, stdout } = yield* Effect.promise(() =>
          runTusk([
            "backup-check",
            "--database-url",
            url("copy"),
            "--live-database-url",
            url("postgres"),
            "--output",
            "json"
          ])
        )
        assert.strictEqual(stderr, "")
        assert.strictEqual(exit, 0)
        const told = JSON.parse(stdout) as {
          readonly errors: number
          readonly findings: ReadonlyArray<{ readonly seen: string }>
        }
        assert.deepStrictEqual(
          told.findings.map(({ seen }) => seen),
          ["the copy is 2 offsets behind the live database, and lacks 0 partitions of it"]
        )
        // The broken one of the two, as people read it.
        const broken = yield* Effect.promise(() =>
          runTusk(["backup-check", "--database-url", url("postgres"), "--output", "plain"])
        )
        assert.strictEqual(broken.exit, 4)
        assert.match(
          broken.stdout,
          /^error\tchecksums\tplain\t0\t20\tbase_offset is 20 in the row and 18 in the batch$/m
        )
        assert.match(
          broken.stderr,
          /^4 partitions, \d+ batches, \d+ bytes and 1 committed offsets read: \d errors, \d warnings$/m
        )
        yield* psql.query("update kafka.cluster set cluster_id = 'another'")
        const report = new Report()
        const copy = yield* Effect.acquireRelease(connect(resolveOptions({ url: url("copy") }), "copy"), (each) =>
          Effect.sync(() => each.leave())
        )
        yield* compareWithLive(copy, psql, report)
        assertFound(report.damages, "live", [null, null], /^the copy is of cluster \S{22}, the live one is another$/)
      }).pipe(Effect.scoped),
    120_000
  )
})
