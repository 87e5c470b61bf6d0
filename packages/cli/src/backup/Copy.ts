import type { ConnectionError } from "@tusk/storage/pg/connection/ConnectionError"
import type { PgConnection, TextRows } from "@tusk/storage/pg/connection/PgConnection"
import * as Effect from "effect/Effect"
import type { BatchObject, BatchRow, PartitionRow } from "./PartitionWalk.ts"

type Rows = Effect.Effect<TextRows, ConnectionError>

/** Rows of one look. */
const ROWS = 500
/** Bytes of batches of one look; a larger batch comes alone. */
const BYTES = 8 * 1024 * 1024

/** What a session must not do, it cannot: a copy is looked at, and never changed. */
export const readOnly = (connection: PgConnection): Effect.Effect<void, ConnectionError> =>
  Effect.asVoid(connection.query("set default_transaction_read_only = on"))

/** Partitions of topics, by id. */
export const partitionsOf = (connection: PgConnection): Effect.Effect<ReadonlyArray<PartitionRow>, ConnectionError> =>
  Effect.map(
    connection.query(`
      select p.partition_id, t.name, p.partition_index, p.log_start_offset, p.end_offset_floor,
        p.cleaned_offset is not null or coalesce(s.is_compacted, false)
      from kafka.partitions p join kafka.topics t on t.topic_id = p.topic_id left join kafka.sql_topics s on s.topic = t.name
      order by p.partition_id`),
    (rows) =>
      rows.map(([partitionId, topic, index, logStart, endFloor, isCompacted]) => ({
        partitionId: Number(partitionId),
        topic: topic!,
        index: Number(index),
        logStart: BigInt(logStart!),
        endFloor: BigInt(endFloor!),
        isCompacted: isCompacted === "t"
      }))
  )

const objectOf = (row: TextRows[number]): BatchObject => ({
  id: BigInt(row[10]!),
  position: BigInt(row[11] ?? -1),
  name: row[12]!,
  bytes: row[13] === null ? null : BigInt(row[13]!),
  isUnused: row[14] === "t"
})

const rowsBehind = (connection: PgConnection, partitionId: number, offset: bigint) =>
  Effect.map(
    connection.query(`
      select b.base_offset, b.last_offset, b.max_timestamp, b.timestamp_high, b.cumulative_bytes, b.leader_epoch, b.producer_id,
        b.producer_epoch, b.base_sequence, coalesce(b.object_bytes, octet_length(b.data), 0), b.object_id, b.object_position,
        o.name, o.bytes, o.unused_since is not null, b.data is null
      from kafka.batches b left join kafka.objects o on o.object_id = b.object_id
      where b.partition_id = ${partitionId} and b.base_offset > ${offset} order by b.base_offset limit ${ROWS}`),
    (rows) =>
      rows.map((row): BatchRow => ({
        baseOffset: BigInt(row[0]!),
        lastOffset: BigInt(row[1]!),
        maxTimestamp: BigInt(row[2]!),
        timestampHigh: BigInt(row[3]!),
        cumulativeBytes: BigInt(row[4]!),
        leaderEpoch: Number(row[5]),
        producerId: BigInt(row[6]!),
        producerEpoch: Number(row[7]),
        baseSequence: Number(row[8]),
        size: Number(row[9]),
        object: row[10] === null ? undefined : objectOf(row),
        hasData: row[15] === "f"
      }))
  )

/** Pages of rows, each behind the last row of the one before, until one is not full. */
const inPages = Effect.fnUntraced(function* <Row, Key, E>(
  first: Key,
  read: (behind: Key) => Effect.Effect<ReadonlyArray<Row>, ConnectionError>,
  keyOf: (row: Row) => Key,
  use: (rows: ReadonlyArray<Row>) => Effect.Effect<void, E>
) {
  let behind = first
  while (true) {
    const rows = yield* read(behind)
    yield* use(rows)
    if (rows.length < ROWS) return
    behind = keyOf(rows.at(-1)!)
  }
})

/** Gives the rows of a partition in order, some hundred at a time. */
export const eachBatchRows = <E>(
  connection: PgConnection,
  partitionId: number,
  use: (rows: ReadonlyArray<BatchRow>) => Effect.Effect<void, E>
): Effect.Effect<void, ConnectionError | E> =>
  inPages(
    -1n,
    (behind) => rowsBehind(connection, partitionId, behind),
    ({ baseOffset }) => baseOffset,
    use
  )

/** Cut so that the bytes of each part are few enough to be held. */
export const inParts = (rows: ReadonlyArray<BatchRow>): ReadonlyArray<ReadonlyArray<BatchRow>> => {
  const parts: Array<Array<BatchRow>> = []
  let room = 0
  for (const row of rows) {
    const size = row.hasData ? row.size : 0
    if (parts.length === 0 || size > room) {
      parts.push([])
      room = BYTES
    }
    parts.at(-1)!.push(row)
    room -= size
  }
  return parts
}

