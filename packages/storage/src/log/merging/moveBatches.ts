import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { Committer } from "../../commit/Committer.ts"
import type { MergeReads, PointedBatch } from "../../port/MergeReads.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { MovedBatch, Unit } from "../../port/Write.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import type { Objects } from "../objects/Objects.ts"
import type { Rewriting, RewritingInReign } from "../rewriting/Rewriting.ts"
import type { MergeOptions } from "./MergeOptions.ts"
import { isMerged } from "./MergePlan.ts"

/** What batches are moved with. */
export interface MoveBatchesPorts {
  readonly store: MergeReads
  readonly objects: Objects
  readonly committer: Pick<Committer["Service"], "submit">
  readonly rewriting: Pick<Rewriting["Service"], "inReign" | "inTurn">
  readonly options: MergeOptions
  readonly counts: StorageCounts
}

/**
 * Puts all that lies in these objects into one, or into several as large as they may be, in order of partition and offset. Readers
 * are given the same bytes as before.
 */
export type MoveBatches = (objectIds: ReadonlyArray<bigint>) => Effect.Effect<void, KafkaError | StoreError>

const partitionsOf = (batches: ReadonlyArray<PointedBatch>): ReadonlySet<number> =>
  new Set(batches.map(({ partitionId }) => partitionId))

/** Of how many times the bytes of a merged object one may be made: no small rest is left. */
const MOST_TIMES = 1.5

/** In parts of about the same size, each of about so many bytes. */
export const cut = (batches: ReadonlyArray<PointedBatch>, most: number): ReadonlyArray<ReadonlyArray<PointedBatch>> => {
  const all = batches.reduce((sum, { bytes }) => sum + bytes, 0)
  const each = all / Math.ceil(all / (MOST_TIMES * most))
  const parts: Array<Array<PointedBatch>> = []
  let bytes = 0
  for (const batch of batches) {
    if (bytes >= each * parts.length) parts.push([])
    parts.at(-1)!.push(batch)
    bytes += batch.bytes
  }
  return parts
}

/** What says of batches that lie side by side in an object where they lie. */
const unitOf = (batches: ReadonlyArray<PointedBatch>, into: bigint, position: number): Unit => {
  const moved = new Map<number, Array<MovedBatch>>()
  let at = position
  for (const { baseOffset, bytes, objectId, partitionId } of batches) {
    const batch = { baseOffset, from: objectId, to: { objectId: into, position: at }, bytes }
    const known = moved.get(partitionId)
    if (known === undefined) moved.set(partitionId, [batch])
    else known.push(batch)
    at += bytes
  }
  return Array.from(moved, ([partitionId, ofOne]) => ({ _tag: "MoveBatches", partitionId, batches: ofOne }))
}

export const makeMoveBatches = (ports: MoveBatchesPorts): MoveBatches => {
  const { committer, counts, objects, options, rewriting, store } = ports

  /** From the read of bytes to what says where they lie now nobody else rewrites these partitions: none of it comes back. */
  const inTurns = <A, E>(partitionIds: ReadonlySet<number>, work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    // In order of ids: of several that wait for each other one goes on.
    Array.from(partitionIds)
      .sort((a, b) => b - a)
      .reduce((inner, partitionId) => rewriting.inTurn(partitionId, inner), work)

  /** Into one object. */
  const moved = Effect.fnUntraced(function* (batches: ReadonlyArray<PointedBatch>, reign: RewritingInReign) {
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes, 0)
    const merged = isMerged({ bytes, batches: batches.length }, options)
    const found = yield* store.bytesOf(batches)
    const object = yield* objects.put(found, { merged })
    let position = 0
    for (let at = 0; at < batches.length; at += options.batchesPerCommit) {
      const some = batches.slice(at, at + options.batchesPerCommit)
      yield* committer.submit(reign.writing(unitOf(some, object.write.objectId, position), object), Infinity)
      position += some.reduce((sum, batch) => sum + batch.bytes, 0)
    }
    counts.mergedBytes += bytes
  })

  return Effect.fnUntraced(function* (objectIds) {
    const reign = rewriting.inReign()
    const seen = yield* store.batchesIn(objectIds, options.batches)
    const partitionIds = partitionsOf(seen)
    const move = Effect.gen(function* () {
      // Once more: what was rewritten until it was our turn lies elsewhere.
      const found = yield* store.batchesIn(objectIds, options.batches)
      const batches = found.filter(({ partitionId }) => partitionIds.has(partitionId))
      for (const some of cut(batches, options.bytes)) yield* moved(some, reign)
      return batches.length === found.length && found.length < options.batches
    })
    const isAll = yield* inTurns(partitionIds, move)
    // What is left lies there until the next time.
    if (!isAll) return
    yield* committer.submit(reign.writing([{ _tag: "PutMerged", objectIds }]), Infinity)
    counts.mergedObjects += objectIds.length
  })
}
