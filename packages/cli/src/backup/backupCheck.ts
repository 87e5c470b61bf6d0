import type { ConnectionError } from "@tusk/storage/pg/connection/ConnectionError"
import type { PgConnection, TextRows } from "@tusk/storage/pg/connection/PgConnection"
import { restoreProducers } from "@tusk/storage/log/partitions/ProducerState"
import { stepsTaken, stepsToTake } from "@tusk/storage/pg/schema/SchemaSteps"
import * as Effect from "effect/Effect"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import * as Result from "effect/Result"
import * as Copy from "./Copy.ts"
import { Report } from "./Damage.ts"
import type { Pace } from "./Pace.ts"
import { PartitionWalk } from "./PartitionWalk.ts"
import { checkStoredObjects } from "./storedObjects.ts"
import type { BatchRow, PartitionRow } from "./PartitionWalk.ts"

/** What is known of a partition once it was walked. */
interface Walked {
  readonly row: PartitionRow
  readonly endOffset: bigint
}

interface Parts {
  readonly connection: PgConnection
  readonly report: Report
  readonly pace: Pace
  readonly walked: Map<number, Walked>
  readonly ongoing: ReadonlySet<string>
  maxProducerId: bigint
  maxLeaderEpoch: number
}

/** The bytes of some rows; where they cannot be read together, each alone, so that the broken one has a name. */
const readData = (
  { connection, report }: Parts,
  walk: PartitionWalk,
  partitionId: number,
  rows: ReadonlyArray<BatchRow>
): Effect.Effect<ReadonlyMap<bigint, Uint8Array>, ConnectionError> => {
  const unreadable = (row: BatchRow, message: string) =>
    Effect.sync(() => {
      report.add("error", "checksums", `the batch cannot be read: ${message}`, walk.place(row.baseOffset))
      return new Map<bigint, Uint8Array>()
    })
  return Copy.dataOf(connection, partitionId, rows).pipe(
    Effect.catchTag("PgError", ({ message }) =>
      rows.length === 1
        ? unreadable(rows[0]!, message)
        : Effect.map(
            Effect.forEach(rows, (row) =>
              Copy.dataOf(connection, partitionId, [row]).pipe(
                Effect.catchTag("PgError", (error) => unreadable(row, error.message))
              )
            ),
            (maps) => new Map(maps.flatMap((map) => Array.from(map)))
          )
    )
  )
}

const walkBatches = Effect.fnUntraced(function* (parts: Parts, row: PartitionRow) {
  const walk = new PartitionWalk(row, parts.report)
  yield* Copy.eachBatchRows(parts.connection, row.partitionId, (rows) =>
    Effect.forEach(
      Copy.inParts(rows),
      (part) =>
        Effect.gen(function* () {
          const data = part.some(({ hasData }) => hasData)
            ? yield* readData(parts, walk, row.partitionId, part)
            : new Map<bigint, Uint8Array>()
          for (const each of part) {
            walk.row(each)
            const bytes = data.get(each.baseOffset)
            if (bytes !== undefined) walk.data(each, bytes)
          }
          yield* parts.pace.read(parts.report.bytes, `${row.topic}-${row.index}`)
        }),
      { discard: true }
    )
  )
  walk.end()
  return walk
})

const checkBeside = Effect.fnUntraced(function* (parts: Parts, row: PartitionRow, walk: PartitionWalk) {
  const { ongoing, report } = parts
  const { aborted, epochs, open, snapshot } = yield* Copy.besideBatches(parts.connection, row.partitionId)
  const end = walk.endOffset
  const tell = (check: string, seen: string, offset: bigint) => report.add("error", check, seen, walk.place(offset))
  const noted = new Map(open.map(([producer, first]) => [BigInt(producer!), BigInt(first!)]))
  for (const [producer, first] of walk.open) {
    if (noted.has(producer)) continue
    tell("transactions", `a transaction of producer ${producer} has no marker, and is not known to be open`, first)
  }
  for (const [producer, first] of noted) {
    if (!walk.open.has(producer) && !walk.perhapsOpen.has(producer) && first >= row.logStart) {
      tell("transactions", `a transaction of producer ${producer} is kept open, and has no batch or was ended`, first)
    } else if (!ongoing.has(String(producer))) {
      const seen = `nobody ends the open transaction of producer ${producer}: read_committed waits at ${first} (kafka-transactions abort)`
      report.add("warning", "transactions", seen, walk.place(first))
    }
  }
  for (const [producer, last] of aborted) {
    if (BigInt(last!) >= end)
      tell(
        "transactions",
        `an aborted transaction of producer ${producer} ends at ${last}, behind the log`,
        BigInt(last!)
      )
  }
  for (const [epoch, start] of epochs) {
    if (BigInt(start!) > end)
      tell("batches", `leader epoch ${epoch} starts at ${start}, behind the log's end ${end}`, end)
  }
  for (const [at, value] of snapshot) {
    if (BigInt(at!) > end)
      tell("producers", `what is known of producers goes up to ${at}, behind the log's end ${end}`, end)
    const read = Result.try(() => restoreProducers(Buffer.from(value!, "hex"), []))
    if (Result.isFailure(read)) tell("producers", "what is known of producers cannot be read", BigInt(at!))
  }
})

const checkPartition = Effect.fnUntraced(function* (parts: Parts, row: PartitionRow) {
  const walk = yield* walkBatches(parts, row)
  yield* checkBeside(parts, row, walk)
  parts.walked.set(row.partitionId, { row, endOffset: walk.endOffset })
  if (walk.maxProducerId > parts.maxProducerId) parts.maxProducerId = walk.maxProducerId
  if (walk.maxLeaderEpoch > parts.maxLeaderEpoch) parts.maxLeaderEpoch = walk.maxLeaderEpoch
})