/** The bytes of rows that lie one behind the other, by base offset: of those that have them. */
export const dataOf = (
  connection: PgConnection,
  partitionId: number,
  rows: ReadonlyArray<BatchRow>
): Effect.Effect<ReadonlyMap<bigint, Uint8Array>, ConnectionError> =>
  Effect.map(
    connection.query(`
      select base_offset, encode(data, 'hex') from kafka.batches
      where partition_id = ${partitionId} and base_offset between ${rows[0]!.baseOffset} and ${rows.at(-1)!.baseOffset}
        and data is not null`),
    (found) => new Map(found.map(([base, hex]) => [BigInt(base!), Buffer.from(hex!, "hex")]))
  )

/** What is stored beside the batches of one partition. */
export const besideBatches = (connection: PgConnection, partitionId: number) =>
  Effect.all({
    open: connection.query(
      `select producer_id, first_offset from kafka.open_transactions where partition_id = ${partitionId} order by first_offset`
    ),
    aborted: connection.query(
      `select producer_id, last_offset from kafka.aborted_transactions where partition_id = ${partitionId}
        order by last_offset desc limit 1`
    ),
    epochs: connection.query(
      `select epoch, start_offset from kafka.leader_epochs where partition_id = ${partitionId} order by epoch`
    ),
    snapshot: connection.query(
      `select end_offset, encode(value, 'hex') from kafka.producer_snapshots where partition_id = ${partitionId}`
    )
  })

/** Gives committed offsets, some hundred at a time: group, partition id, offset. */
export const eachGroupOffsets = Effect.fnUntraced(function* <E>(
  connection: PgConnection,
  use: (rows: TextRows) => Effect.Effect<void, E>
) {
  const keyOf = (row: TextRows[number]) => row[3]!
  const committed = (behind: string) =>
    connection.query(`select group_id, partition_id, committed_offset, commit_id from kafka.offsets
      where commit_id > ${behind} order by commit_id limit ${ROWS}`)
  const inSql = (behind: string) =>
    connection.query(`select group_id, partition_id, committed_offset, revision from kafka.sql_offsets
      where revision > ${behind} and committed_offset is not null order by revision limit ${ROWS}`)
  yield* inPages("-1", committed, keyOf, use)
  yield* inPages("-1", inSql, keyOf, use)
})

export const counters = (connection: PgConnection): Rows =>
  connection.query(`select cluster_id, epoch, next_producer_id, next_partition_id,
    (select coalesce(max(partition_id), 0) from kafka.partitions), (select coalesce(max(epoch), 0) from kafka.leader_epochs)
    from kafka.cluster`)

/** Topics whose partitions are not numbered from 0 on without a gap. */
export const oddTopics = (connection: PgConnection): Rows =>
  connection.query(`select t.name, count(p.partition_id), coalesce(max(p.partition_index), -1)
    from kafka.topics t left join kafka.partitions p on p.topic_id = t.topic_id group by t.topic_id, t.name
    having count(p.partition_id) = 0 or count(p.partition_id) <> max(p.partition_index) + 1 order by t.name`)

/** Producers with a transaction under way. */
export const ongoingProducers = (connection: PgConnection): Rows =>
  connection.query("select producer_id from kafka.transactions where state = 'Ongoing'")

/** Sequences of ids with the greatest id that was given: a sequence behind it gives ids twice. */
export const sequences = (connection: PgConnection): Rows =>
  connection.query(
    (
      [
        ["outbox", "id"],
        ["outbox_refused", "refused_id"],
        ["sql_offsets", "revision"]
      ] as const
    )
      .map(
        ([table, column]) => `select '${table}.${column}', (select coalesce(max(${column}), 0) from kafka.${table}),
          coalesce((select last_value from pg_sequences
            where format('%I.%I', schemaname, sequencename)::regclass = pg_get_serial_sequence('kafka.${table}', '${column}')::regclass), 0)`
      )
      .join(" union all ")
  )

export const isServed = (connection: PgConnection): Rows => connection.query("select pid from kafka.active_broker")

/** Bytes of all batches, roughly. */
export const totalBytes = (connection: PgConnection): Effect.Effect<number, ConnectionError> =>
  Effect.map(connection.query("select pg_table_size('kafka.batches')"), ([row]) => Number(row?.[0] ?? 0))

/** Topic, partition and end of every partition. */
export const ends = (connection: PgConnection): Rows =>
  connection.query("select topic, partition, end_offset from kafka.partition_overview")
