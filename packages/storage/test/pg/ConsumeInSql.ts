import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import type { ConnectionError } from "../../src/pg/connection/ConnectionError.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import type { Store } from "../../src/port/Store.ts"
import { Write } from "../../src/port/Write.ts"
import { batchOf } from "../log/batch.ts"
import { TOPIC } from "./Appends.ts"
import type { TestDatabase } from "./TestDatabase.ts"

/** A batch of one record, whose value is `v0` if nothing else is said. */
export const record = (partitionId: number, offset: number, value = "v"): Write => {
  const records = Uint8Array.from(batchOf({ value }))
  new DataView(records.buffer).setBigInt64(0, BigInt(offset))
  return Write.Append({
    partitionId,
    baseOffset: BigInt(offset),
    lastOffset: BigInt(offset),
    leaderEpoch: 1,
    maxTimestamp: 1000n,
    timestampHigh: 1000n,
    cumulativeBytes: BigInt((offset + 1) * records.length),
    producerId: -1n,
    producerEpoch: -1,
    baseSequence: -1,
    records
  })
}

/** In place of `kafka.records`, as long as the schema has none: a record for each batch. */
const STAND_IN = `create function kafka.records(topic text, partition integer, from_offset bigint, max integer)
  returns table (partition_index integer, "offset" bigint, "timestamp" timestamptz, key bytea, value bytea, headers kafka.header[])
  language sql volatile as $$
    select p.partition_index, b.base_offset, kafka.time_of(b.max_timestamp), null::bytea, substring(b.data from 68 for 2), null::kafka.header[]
    from kafka.topics t join kafka.partitions p on p.topic_id = t.topic_id join kafka.batches b on b.partition_id = p.partition_id
    where t.name = $1 and p.partition_index = $2 and b.base_offset >= $3 order by b.base_offset limit $4 $$`

/** Makes a function that the schema has none of yet. */
export const standIn = (psql: PgConnection, name: string, create: string) =>
  Effect.flatMap(
    psql.query(`select from pg_proc where proname = '${name}' and pronamespace = 'kafka'::regnamespace`),
    (there) => (there.length > 0 ? Effect.void : psql.query(create))
  )

/** A database with topic "t" of so many partitions, of so many records each. */
export const openTopic = Effect.fnUntraced(function* (database: TestDatabase, partitions: number, records: number) {
  yield* database.empty
  const store: Store["Service"] = yield* database.open()
  yield* store.acquire(NOTHING_TOLD)
  const ids = Array.from({ length: partitions }, (_, i) => i + 1)
  const offsets = Array.from({ length: records }, (_, offset) => offset)
  yield* store.commit([
    [
      Write.PutTopic({ topicId: TOPIC, name: "t" }),
      ...ids.map((partitionId) => Write.PutPartition({ topicId: TOPIC, index: partitionId - 1, partitionId })),
      ...ids.flatMap((partitionId) => offsets.map((offset) => record(partitionId, offset)))
    ]
  ])
  const psql = yield* database.psql()
  yield* standIn(psql, "records", STAND_IN)
  return { store, psql }
})

/** Returns once the session waits for a lock. */
export const waitsForLock = (psql: PgConnection, { processId }: PgConnection) =>
  Effect.repeat(psql.query(`select wait_event_type from pg_stat_activity where pid = ${processId}`), {
    schedule: Schedule.spaced("5 millis"),
    until: ([row]) => row?.[0] === "Lock"
  })

/** As `openTopic`, with a table of what an app makes of records, and another session. */
export const openApp = (database: TestDatabase, partitions = 1, records = 10) =>
  Effect.gen(function* () {
    const { psql, store } = yield* openTopic(database, partitions, records)
    yield* psql.query("create table public.done (partition integer, at bigint)")
    return { psql, store, other: yield* database.psql() }
  })

/** What a claim returns: where to read on, and the claim. */
export const claim = (session: PgConnection, partition = 0, group = "g") =>
  Effect.map(session.query(`select * from kafka.claim('${group}', 't', ${partition})`), ([row]) => ({
    from: row![0]!,
    claim: row![1]!
  }))

export const commit = (offset: number, of: string | undefined, partition = 0) =>
  `select kafka.commit_offsets('g', 't', ${partition}, ${offset}, ${of})`

/** Partition and offset of what is polled, and the claim. */
export const poll = (session: PgConnection, max = 3) =>
  Effect.map(session.query(`select partition, "offset", claim from kafka.poll('g', 't', ${max})`), (rows) => ({
    records: rows.map(([partition, offset]) => `${partition}:${offset}`),
    claim: rows[0]?.[2] ?? undefined
  }))

export const failure = (effect: Effect.Effect<unknown, ConnectionError>) =>
  Effect.map(Effect.flip(effect), (error) => (error._tag === "PgError" ? error.code : error._tag))
