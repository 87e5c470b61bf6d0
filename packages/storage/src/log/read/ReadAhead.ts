import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BatchReader } from "../../port/BatchReader.ts"
import type { ReadRequest } from "../../port/BatchReader.ts"
import { StorageCounts } from "../../StorageCounts.ts"

/** A reader of a partition is expected at an offset: `place` names both. */
interface Expected {
  readonly partitionId: number
  readonly from: bigint
  /** Read ahead for it, in order; the first holds `from` or follows it. */
  batches: ReadonlyArray<Uint8Array>
  bytes: number
  /** Being read now. */
  pending: Deferred.Deferred<void> | undefined
}

/** Readers with a remembered place, and reads ahead under way: more than connections that catch up at one time. */
const MAX_PLACES = 4096
const MAX_UNDER_WAY = 8

const place = (partitionId: number, from: bigint): string => `${partitionId}/${from}`

const sizeOf = (batches: ReadonlyArray<Uint8Array>): number => {
  let bytes = 0
  for (const batch of batches) bytes += batch.byteLength
  return bytes
}

/** With something given already, nothing comes beyond the limit. */
const within = (batches: ReadonlyArray<Uint8Array>, room: number): ReadonlyArray<Uint8Array> => {
  let left = room
  const end = batches.findIndex((batch) => (left -= batch.byteLength) < 0)
  return end < 0 ? batches : batches.slice(0, end)
}

/** What a read has found so far. */
interface Progress {
  /** By request. */
  readonly found: Array<ReadonlyArray<Uint8Array>>
  /** Requests for which nothing was read ahead. */
  readonly missing: Array<number>
  /** Requests of readers that go on where they stopped. */
  readonly sequential: Array<ReadRequest>
  /** Bytes that may still be given. */
  left: number
  /** Nothing was given yet: the first batch comes whole. */
  first: boolean
}

/**
 * Reads through another reader for those that go on where they stopped: while a consumer works on what it was given,
 * what it asks for next is read. Bounded in bytes; what was not asked for longest goes first.
 */
export class ReadAhead implements BatchReader {
  readonly #behind: BatchReader
  readonly #scope: Scope.Scope
  readonly #maxBytes: number
  readonly #counts: StorageCounts
  /** In order of last use. */
  #places = new Map<string, Expected>()
  #bytes = 0
  #underWay = 0

  /** Holds at most `maxBytes`; reads ahead in `scope`. */
  constructor(behind: BatchReader, scope: Scope.Scope, maxBytes: number, counts = new StorageCounts()) {
    this.#behind = behind
    this.#counts = counts
    this.#scope = scope
    this.#maxBytes = maxBytes
  }

  readonly read: BatchReader["read"] = Effect.fnUntraced(
    { self: this },
    function* (requests: ReadonlyArray<ReadRequest>, maxBytes: number) {
      const progress: Progress = {
        found: new Array<ReadonlyArray<Uint8Array>>(requests.length),
        missing: [],
        sequential: [],
        left: maxBytes,
        first: true
      }
      for (let i = 0; i < requests.length; i++) {
        const { from, partitionId } = requests[i]!
        const pending = this.#places.get(place(partitionId, from))?.pending
        if (pending !== undefined) yield* Deferred.await(pending)
        this.#takeExpected(requests[i]!, i, progress)
      }
      this.#counts.readAheadMisses += progress.missing.length
      this.#counts.readAheadHits += requests.length - progress.missing.length
      if (progress.missing.length > 0) yield* this.#readMissing(requests, progress)
      if (progress.sequential.length > 0 && this.#maxBytes > 0) yield* this.#goOn(requests, progress)
      return progress.found
    }
  )

  /** Nothing that was read before is given from now on. */
  clear(): void {
    this.#places = new Map()
    this.#bytes = 0
  }

  /** Of these partitions only. */
  forget(partitionIds: ReadonlyArray<number>): void {
    const gone = new Set(partitionIds)
    for (const [key, expected] of this.#places) if (gone.has(expected.partitionId)) this.#drop(key)
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#bytes
  }

  #drop(key: string): void {
    const expected = this.#places.get(key)
    if (expected === undefined) return
    this.#bytes -= expected.bytes
    this.#places.delete(key)
  }

  #expect(expected: Expected): void {
    const key = place(expected.partitionId, expected.from)
    this.#drop(key)
    this.#places.set(key, expected)
    this.#bytes += expected.bytes
    for (const oldest of this.#places.keys()) {
      if (this.#bytes <= this.#maxBytes && this.#places.size <= MAX_PLACES) break
      this.#drop(oldest)
    }
  }

  /** Gives a request what was read ahead for it, or notes that nothing was. */
  #takeExpected(request: ReadRequest, i: number, progress: Progress): void {
    const expected = this.#places.get(place(request.partitionId, request.from))
    if (expected !== undefined) progress.sequential.push(request)
    if (expected === undefined || expected.batches.length === 0) {
      progress.missing.push(i)
      return
    }
    this.#give(progress, i, this.#take(expected, Math.min(request.maxBytes, progress.left), progress.first))
  }