const checkGroups = ({ connection, report, walked }: Parts) =>
  Copy.eachGroupOffsets(connection, (rows) =>
    Effect.sync(() => {
      for (const [group, partitionId, committed] of rows) {
        report.groupOffsets++
        const known = walked.get(Number(partitionId))
        const offset = BigInt(committed!)
        const name = `group ${JSON.stringify(group)}`
        if (known === undefined) {
          report.add(
            "warning",
            "groups",
            `${name} has committed ${offset} in partition id ${partitionId}, which is of no topic`
          )
          continue
        }
        const { endOffset, row } = known
        if (offset <= endOffset) continue
        const seen = `${name} has committed ${offset}, behind the log's end ${endOffset}`
        report.add("error", "groups", seen, { topic: row.topic, partition: row.index, offset })
      }
    })
  )

const checkCounters = ({ maxLeaderEpoch, maxProducerId, report }: Parts, [row]: TextRows): void => {
  if (row === undefined)
    return report.add("error", "counters", "kafka.cluster has no row: Tusk would take it for a new cluster")
  const [, epoch, nextProducerId, nextPartitionId, maxPartitionId, maxEpoch] = row
  const greatest = Math.max(maxLeaderEpoch, Number(maxEpoch))
  if (Number(epoch) < greatest)
    report.add("error", "counters", `the cluster's epoch is ${epoch}, and a leader epoch ${greatest}`)
  if (BigInt(nextProducerId!) <= maxProducerId) {
    report.add("error", "counters", `the next producer id is ${nextProducerId}, and ${maxProducerId} is in use`)
  }
  if (Number(nextPartitionId) <= Number(maxPartitionId)) {
    report.add("error", "counters", `the next partition id is ${nextPartitionId}, and ${maxPartitionId} is in use`)
  }
}

/** Whether Tusk's tables are there as this Tusk knows them; false if nothing more can be looked at. */
const checkSchema = Effect.fnUntraced(function* (connection: PgConnection, report: Report) {
  const taken = yield* stepsTaken(connection)
  if (taken.length === 0) {
    report.add("error", "schema", "there is no schema kafka")
    return false
  }
  const steps = stepsToTake(taken)
  if ("_tag" in steps) {
    report.add("error", "schema", steps.message)
    return false
  }
  if (steps.length === 0) return true
  const seen = `the schema lacks ${steps.join(", ")}: start this Tusk once on a copy, or check it with the Tusk that made it`
  report.add("warning", "schema", seen)
  return false
})

const checkSmallThings = Effect.fnUntraced(function* (parts: Parts) {
  const { connection, report } = parts
  checkCounters(parts, yield* Copy.counters(connection))
  for (const [topic, count, last] of yield* Copy.oddTopics(connection)) {
    report.add("error", "topics", `${count} partitions, and the last one is ${last}`, { topic: topic! })
  }
  for (const [name, greatest, given] of yield* Copy.sequences(connection)) {
    if (BigInt(given!) >= BigInt(greatest!)) continue
    report.add("error", "sequences", `kafka.${name}: the sequence is at ${given}, and ${greatest} is in use`)
  }
})

/** Whether Tusk would serve from a copy what was stored, and with a store whether that has the copy's objects. Looks only. */
export const checkCopy = Effect.fnUntraced(function* (connection: PgConnection, pace: Pace, objects?: ObjectStore) {
  const report = new Report()
  yield* Copy.readOnly(connection)
  if (!(yield* checkSchema(connection, report))) return report
  const served = yield* Copy.isServed(connection)
  if (served.length > 0) {
    report.add(
      "warning",
      "lock",
      `a broker serves this database now, Postgres process ${served[0]![0]}: what it changes meanwhile looks like damage`
    )
  }
  const ongoing = new Set((yield* Copy.ongoingProducers(connection)).map(([id]) => id!))
  const parts: Parts = { connection, report, pace, walked: new Map(), ongoing, maxProducerId: -1n, maxLeaderEpoch: -1 }
  for (const row of yield* Copy.partitionsOf(connection)) yield* checkPartition(parts, row)
  if (objects !== undefined) {
    yield* checkStoredObjects(connection, objects, report, (id) => parts.walked.get(id)?.row)
  }
  yield* checkGroups(parts)
  yield* checkSmallThings(parts)
  return report
})

/** How far a copy is behind the database that it is of. */
export const compareWithLive = Effect.fnUntraced(function* (copy: PgConnection, live: PgConnection, report: Report) {
  yield* Copy.readOnly(live)
  const [own] = yield* Copy.counters(copy)
  const [other] = yield* Copy.counters(live)
  if (own?.[0] !== other?.[0]) {
    return report.add("error", "live", `the copy is of cluster ${own?.[0]}, the live one is ${other?.[0]}`)
  }
  const keyOf = ([topic, partition]: TextRows[number]) => JSON.stringify([topic, partition])
  const copied = new Map((yield* Copy.ends(copy)).map((row) => [keyOf(row), BigInt(row[2]!)]))
  let behind = 0n
  let missing = 0
  for (const row of yield* Copy.ends(live)) {
    const end = BigInt(row[2]!)
    const at = copied.get(keyOf(row))
    if (at === undefined) missing++
    else if (at <= end) behind += end - at
    else {
      const place = { topic: row[0]!, partition: Number(row[1]), offset: end }
      report.add(
        "error",
        "live",
        `the copy ends at ${at}, the live log at ${end}: the live one has lost records`,
        place
      )
    }
  }
  report.add(
    "info",
    "live",
    `the copy is ${behind} offsets behind the live database, and lacks ${missing} partitions of it`
  )
})
