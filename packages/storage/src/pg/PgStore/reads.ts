import * as Effect from "effect/Effect"
import type { StateLoader, StoredPartition } from "../../port/StateLoader.ts"
import type { BatchReads, ObjectSide } from "../../port/Store.ts"
import { resolved } from "../../port/StoredBatch.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { run } from "../connection/Statement.ts"
import type { Statement } from "../connection/Statement.ts"
import { mergeReadsOf } from "./mergeReads.ts"
import { objectRowsOf } from "./objectRows.ts"
import { readBatches } from "./readBatches.ts"
import type { Readers } from "./Readers.ts"
import {
  decodeAbortedTransaction,
  decodeBatch,
  decodeClaim,
  decodeGroups,
  decodeOffset,
  decodePartitions,
  decodeSize,
  decodeSizeOf,
  decodeTransactionalId,
  encodeAbortedTransactions,
  encodeFindByTimestamp,
  encodePartitionIds,
  encodeSizeOf,
  encodeSizes,
  readStatements
} from "./readStatements.ts"

/** Partitions that one statement asks the ends of. */
const LOAD_CHUNK = 1000

const LOADS = [
  readStatements.LoadPartitions,
  readStatements.LoadLeaderEpochs,
  readStatements.LoadProducerBatches,
  readStatements.LoadOpenTransactions
]

const loadChunk = (
  readers: Readers,
  ids: ReadonlyArray<number>
): Effect.Effect<ReadonlyArray<StoredPartition>, StoreError> =>
  Effect.map(
    Effect.all(LOADS.map((statement) => readers.send((frame) => encodePartitionIds(frame, statement, ids)))),
    ([partitions, epochs, batches, open]) => decodePartitions(partitions!, epochs!, batches!, open!)
  )

const loadPartitions = (
  readers: Readers,
  partitionIds: ReadonlyArray<number>
): Effect.Effect<ReadonlyArray<StoredPartition>, StoreError> => {
  if (partitionIds.length <= LOAD_CHUNK) return loadChunk(readers, partitionIds)
  const chunks: Array<ReadonlyArray<number>> = []
  for (let at = 0; at < partitionIds.length; at += LOAD_CHUNK) chunks.push(partitionIds.slice(at, at + LOAD_CHUNK))
  return Effect.map(
    Effect.forEach(chunks, (ids) => loadChunk(readers, ids)),
    (loaded) => loaded.flat().sort((a, b) => a.partitionId - b.partitionId)
  )
}

const loadAll = (readers: Readers, statement: Statement) => readers.send((frame) => run(frame, statement, 0, () => {}))

/** Every read of the port. `withReaders`: with the connections for reads of the reign that is in force; `known`: those, if it is. */
export const readsOf = (
  withReaders: <A>(use: (readers: Readers) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>,
  known: () => Readers | undefined
): BatchReads & ObjectSide & StateLoader => ({
  read: (requests, maxBytes) => withReaders((readers) => readBatches(readers, requests, maxBytes)),
  isNear: ({ from, partitionId }) => known()?.pointers.at(partitionId, from) !== undefined,
  loadPartitions: (partitionIds) => withReaders((readers) => loadPartitions(readers, partitionIds)),
  sizeOf: (partitionId) =>
    withReaders((readers) =>
      Effect.map(
        readers.send((frame) => encodeSizeOf(frame, partitionId)),
        ([row]) => (row === undefined ? undefined : decodeSizeOf(row))
      )
    ),
  findByTimestamp: (partitionId, timestamp) =>
    withReaders((readers) =>
      Effect.flatMap(
        readers.send((frame) => encodeFindByTimestamp(frame, partitionId, timestamp)),
        ([row]) =>
          row === undefined
            ? Effect.succeed(undefined)
            : Effect.map(resolved([[decodeBatch(row[0]!, row[1]!)]]), ([found]) => found![0])
      )
    ),
  sizes: (partitionId, from, limit) =>
    withReaders((readers) =>
      Effect.map(
        readers.send((frame) => encodeSizes(frame, partitionId, from, limit)),
        (rows) => rows.map(decodeSize)
      )
    ),
  abortedTransactions: (partitionId, from, to) =>
    withReaders((readers) =>
      Effect.map(
        readers.send((frame) => encodeAbortedTransactions(frame, partitionId, from, to)),
        (rows) => rows.map(decodeAbortedTransaction)
      )
    ),
  merges: mergeReadsOf(withReaders),
  objects: objectRowsOf((build) => withReaders((readers) => readers.send(build))),
  loadTransactionalIds: withReaders((readers) =>
    Effect.map(loadAll(readers, readStatements.LoadTransactionalIds), (rows) => rows.map(decodeTransactionalId))
  ),
  loadOffsets: withReaders((readers) =>
    Effect.map(loadAll(readers, readStatements.LoadOffsets), (rows) => rows.map(decodeOffset))
  ),
  loadClaims: withReaders((readers) =>
    Effect.map(loadAll(readers, readStatements.LoadClaims), (rows) => rows.map(decodeClaim))
  ),
  loadGroups: withReaders((readers) => Effect.map(loadAll(readers, readStatements.LoadGroups), decodeGroups))
})
