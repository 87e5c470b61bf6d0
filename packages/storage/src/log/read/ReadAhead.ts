import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ReadRequest, Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"

/**
 * Reads through the store for readers that go on where they stopped: while a consumer works on what it was given, what
 * it asks for next is read. Bounded in bytes; what was not asked for longest goes first.
 */
export interface ReadAhead {
  /** As `Store.read`. */
  readonly read: Store["Service"]["read"]
  /** Nothing that was read before is given from now on. */
  readonly clear: () => void
  /** Of these partitions only. */
  readonly forget: (partitionIds: ReadonlyArray<number>) => void
  /** Bytes held now. */
  readonly bytes: () => number
}

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

/** Readers whose place is remembered, and reads ahead under way: more than connections that catch up at one time. */
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

export const makeReadAhead = (store: Store["Service"], scope: Scope.Scope, maxBytes: number): ReadAhead => {
  /** In order of last use. */
  let places = new Map<string, Expected>()
  let bytes = 0
  let underWay = 0

  const drop = (key: string): void => {
    const expected = places.get(key)
    if (expected === undefined) return
    bytes -= expected.bytes
    places.delete(key)
  }
  const expect = (expected: Expected): void => {
    const key = place(expected.partitionId, expected.from)
    drop(key)
    places.set(key, expected)
    bytes += expected.bytes
    for (const oldest of places.keys()) {
      if (bytes <= maxBytes && places.size <= MAX_PLACES) break
      drop(oldest)
    }
  }

  /** What is there for a reader, as far as it fits; the rest waits for it at its next place. */
  const take = (expected: Expected, room: number, wholeFirst: boolean): ReadonlyArray<Uint8Array> => {
    let left = room
    let count = 0
    for (const batch of expected.batches) {
      if (batch.byteLength > left && !(wholeFirst && count === 0)) break
      left -= batch.byteLength
      count++
    }
    if (count === 0) return []
    drop(place(expected.partitionId, expected.from))
    const taken = expected.batches.slice(0, count)
    const rest = expected.batches.slice(count)
    const from = RecordBatch.lastOffset(taken[count - 1]!) + 1n
    expect({ partitionId: expected.partitionId, from, batches: rest, bytes: sizeOf(rest), pending: undefined })
    return taken
  }

  const fill = (
    wanted: ReadonlyArray<Expected>,
    requests: ReadonlyArray<ReadRequest>,
    pending: Deferred.Deferred<void>
  ) =>
    store
      .read(
        requests,
        requests.reduce((sum, request) => sum + request.maxBytes, 0)
      )
      .pipe(
        Effect.map((found) => {
          for (let k = 0; k < wanted.length; k++) {
            const expected = wanted[k]!
            const batches = found[k]!
            // It may be forgotten by now.
            if (places.get(place(expected.partitionId, expected.from)) !== expected) continue
            drop(place(expected.partitionId, expected.from))
            if (batches.length > 0) expect({ ...expected, batches, bytes: sizeOf(batches), pending: undefined })
          }
        }),
        // Whoever comes for it reads again, and is told what is wrong.
        Effect.ignore,
        Effect.ensuring(
          Effect.sync(() => {
            underWay--
            for (const expected of wanted) expected.pending = undefined
            Deferred.doneUnsafe(pending, Effect.void)
          })
        )
      )

  /** Begins to read what follows for those who were expected and came. */
  const goOn = (requests: ReadonlyArray<ReadRequest>): Effect.Effect<void> =>
    Effect.suspend(() => {
      if (underWay >= MAX_UNDER_WAY) return Effect.void
      const pending = Deferred.makeUnsafe<void>()
      const wanted: Array<Expected> = []
      const following: Array<ReadRequest> = []
      let room = maxBytes - bytes
      for (const request of requests) {
        const expected = places.get(place(request.partitionId, request.from))
        if (expected === undefined || expected.batches.length > 0 || expected.pending !== undefined) continue
        if (request.maxBytes > room) break
        room -= request.maxBytes
        expected.pending = pending
        wanted.push(expected)
        following.push(request)
      }
      if (wanted.length === 0) return Effect.void
      underWay++
      return Effect.asVoid(Effect.forkIn(fill(wanted, following, pending), scope))
    })

  const read = (
    requests: ReadonlyArray<ReadRequest>,
    maxBytesInAll: number
  ): Effect.Effect<ReadonlyArray<ReadonlyArray<Uint8Array>>, StoreError> =>
    Effect.gen(function* () {
      const found = new Array<ReadonlyArray<Uint8Array>>(requests.length)
      const missing: Array<number> = []
      const sequential: Array<ReadRequest> = []
      let left = maxBytesInAll
      let first = true
      for (let i = 0; i < requests.length; i++) {
        const request = requests[i]!
        const pending = places.get(place(request.partitionId, request.from))?.pending
        if (pending !== undefined) yield* Deferred.await(pending)
        const expected = places.get(place(request.partitionId, request.from))
        if (expected === undefined || expected.batches.length === 0) {
          missing.push(i)
          if (expected !== undefined) sequential.push(request)
          continue
        }
        const taken = take(expected, Math.min(request.maxBytes, left), first)
        found[i] = taken
        sequential.push(request)
        left -= sizeOf(taken)
        if (taken.length > 0) first = false
      }
      if (missing.length > 0) {
        const fromStore =
          left > 0 || first
            ? yield* store.read(
                missing.map((i) => requests[i]!),
                Math.max(0, left)
              )
            : missing.map(() => [])
        for (let k = 0; k < missing.length; k++) {
          const i = missing[k]!
          const { from, partitionId } = requests[i]!
          const batches = first ? fromStore[k]! : within(fromStore[k]!, left)
          found[i] = batches
          left -= sizeOf(batches)
          if (batches.length > 0) first = false
          const last = batches.at(-1)
          if (last === undefined) continue
          drop(place(partitionId, from))
          expect({ partitionId, from: RecordBatch.lastOffset(last) + 1n, batches: [], bytes: 0, pending: undefined })
        }
      }
      if (sequential.length > 0 && maxBytes > 0) {
        const next = new Map<string, ReadRequest>()
        for (let i = 0; i < requests.length; i++) {
          const last = found[i]!.at(-1)
          const request = requests[i]!
          if (last === undefined || !sequential.includes(request)) continue
          const from = RecordBatch.lastOffset(last) + 1n
          next.set(place(request.partitionId, from), { ...request, from })
        }
        yield* goOn(Array.from(next.values()))
      }
      return found
    })

  const forget = (partitionIds: ReadonlyArray<number>): void => {
    const gone = new Set(partitionIds)
    for (const [key, expected] of places) if (gone.has(expected.partitionId)) drop(key)
  }

  return {
    read,
    clear: () => {
      places = new Map()
      bytes = 0
    },
    forget,
    bytes: () => bytes
  }
}
