import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Committer } from "../../commit/Committer.ts"
import { join, writing } from "../../commit/Participant.ts"
import type { BatchReader } from "../../port/BatchReader.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { MovedBatch, Unit } from "../../port/Write.ts"
import { StepBytes } from "../../StepBytes.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import type { Log } from "../Log.ts"
import type { Objects } from "../objects/Objects.ts"
import type { PlacedObject } from "../objects/PlacedObject.ts"
import type { Rewriting, RewritingInReign } from "../rewriting/Rewriting.ts"
import { rowsOf } from "./ColdBatches.ts"
import type { ColdBatches, ColdPart } from "./ColdBatches.ts"
import type { TierOptions } from "./TierOptions.ts"

/**
 * Puts batches of rows into one object, and then into their rows where they lie. `reign`: in which they were found to be cold; in
 * another one the database may not know what had moved before them.
 */
export type MoveCold = (cold: ColdBatches, reign: RewritingInReign) => Effect.Effect<MovedCold, KafkaError | StoreError>

export interface MovedCold {
  readonly bytes: number
  /** All of them have moved; else some were not as they were seen: what lies behind them is to be looked at anew. */
  readonly isAll: boolean
}

export interface MoveColdPorts {
  readonly store: BatchReader
  readonly objects: Objects
  readonly committer: Pick<Committer["Service"], "submit">
  readonly rewriting: Pick<Rewriting["Service"], "inTurn">
  readonly log: Pick<Log["Service"], "moved">
  readonly counts: StorageCounts
  readonly options: TierOptions
}

/** A batch that lies in an object, or will; `position` is undefined if it did before. */
interface Placed {
  readonly partitionId: number
  readonly baseOffset: bigint
  readonly lastOffset: bigint
  readonly position: number | undefined
  readonly bytes: number
}

interface Packed {
  readonly chunks: ReadonlyArray<Uint8Array>
  readonly placed: ReadonlyArray<Placed>
  readonly bytes: number
}

/** Of each partition up to the first batch that is not there any more. */
const pack = (parts: ReadonlyArray<ColdPart>, read: ReadonlyMap<number, ReadonlyMap<bigint, Uint8Array>>): Packed => {
  const chunks: Array<Uint8Array> = []
  const placed: Array<Placed> = []
  let end = 0
  for (const { batches, partitionId } of parts) {
    for (const { baseOffset, inObject, lastOffset } of batches) {
      const batch = read.get(partitionId)?.get(baseOffset)
      if (!inObject && batch === undefined) break
      const bytes = inObject ? 0 : batch!.byteLength
      placed.push({ partitionId, baseOffset, lastOffset, position: inObject ? undefined : end, bytes })
      if (inObject) continue
      chunks.push(batch!)
      end += bytes
    }
  }
  return { chunks, placed, bytes: end }
}

/** What says of batches where they lie, and how far each of their partitions has moved. */
const unitOf = (placed: ReadonlyArray<Placed>, object: PlacedObject | undefined): Unit => {
  const moved = new Map<number, Array<MovedBatch>>()
  for (const { baseOffset, bytes, partitionId, position } of placed) {
    if (object === undefined || position === undefined) continue
    const batch = { baseOffset, from: null, to: { objectId: object.write.objectId, position }, bytes }
    const known = moved.get(partitionId)
    if (known === undefined) moved.set(partitionId, [batch])
    else known.push(batch)
  }
  return [
    ...Array.from(moved, ([partitionId, batches]) => ({ _tag: "MoveBatches" as const, partitionId, batches })),
    ...Array.from(endsOf(placed), ([partitionId, localStartOffset]) => ({
      _tag: "PutLocalStart" as const,
      partitionId,
      localStartOffset
    }))
  ]
}

const endsOf = (placed: ReadonlyArray<Placed>): ReadonlyMap<number, bigint> =>
  new Map(placed.map(({ lastOffset, partitionId }) => [partitionId, lastOffset + 1n]))

export const makeMoveCold = ({
  committer,
  counts,
  log,
  objects,
  options,
  rewriting,
  store
}: MoveColdPorts): MoveCold => {
  const step = new StepBytes(options.bytesPerCommit)

  /** From the read of bytes to what says where they lie nobody else rewrites these partitions: nothing comes back so. */
  const inTurns = <A, E>(parts: ReadonlyArray<ColdPart>, work: Effect.Effect<A, E>): Effect.Effect<A, E> =>
    // In order of ids: of several that wait for each other one goes on.
    parts.reduceRight((inner, { partitionId }) => rewriting.inTurn(partitionId, inner), work)

  const read = Effect.fnUntraced(function* (parts: ReadonlyArray<ColdPart>) {
    const requests = parts.flatMap((part) =>
      rowsOf(part).map(({ bytes, from }) => ({ partitionId: part.partitionId, from, maxBytes: bytes }))
    )
    const found = new Map(parts.map(({ partitionId }) => [partitionId, new Map<bigint, Uint8Array>()]))
    if (requests.length === 0) return found
    const bytes = requests.reduce((sum, { maxBytes }) => sum + maxBytes, 0)
    const lists = yield* store.read(requests, bytes)
    for (const [i, { partitionId }] of requests.entries()) {
      for (const batch of lists[i]!) found.get(partitionId)!.set(RecordBatch.baseOffset(batch), batch)
    }
    return found
  })

  /** The first of these that one commit takes. */
  const some = (placed: ReadonlyArray<Placed>): ReadonlyArray<Placed> => {
    let bytes = 0
    const end = placed.findIndex((batch, i) => (bytes += batch.bytes) > step.bytes && i > 0)
    return placed.slice(0, Math.min(end < 0 ? placed.length : end, options.batchesPerCommit))
  }

  const commit = Effect.fnUntraced(function* (
    placed: ReadonlyArray<Placed>,
    object: PlacedObject | undefined,
    reign: RewritingInReign
  ) {
    let left = placed
    while (left.length > 0) {
      const now = some(left)
      const stored = () => {
        for (const [partitionId, offset] of endsOf(now)) log.moved(partitionId, offset)
      }
      const pointsTo = now.some(({ position }) => position !== undefined) ? object : undefined
      const unit = join(reign.writing(unitOf(now, pointsTo), pointsTo), writing([], stored))
      const [took] = yield* Effect.timed(committer.submit(unit, Infinity))
      step.took(Duration.toMillis(took))
      left = left.slice(now.length)
    }
  })

  return Effect.fnUntraced(function* (cold, reign) {
    const { isFull, parts } = cold
    const move = Effect.gen(function* () {
      const { bytes, chunks, placed } = pack(parts, yield* read(parts))
      const object = chunks.length === 0 ? undefined : yield* objects.put(chunks, { merged: isFull })
      yield* commit(placed, object, reign)
      counts.tieredBatches += chunks.length
      counts.tieredBytes += bytes
      return { bytes, isAll: placed.length === parts.reduce((sum, { batches }) => sum + batches.length, 0) }
    })
    return yield* inTurns(parts, move)
  })
}
