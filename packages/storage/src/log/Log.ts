import type { KafkaError } from "@tusk/protocol/KafkaError"
import { OffsetOutOfRange, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import { Committer, CommitterOptions } from "../commit/Committer.ts"
import type { Participant } from "../commit/Participant.ts"
import { join, writing } from "../commit/Participant.ts"
import { Store } from "../port/Store.ts"
import type { StoredPartition } from "../port/StateLoader.ts"
import type { ReadRequest } from "../port/Store.ts"
import type { Replacement } from "../port/Write.ts"
import { Fenced } from "../port/StoreError.ts"
import type { StoreError } from "../port/StoreError.ts"
import { toKafkaError } from "../port/toKafkaError.ts"
import { within } from "../within.ts"
import { Append } from "./append/Append.ts"
import { makeFindRecords } from "./search/FindRecords.ts"
import { makeFirstBatches } from "./append/FirstBatches.ts"
import { keepingProducers } from "./append/KeepingProducers.ts"
import { leap } from "./partitions/Leap.ts"
import { LogOptions } from "./LogOptions.ts"
import type { AppendRequest, Appended, MeasuredEnd, PartitionEnd, PartitionRead, ReadOptions } from "./LogRequests.ts"
import { endOfEpoch, epochAt, fromStored } from "./partitions/PartitionLog.ts"
import { makePartitionLoader } from "./partitions/PartitionLoader.ts"
import type { PartitionLog } from "./partitions/PartitionLog.ts"
import { OpenBatches } from "./batches/OpenBatches.ts"
import { makeReadAhead } from "./read/ReadAhead.ts"
import { drop, makePartitionTail, makeTail, push, readTail, replace } from "./read/Tail.ts"
import type { PartitionTail, TailBatch } from "./read/Tail.ts"
import { fire, makeWaiters } from "./read/Waiters.ts"
import type { Ending, Position } from "./read/Waiters.ts"

export type { AppendRequest, Appended, MeasuredEnd, PartitionEnd, PartitionRead, ReadOptions } from "./LogRequests.ts"

interface Entry {
  readonly log: PartitionLog
  readonly tail: PartitionTail
}

/** A result value that is an error: one partition's, its neighbours go on. */
export const isKafkaError = <A extends object>(value: A | KafkaError): value is KafkaError => "_tag" in value

/** The log of every partition: appends through the Committer, reads from memory, else from the store. */
export class Log extends Context.Service<
  Log,
  {
    /** Wants these batches stored; one result a request. */
    readonly appending: (requests: ReadonlyArray<AppendRequest>) => Participant<ReadonlyArray<Appended | KafkaError>>
    /**
     * Admitted in the caller's turn, in order; answers once stored, one result a request, or after `timeoutMs` that nobody
     * knows yet (REQUEST_TIMED_OUT).
     */
    readonly append: (
      requests: ReadonlyArray<AppendRequest>,
      timeoutMs?: number
    ) => Effect.Effect<ReadonlyArray<Appended | KafkaError>>
    /** A batch was refused before it had its place. To be told before one behind it has its own. */
    readonly turnedAway: (partitionId: number, batch: Uint8Array) => void
    readonly read: (
      requests: ReadonlyArray<ReadRequest>,
      options: ReadOptions
    ) => Effect.Effect<ReadonlyArray<PartitionRead | KafkaError>>
    /** What `read` answers where memory has all of it, as for all who wait at the end; else undefined. */
    readonly readNow: (
      requests: ReadonlyArray<ReadRequest>,
      options: ReadOptions
    ) => ReadonlyArray<PartitionRead | KafkaError> | undefined
    /**
     * Waits until `bytes` more bytes are readable in these partitions than at the high watermarks given, one of them
     * changes otherwise, or `ending` ends it.
     */
    readonly awaitBytes: (positions: ReadonlyArray<Position>, bytes: number, ending?: Ending) => Effect.Effect<void>
    readonly ends: (partitionIds: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<PartitionEnd | KafkaError>>
    /** The same, with the bytes of each: where a partition is compacted they may have to be added up first. */
    readonly measured: (partitionIds: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<MeasuredEnd | KafkaError>>
    /** The first record at or after a time (milliseconds), or undefined. */
    readonly findByTimestamp: (
      partitionId: number,
      timestamp: bigint
    ) => Effect.Effect<RecordBatch.TimestampAndOffset | undefined, KafkaError>
    /** The first record with the greatest timestamp, or undefined where there is none. */
    readonly findMaxTimestamp: (
      partitionId: number
    ) => Effect.Effect<RecordBatch.TimestampAndOffset | undefined, KafkaError>
    readonly endOfEpoch: (
      partitionId: number,
      epoch: number
    ) => Effect.Effect<{ readonly epoch: number; readonly endOffset: bigint } | undefined, KafkaError>
    /** Records below `offset` are no longer readable; returns the log start offset. Their deletion follows. */
    readonly raiseLogStart: (partitionId: number, offset: bigint) => Effect.Effect<bigint, KafkaError>
    /** Takes the bytes of a partition from the store anew, once batches are deleted. */
    readonly measure: (partitionId: number) => Effect.Effect<void, StoreError>
    /** Takes batches of a partition below an offset away; what they tell of producers is stored in the same commit. */
    readonly deleting: (partitionId: number, below: bigint, removal: Participant<void>) => Participant<unknown>
    /** Compaction has stored these in the place of others: memory follows. */
    readonly replaced: (partitionId: number, replacements: ReadonlyArray<Replacement>) => void
    /** The partitions' topic is deleted. */
    readonly forget: (partitionIds: ReadonlyArray<number>) => void
  }
>()("@tusk/storage/log/Log") {
  private static readonly layerNoDeps = Layer.effect(
    Log,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const committer = yield* Committer
      const clock = yield* Clock.Clock
      const options = yield* LogOptions
      const inTime = within((yield* CommitterOptions).requestTimeoutMs)
      const waiters = makeWaiters()
      const firstBatches = makeFirstBatches()
      const findRecords = makeFindRecords(store, yield* OpenBatches)
      const ahead = makeReadAhead(store, yield* Effect.scope, options.readAheadBytes)
      let entries = new Map<number, Entry>()
      /** Nobody reads below what was evicted from now on; the store follows with the next commit. */
      const deleteEvicted = ({ partitionId }: PartitionTail, { lastOffset, records }: TailBatch): void => {
        const logStartOffset = lastOffset + 1n
        const entry = entries.get(partitionId)
        if (entry === undefined || entry.log.logStartOffset >= logStartOffset) return
        entry.log.logStartOffset = logStartOffset
        if (entry.log.bytesGone !== undefined) entry.log.bytesGone += BigInt(records.byteLength)
        const removal = writing([
          { _tag: "PutLogStart", partitionId, logStartOffset },
          { _tag: "DeleteBatches", partitionId, below: logStartOffset, limit: Number.MAX_SAFE_INTEGER }
        ])
        committer.offer(deleting(partitionId, logStartOffset, removal), () => {}, Infinity)
      }
      const newTail = () => makeTail(options.tailMaxBytes, options.tailIsAll ? deleteEvicted : undefined)
      let tail = newTail()
      const ports = {
        limits: options,
        firstBatches,
        find: (partitionId: number) => entries.get(partitionId)?.log,
        leaderEpoch: active.epoch,
        failoverEpoch: active.failoverEpoch,
        nowMs: () => clock.currentTimeMillisUnsafe(),
        appended: (log: PartitionLog, batch: Uint8Array, lastOffset: bigint) => {
          push(tail, entries.get(log.partitionId)!.tail, batch, lastOffset)
          fire(waiters, log.partitionId, batch.byteLength)
        }
      }

      /** Where ends were that this process told of, in reigns before this one. */
      const toldEnds = new Map<number, bigint>()

      /** Where a partition has to end before anything is told of it. */
      const endFor = ({ endOffset, failoverEpoch, partitionId }: StoredPartition): bigint => {
        const told = toldEnds.get(partitionId) ?? 0n
        const leapt = failoverEpoch < active.failoverEpoch() ? endOffset + BigInt(options.failoverLeap) : endOffset
        return told > leapt ? told : leapt
      }

      const { clear: clearLoading, load } = makePartitionLoader(
        store,
        yield* Effect.scope,
        (partitionId) => entries.has(partitionId),
        inTime,
        () => {
          const into = entries
          const receive = (partition: StoredPartition): Effect.Effect<void, StoreError> => {
            if (into !== entries) return Effect.fail(new Fenced({ message: "the cluster was taken over meanwhile" }))
            const log = fromStored(partition)
            const enter = Effect.sync(() => {
              const { partitionId } = partition
              into.set(partitionId, { log, tail: makePartitionTail(partitionId, log.committed.endOffset) })
            })
            const end = endFor(partition)
            if (end === partition.endOffset) return enter
            return committer.submit(leap(log, end, ports), Infinity).pipe(
              Effect.mapError((error) => new Fenced({ message: error.message ?? error._tag })),
              Effect.andThen(enter)
            )
          }
          return (partitions) => Effect.forEach(partitions, receive, { discard: true, concurrency: "unbounded" })
        }
      )

      active.onTakeOver(() =>
        Effect.sync(() => {
          for (const [partitionId, { log }] of entries) {
            if (log.committed.endOffset > (toldEnds.get(partitionId) ?? 0n)) {
              toldEnds.set(partitionId, log.committed.endOffset)
            }
          }
          entries = new Map()
          tail = newTail()
          ahead.clear()
          clearLoading()
          waiters.fireAll()
        })
      )

      const missing = (partitionIds: ReadonlyArray<number>): boolean => {
        for (const partitionId of partitionIds) if (!entries.has(partitionId)) return true
        return false
      }

      const appending = (requests: ReadonlyArray<AppendRequest>) => {
        const partitionIds = requests.map(({ partitionId }) => partitionId)
        return new Append(ports, requests, missing(partitionIds) ? load(partitionIds) : undefined)
      }

      const deleting = (partitionId: number, below: bigint, removal: Participant<void>) => {
        const prepare = missing([partitionId]) ? load([partitionId]) : undefined
        return join(keepingProducers(partitionId, below, ports.find, prepare), removal)
      }

      const outOfRange = (entry: Entry, offset: bigint): KafkaError | undefined =>
        offset < entry.log.logStartOffset || offset > entry.log.committed.endOffset
          ? new OffsetOutOfRange({
              message: `offset ${offset} is not within ${entry.log.logStartOffset}..${entry.log.committed.endOffset}`
            })
          : undefined

      const found = (entry: Entry, batches: ReadonlyArray<Uint8Array>): PartitionRead => {
        let bytes = 0
        for (const batch of batches) bytes += batch.byteLength
        return {
          partitionId: entry.log.partitionId,
          batches,
          bytes,
          highWatermark: entry.log.committed.endOffset,
          lastStableOffset: entry.log.committed.endOffset,
          logStartOffset: entry.log.logStartOffset
        }
      }

      /** What memory holds; `later` gets the places that only the store can fill. */
      const readMemory = (
        requests: ReadonlyArray<ReadRequest>,
        { atLeastOne, maxBytes }: ReadOptions,
        results: Array<PartitionRead | KafkaError>,
        later: Array<number>
      ): void => {
        let left = maxBytes
        let first = atLeastOne
        for (let i = 0; i < requests.length; i++) {
          const request = requests[i]!
          const entry = entries.get(request.partitionId)
          if (entry === undefined) {
            results[i] = new UnknownTopicOrPartition()
            continue
          }
          const error = outOfRange(entry, request.from)
          if (error !== undefined) {
            results[i] = error
            continue
          }
          const budget = Math.min(request.maxBytes, left)
          const batches = readTail(entry.tail, request.from, budget, first)
          if (batches === undefined) {
            // With nothing left to give, what lies in the store may stay there.
            if (budget > 0 || first) later.push(i)
            results[i] = found(entry, [])
            if (first) first = false
            continue
          }
          const read = found(entry, batches)
          results[i] = read
          left -= read.bytes
          if (read.bytes > 0) first = false
        }
      }

      const readNow = (
        requests: ReadonlyArray<ReadRequest>,
        readOptions: ReadOptions
      ): ReadonlyArray<PartitionRead | KafkaError> | undefined => {
        for (const { partitionId } of requests) if (!entries.has(partitionId)) return undefined
        const results = new Array<PartitionRead | KafkaError>(requests.length)
        const later: Array<number> = []
        readMemory(requests, readOptions, results, later)
        if (later.length > 0) return undefined
        for (const result of results) if (isKafkaError(result)) return undefined
        return results
      }

      /**
       * What began on what another broker may have changed since is done anew; while a take-over is under way it is not, as
       * nobody is told of it.
       */
      const inOneReign = <A, E>(look: Effect.Effect<A, E>): Effect.Effect<A, E> =>
        Effect.suspend(() => {
          const before = active.reign()
          return Effect.flatMap(look, (seen) => {
            const reign = active.reign()
            return reign === before || reign === undefined ? Effect.succeed(seen) : inOneReign(look)
          })
        })

      const read = Effect.fnUntraced(function* (requests: ReadonlyArray<ReadRequest>, readOptions: ReadOptions) {
        const ids = requests.map((request) => request.partitionId)
        if (missing(ids)) {
          const error = yield* Effect.match(load(ids), { onFailure: toKafkaError, onSuccess: () => undefined })
          if (error !== undefined) return requests.map(() => error)
        }
        const results = new Array<PartitionRead | KafkaError>(requests.length)
        const later: Array<number> = []
        readMemory(requests, readOptions, results, later)
        if (later.length > 0) yield* readStore(requests, readOptions, results, later)
        // A consumer that is out of range begins somewhere else: not for what a broker says that has lost the lock.
        if (results.some((result) => isKafkaError(result) && result._tag === "OffsetOutOfRange")) {
          const lost = yield* Effect.match(inTime(active.proven), {
            onFailure: toKafkaError,
            onSuccess: () => undefined
          })
          if (lost !== undefined) return requests.map(() => lost)
        }
        return results
      })

      /** Fills the places that memory could not. */
      const readStore = Effect.fnUntraced(function* (
        requests: ReadonlyArray<ReadRequest>,
        readOptions: ReadOptions,
        results: Array<PartitionRead | KafkaError>,
        later: ReadonlyArray<number>
      ) {
        let left = readOptions.maxBytes
        for (const result of results) if (!isKafkaError(result)) left -= result.bytes
        const fromStore = yield* Effect.result(
          inTime(
            ahead.read(
              later.map((i) => requests[i]!),
              Math.max(0, left)
            )
          )
        )
        for (let k = 0; k < later.length; k++) {
          const i = later[k]!
          const entry = entries.get(requests[i]!.partitionId)
          if (fromStore._tag === "Failure") results[i] = toKafkaError(fromStore.failure)
          else if (entry === undefined) results[i] = new UnknownTopicOrPartition()
          else {
            // What was to be read may have been deleted meanwhile, and what lies behind it was found in its place.
            const gone = outOfRange(entry, requests[i]!.from)
            if (gone !== undefined) {
              results[i] = gone
              continue
            }
            const batches = readable(fromStore.success[k]!, entry, readOptions.atLeastOne ? undefined : left)
            results[i] = found(entry, batches)
            for (const batch of batches) left -= batch.byteLength
          }
        }
      })

      /**
       * What the store gave, without what it holds of a commit that has not been answered yet; and within `maxBytes`
       * where not even the first batch may be larger.
       */
      const readable = (
        batches: ReadonlyArray<Uint8Array>,
        entry: Entry,
        maxBytes: number | undefined
      ): ReadonlyArray<Uint8Array> => {
        let left = maxBytes ?? Number.POSITIVE_INFINITY
        const end = batches.findIndex((batch) => {
          left -= batch.byteLength
          return left < 0 || RecordBatch.baseOffset(batch) >= entry.log.committed.endOffset
        })
        return end < 0 ? batches : batches.slice(0, end)
      }

      const hasMoved = ({ highWatermark, partitionId }: Position): boolean =>
        entries.get(partitionId)?.log.committed.endOffset !== highWatermark

      const entryOf = (partitionId: number): Effect.Effect<Entry, KafkaError> =>
        Effect.suspend(() => {
          const entry = entries.get(partitionId)
          if (entry !== undefined) return Effect.succeed(entry)
          return load([partitionId]).pipe(
            Effect.mapError(toKafkaError),
            Effect.flatMap(() => {
              const loaded = entries.get(partitionId)
              return loaded === undefined ? Effect.fail(new UnknownTopicOrPartition()) : Effect.succeed(loaded)
            })
          )
        })

      const ends = Effect.fnUntraced(function* (partitionIds: ReadonlyArray<number>) {
        const error = missing(partitionIds)
          ? yield* Effect.match(load(partitionIds), { onFailure: toKafkaError, onSuccess: () => undefined })
          : undefined
        return partitionIds.map((partitionId): PartitionEnd | KafkaError => {
          const entry = entries.get(partitionId)
          if (entry === undefined) return error ?? new UnknownTopicOrPartition()
          return {
            logStartOffset: entry.log.logStartOffset,
            highWatermark: entry.log.committed.endOffset,
            cumulativeBytes: entry.log.committed.cumulativeBytes,
            timestampHigh: entry.log.committed.timestampHigh,
            epochAt: (offset) => epochAt(entry.log, offset, active.epoch())
          }
        })
      })

      const measure = (partitionId: number): Effect.Effect<void, StoreError> =>
        Effect.map(store.sizeOf(partitionId), (stored) => {
          const log = entries.get(partitionId)?.log
          if (stored === undefined || log === undefined) return
          const gone = stored.cumulativeBytes - stored.sizeBytes
          if (log.bytesGone === undefined || gone > log.bytesGone) log.bytesGone = gone
        })

      const sized = Effect.fnUntraced(function* (partitionId: number, end: PartitionEnd) {
        const gone = () => entries.get(partitionId)?.log.bytesGone
        if (gone() === undefined) {
          const error = yield* Effect.match(measure(partitionId), {
            onFailure: toKafkaError,
            onSuccess: () => undefined
          })
          if (error !== undefined) return error
        }
        const bytes = gone()
        if (bytes === undefined) return new UnknownTopicOrPartition()
        return { ...end, sizeBytes: end.cumulativeBytes - bytes }
      })

      const measured = Effect.fnUntraced(function* (partitionIds: ReadonlyArray<number>) {
        const found = yield* ends(partitionIds)
        return yield* Effect.forEach(found, (end, i) =>
          isKafkaError(end) ? Effect.succeed(end) : sized(partitionIds[i]!, end)
        )
      })

      return Log.of({
        appending,
        append: (requests, timeoutMs) =>
          Effect.suspend(() => committer.submit(appending(requests), timeoutMs)).pipe(
            Effect.catch((error) => Effect.succeed(requests.map(() => error)))
          ),
        turnedAway: firstBatches.failed,
        read: (requests, options) => inOneReign(read(requests, options)),
        readNow,
        awaitBytes: (positions, bytes, ending) => waiters.wait(positions, bytes, hasMoved, ending),
        ends,
        measured: (partitionIds) => inOneReign(measured(partitionIds)),
        findByTimestamp: (partitionId, timestamp) =>
          inOneReign(Effect.flatMap(entryOf(partitionId), ({ log }) => findRecords.byTimestamp(log, timestamp))),
        findMaxTimestamp: (partitionId) =>
          inOneReign(Effect.flatMap(entryOf(partitionId), ({ log }) => findRecords.withMaxTimestamp(log))),
        endOfEpoch: (partitionId, epoch) =>
          Effect.map(entryOf(partitionId), (entry) => endOfEpoch(entry.log, epoch, active.epoch())),
        raiseLogStart: Effect.fnUntraced(function* (partitionId, offset) {
          const entry = yield* entryOf(partitionId)
          if (offset > entry.log.committed.endOffset) return yield* new OffsetOutOfRange()
          if (offset <= entry.log.logStartOffset) return entry.log.logStartOffset
          const raised = () => {
            if (offset > entry.log.logStartOffset) entry.log.logStartOffset = offset
          }
          yield* committer.submit(writing([{ _tag: "PutLogStart", partitionId, logStartOffset: offset }], raised))
          return entry.log.logStartOffset
        }),
        measure,
        deleting,
        replaced: (partitionId, replacements) => {
          ahead.forget([partitionId])
          const entry = entries.get(partitionId)
          if (entry === undefined) return
          const places = new Map(replacements.map(({ baseOffset, records }) => [baseOffset, records]))
          replace(tail, entry.tail, places, RecordBatch.baseOffset)
        },
        forget: (partitionIds) => {
          ahead.forget(partitionIds)
          for (const partitionId of partitionIds) {
            const entry = entries.get(partitionId)
            if (entry === undefined) continue
            entries.delete(partitionId)
            drop(tail, entry.tail)
            waiters.change(partitionId)
            toldEnds.delete(partitionId)
          }
        }
      })
    })
  )

  /** A layer is built once: its look-ups take turns with whoever else opens batches. */
  static readonly layer = Layer.provide(this.layerNoDeps, OpenBatches.layer)
}