  #give(progress: Progress, i: number, batches: ReadonlyArray<Uint8Array>): void {
    progress.found[i] = batches
    progress.left -= sizeOf(batches)
    if (batches.length > 0) progress.first = false
  }

  /** What is there for a reader, as far as it fits; the rest waits for it at its next place. */
  #take(expected: Expected, room: number, wholeFirst: boolean): ReadonlyArray<Uint8Array> {
    let left = room
    let count = 0
    for (const batch of expected.batches) {
      if (batch.byteLength > left && !(wholeFirst && count === 0)) break
      left -= batch.byteLength
      count++
    }
    if (count === 0) return []
    this.#drop(place(expected.partitionId, expected.from))
    const taken = expected.batches.slice(0, count)
    const rest = expected.batches.slice(count)
    const from = RecordBatch.lastOffset(taken[count - 1]!) + 1n
    this.#expect({ partitionId: expected.partitionId, from, batches: rest, bytes: sizeOf(rest), pending: undefined })
    return taken
  }

  /** Reads for the requests for which nothing was read ahead, and expects their readers behind it. */
  readonly #readMissing = Effect.fnUntraced(
    { self: this },
    function* (requests: ReadonlyArray<ReadRequest>, progress: Progress) {
      const wanted = progress.missing.map((i) => requests[i]!)
      const read =
        progress.left > 0 || progress.first
          ? yield* this.#behind.read(wanted, Math.max(0, progress.left))
          : wanted.map(() => [])
      for (let k = 0; k < wanted.length; k++) {
        const { from, partitionId } = wanted[k]!
        const batches = progress.first ? read[k]! : within(read[k]!, progress.left)
        this.#give(progress, progress.missing[k]!, batches)
        const last = batches.at(-1)
        if (last === undefined) continue
        this.#drop(place(partitionId, from))
        const next = RecordBatch.lastOffset(last) + 1n
        this.#expect({ partitionId, from: next, batches: [], bytes: 0, pending: undefined })
      }
    }
  )

  /** Begins to read what follows for the readers that were expected and came. */
  #goOn(requests: ReadonlyArray<ReadRequest>, { found, sequential }: Progress): Effect.Effect<void> {
    const next = new Map<string, ReadRequest>()
    for (let i = 0; i < requests.length; i++) {
      const last = found[i]!.at(-1)
      const request = requests[i]!
      if (last === undefined || !sequential.includes(request)) continue
      const from = RecordBatch.lastOffset(last) + 1n
      next.set(place(request.partitionId, from), { ...request, from })
    }
    return Effect.suspend(() => this.#begin(Array.from(next.values())))
  }

  /** Reads ahead for these, as far as there is room, in a fiber of its own. */
  #begin(requests: ReadonlyArray<ReadRequest>): Effect.Effect<void> {
    if (this.#underWay >= MAX_UNDER_WAY) return Effect.void
    const pending = Deferred.makeUnsafe<void>()
    const wanted: Array<Expected> = []
    const following: Array<ReadRequest> = []
    let room = this.#maxBytes - this.#bytes
    for (const request of requests) {
      const expected = this.#places.get(place(request.partitionId, request.from))
      if (expected === undefined || expected.batches.length > 0 || expected.pending !== undefined) continue
      if (this.#behind.isNear?.(request) === true) continue
      if (request.maxBytes > room) break
      room -= request.maxBytes
      expected.pending = pending
      wanted.push(expected)
      following.push(request)
    }
    if (wanted.length === 0) return Effect.void
    this.#underWay++
    return Effect.asVoid(Effect.forkIn(this.#fill(wanted, following, pending), this.#scope))
  }

  #fill(
    wanted: ReadonlyArray<Expected>,
    requests: ReadonlyArray<ReadRequest>,
    pending: Deferred.Deferred<void>
  ): Effect.Effect<void> {
    const inAll = requests.reduce((sum, request) => sum + request.maxBytes, 0)
    return this.#behind.read(requests, inAll).pipe(
      Effect.map((found) => wanted.forEach((expected, k) => this.#fulfil(expected, found[k]!))),
      // A reader that comes for it reads again, and is told what is wrong.
      Effect.ignore,
      Effect.ensuring(
        Effect.sync(() => {
          this.#underWay--
          for (const expected of wanted) expected.pending = undefined
          Deferred.doneUnsafe(pending, Effect.void)
        })
      )
    )
  }

  /** Keeps what was read ahead for a reader, unless it was forgotten meanwhile. */
  #fulfil(expected: Expected, batches: ReadonlyArray<Uint8Array>): void {
    const key = place(expected.partitionId, expected.from)
    if (this.#places.get(key) !== expected) return
    this.#drop(key)
    if (batches.length > 0) this.#expect({ ...expected, batches, bytes: sizeOf(batches), pending: undefined })
  }
}
