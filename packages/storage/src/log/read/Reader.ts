import { isKafkaError, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { BatchReader } from "../../port/BatchReader.ts"
import type { ReadRequest } from "../../port/BatchReader.ts"
import type { Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { kafkaErrorOf, toKafkaError } from "../../port/toKafkaError.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import type { Bound } from "../partitions/Bound.ts"
import { readableEnd } from "../partitions/PartitionLog.ts"
import type { PartitionLog } from "../partitions/PartitionLog.ts"
import type { Partitions } from "../partitions/Partitions.ts"
import { readTail } from "../partitions/Tail.ts"
import { mayBeAborted, outOfRange, partitionRead } from "./PartitionRead.ts"
import type { PartitionRead, ReadOptions } from "./PartitionRead.ts"
import type { Position } from "./Waiters.ts"

type Result = PartitionRead | KafkaError

/** What a reader is made with. */
export interface ReaderPorts {
  readonly partitions: Partitions
  /** What lies behind memory. */
  readonly batches: BatchReader
  readonly abortedTransactions: Store["Service"]["abortedTransactions"]
  /** Returns once it is proven that this broker is the writer. */
  readonly proven: Effect.Effect<void, StoreError>
  /** Bounds how long a read of the store may take. */
  readonly inTime: <A>(look: Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
  readonly counts: StorageCounts
}

const NOTHING: ReadonlyArray<Uint8Array> = []
/** Requests that are read alone at a time. */
const ALONE_AT_A_TIME = 8

/** Reads from the tails of partitions, and what they do not hold from the reader of batches behind them. */
export class Reader {
  readonly #ports: ReaderPorts

  constructor(ports: ReaderPorts) {
    this.#ports = ports
  }

  /** What memory holds of all; undefined if a part of it does not lie there, or there is an error to tell. */
  readNow(requests: ReadonlyArray<ReadRequest>, options: ReadOptions): ReadonlyArray<Result> | undefined {
    const { partitions } = this.#ports
    for (const { partitionId } of requests) if (partitions.find(partitionId) === undefined) return undefined
    const results = new Array<Result>(requests.length)
    const later: Array<number> = []
    this.#readMemory(requests, options, results, later)
    if (later.length > 0) return undefined
    for (const result of results) if (isKafkaError(result)) return undefined
    return results
  }

  /** One result a request, in their order. */
  readonly read = Effect.fnUntraced(
    { self: this },
    function* (requests: ReadonlyArray<ReadRequest>, options: ReadOptions) {
      const { inTime, partitions, proven } = this.#ports
      const loading = partitions.loading(requests.map(({ partitionId }) => partitionId))
      if (loading !== undefined) {
        const error = yield* kafkaErrorOf(loading)
        if (error !== undefined) return requests.map((): Result => error)
      }
      const results = new Array<Result>(requests.length)
      const later: Array<number> = []
      this.#readMemory(requests, options, results, later)
      if (later.length > 0) yield* this.#readBehind(requests, options, results, later)
      // A consumer that is out of range begins somewhere else: not for what a broker says that has lost the lock.
      if (results.some((result) => isKafkaError(result) && result._tag === "OffsetOutOfRange")) {
        const lost = yield* kafkaErrorOf(inTime(proven))
        if (lost !== undefined) return requests.map((): Result => lost)
      }
      return results
    }
  )

  /** Whether something has come, or gone, since a reader was at a position. */
  readonly hasMoved = ({ bound, partitionId, readableEnd: seen }: Position): boolean => {
    const log = this.#ports.partitions.find(partitionId)?.log
    return log === undefined || readableEnd(log, bound) !== seen
  }

  /** What memory holds; `later` gets the places that only the reader behind it can fill. */
  #readMemory(
    requests: ReadonlyArray<ReadRequest>,
    { atLeastOne, bound, maxBytes }: ReadOptions,
    results: Array<Result>,
    later: Array<number>
  ): void {
    const { counts, partitions } = this.#ports
    let left = maxBytes
    let first = atLeastOne
    for (let i = 0; i < requests.length; i++) {
      const request = requests[i]!
      const partition = partitions.find(request.partitionId)
      if (partition === undefined) {
        results[i] = new UnknownTopicOrPartition()
        continue
      }
      const { log, tail } = partition
      const error = outOfRange(log, request.from)
      if (error !== undefined) {
        results[i] = error
        continue
      }
      const budget = Math.min(request.maxBytes, left)
      const batches = readTail(tail, request.from, readableEnd(log, bound), budget, first)
      if (batches === undefined) {
        // With nothing left to give, what lies behind may stay there.
        if (budget > 0 || first) later.push(i)
        results[i] = partitionRead(log, bound, NOTHING)
        if (first) first = false
        continue
      }
      const last = mayBeAborted(log, bound, request.from) ? batches.at(-1) : undefined
      const aborted = last && partition.aborted.within(request.from, RecordBatch.lastOffset(last) + 1n)
      const read = partitionRead(log, bound, batches, aborted)
      results[i] = read
      left -= read.bytes
      if (read.bytes === 0) continue
      first = false
      counts.tailReads++
      counts.tailReadBytes += read.bytes
    }
  }

  /** Fills the places that memory could not. */
  readonly #readBehind = Effect.fnUntraced(
    { self: this },
    function* (
      requests: ReadonlyArray<ReadRequest>,
      { atLeastOne, bound, maxBytes }: ReadOptions,
      results: Array<Result>,
      later: ReadonlyArray<number>
    ) {
      const { batches: behind, counts, inTime, partitions } = this.#ports
      let left = maxBytes
      for (const result of results) if (!isKafkaError(result)) left -= result.bytes
      const missing = later.map((i) => requests[i]!)
      counts.storeReads += missing.length
      const read = yield* inTime(readEach(behind, missing, Math.max(0, left))).pipe(
        Effect.catch((error) => Effect.succeed(missing.map(() => error)))
      )
      let isFirst = atLeastOne
      for (let k = 0; k < later.length; k++) {
        const { from, partitionId } = missing[k]!
        const log = partitions.find(partitionId)?.log
        const found = read[k]!
        let result: Result
        if ("_tag" in found) result = toKafkaError(found)
        else if (log === undefined) result = new UnknownTopicOrPartition()
        else {
          // What was to be read may have been deleted meanwhile, and what lies behind it was found in its place.
          const gone = outOfRange(log, from)
          const batches = readable(found, readableEnd(log, bound), isFirst ? Number.POSITIVE_INFINITY : left)
          if (batches.length > 0) isFirst = false
          result = gone ?? (yield* this.#withAborted(log, bound, from, batches))
        }
        results[later[k]!] = result
        if (!isKafkaError(result)) left -= result.bytes
      }
    }
  )

  /** With the aborted transactions among batches of the store. */
  #withAborted(
    log: PartitionLog,
    bound: Bound,
    from: bigint,
    batches: ReadonlyArray<Uint8Array>
  ): Effect.Effect<Result> {
    const last = mayBeAborted(log, bound, from) ? batches.at(-1) : undefined
    if (last === undefined) return Effect.succeed(partitionRead(log, bound, batches))
    const { abortedTransactions, inTime } = this.#ports
    const look = inTime(abortedTransactions(log.partitionId, from, RecordBatch.lastOffset(last) + 1n))
    return Effect.match(look, {
      onFailure: toKafkaError,
      // What is deleted with the batches is not found any more, though the batches were.
      onSuccess: (aborted) => outOfRange(log, from) ?? partitionRead(log, bound, batches, aborted)
    })
  }
}

/** Batches of one request, or why they cannot be read. */
type Found = ReadonlyArray<Uint8Array> | StoreError

/**
 * Reads all at once. If an object cannot be read, each is read alone, with its share of the bytes: the others do not suffer from
 * it, and it is told of its own partition.
 */
const readEach = (
  { read }: BatchReader,
  requests: ReadonlyArray<ReadRequest>,
  maxBytes: number
): Effect.Effect<ReadonlyArray<Found>, StoreError> =>
  Effect.catch(read(requests, maxBytes), (error) => {
    if (error._tag !== "StoreUnavailable" || error.ofObject !== true) return Effect.fail(error)
    if (requests.length === 1) return Effect.succeed([error])
    const share = Math.floor(maxBytes / requests.length)
    return Effect.forEach(
      requests,
      (request) =>
        Effect.match(read([request], share), {
          onFailure: (error): Found => error,
          onSuccess: ([batches]) => batches!
        }),
      { concurrency: ALONE_AT_A_TIME }
    )
  })

/**
 * Batches below an offset: not what is stored of a commit that has not been answered yet, nor what a reader's bound keeps
 * from it. They are within `maxBytes` if not even the first may be larger.
 */
const readable = (batches: ReadonlyArray<Uint8Array>, end: bigint, maxBytes: number): ReadonlyArray<Uint8Array> => {
  const last = batches.at(-1)
  // Mostly all of them may be read, and are within any limit.
  if (last === undefined || (maxBytes === Number.POSITIVE_INFINITY && RecordBatch.baseOffset(last) < end))
    return batches
  let left = maxBytes
  const stop = batches.findIndex((batch) => {
    left -= batch.byteLength
    return left < 0 || RecordBatch.baseOffset(batch) >= end
  })
  return stop < 0 ? batches : batches.slice(0, stop)
}
