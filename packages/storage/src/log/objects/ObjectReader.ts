import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { ObjectMissing, ObjectStore, ObjectStoreError } from "../../port/ObjectStore.ts"
import type { ObjectPointer, PointerReader } from "../../port/StoredBatch.ts"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Recurring } from "../../Recurring.ts"

export interface ObjectReaderOptions {
  /** Bytes between two batches that are read along, as that costs less than to ask twice. */
  readonly maxGapBytes: number
  /** Bytes that are asked for at one time, unless one batch is larger. */
  readonly maxRangeBytes: number
  /** Ranges that are asked for at one time, of all who read. */
  readonly maxRanges: number
  /** What is read is as near as a disk of this machine. */
  readonly isNear?: boolean
}

/** What reads ranges: a store, or a cache before it. */
export type RangeReader = Pick<ObjectStore, "get" | "name">

/** Batches that lie side by side, and where the one stands that was asked for. */
interface Range {
  readonly name: string
  readonly from: number
  to: number
  readonly wanted: Array<{ readonly pointer: ObjectPointer; readonly at: number }>
}

const endOf = ({ bytes, position }: ObjectPointer): number => position + bytes

const byPlace = (a: ObjectPointer, b: ObjectPointer): number =>
  a.name === b.name ? a.position - b.position : a.name < b.name ? -1 : 1

/** The ranges to be read: of one object each, in order, none larger than allowed but for one batch. */
export const rangesOf = (
  pointers: ReadonlyArray<ObjectPointer>,
  { maxGapBytes, maxRangeBytes }: Pick<ObjectReaderOptions, "maxGapBytes" | "maxRangeBytes">
): ReadonlyArray<Range> => {
  const ranges: Array<Range> = []
  const places = pointers.map((pointer, at) => ({ pointer, at })).sort((a, b) => byPlace(a.pointer, b.pointer))
  for (const each of places) {
    const { name, position } = each.pointer
    const last = ranges.at(-1)
    const to = Math.max(last?.to ?? 0, endOf(each.pointer))
    if (last?.name === name && position - last.to <= maxGapBytes && to - last.from <= maxRangeBytes) {
      last.to = to
      last.wanted.push(each)
    } else {
      ranges.push({ name, from: position, to: endOf(each.pointer), wanted: [each] })
    }
  }
  return ranges
}

/** Cuts batches out of what was read of their range: views, unless two hold the same bytes. */
const cut = ({ from, wanted }: Range, bytes: Uint8Array): ReadonlyArray<Uint8Array> => {
  let end = 0
  return wanted.map(({ pointer }) => {
    const start = pointer.position - from
    const isShared = start < end
    end = Math.max(end, start + pointer.bytes)
    return isShared ? bytes.slice(start, start + pointer.bytes) : bytes.subarray(start, start + pointer.bytes)
  })
}

const isBatch = (bytes: Uint8Array): boolean =>
  bytes.byteLength >= RecordBatch.RECORD_BATCH_OVERHEAD &&
  RecordBatch.sizeInBytes(bytes) === bytes.byteLength &&
  RecordBatch.magic(bytes) === 2

/** What a batch's row knows better than its bytes, which were stored before. In place. */
const patch = (batch: Uint8Array, { baseOffset, leaderEpoch, maxTimestamp }: ObjectPointer): void => {
  RecordBatch.setOffsets(batch, baseOffset, leaderEpoch)
  if (RecordBatch.timestampType(batch) === "LogAppendTime") RecordBatch.setLogAppendTime(batch, maxTimestamp)
}

/** The object is not what its pointers say. */
const wrong = ({ name, position, bytes }: ObjectPointer): StoreUnavailable =>
  new StoreUnavailable({ message: `object ${name} holds no batch of ${bytes} bytes at ${position}`, ofObject: true })

/**
 * Reads batches out of objects. Nothing is asked before `mayRead` succeeds. Ranges of one object that lie near each other are
 * one; the others are asked for side by side. An object that is missing, or holds something else, is told while it goes on.
 */
export class ObjectReader implements PointerReader {
  readonly #objects: RangeReader
  readonly #mayRead: Effect.Effect<void, StoreError>
  readonly #options: ObjectReaderOptions
  readonly #room: Semaphore.Semaphore
  readonly #trouble = new Recurring("objects")
  #isInTrouble = false
  readonly isNear: boolean

  constructor(objects: RangeReader, mayRead: Effect.Effect<void, StoreError>, options: ObjectReaderOptions) {
    this.#objects = objects
    this.#mayRead = mayRead
    this.#options = options
    this.isNear = options.isNear === true
    this.#room = Semaphore.makeUnsafe(options.maxRanges)
  }

  readonly resolve = (pointers: ReadonlyArray<ObjectPointer>): Effect.Effect<ReadonlyArray<Uint8Array>, StoreError> =>
    Effect.andThen(this.#mayRead, this.#read(pointers))

  #read(pointers: ReadonlyArray<ObjectPointer>): Effect.Effect<ReadonlyArray<Uint8Array>, StoreUnavailable> {
    return Effect.suspend(() => {
      const found = new Array<Uint8Array>(pointers.length)
      const ranges = rangesOf(pointers, this.#options)
      // Mostly all lies side by side.
      const read = ranges.length === 1 ? this.#readInto(ranges[0]!, found) : this.#readSideBySide(ranges, found)
      return Effect.andThen(read, () => (this.#isInTrouble ? Effect.as(this.#isOver, found) : Effect.succeed(found)))
    })
  }

  #readSideBySide(ranges: ReadonlyArray<Range>, found: Array<Uint8Array>): Effect.Effect<void, StoreUnavailable> {
    return Effect.forEach(ranges, (range) => this.#readInto(range, found), {
      concurrency: this.#options.maxRanges,
      discard: true
    })
  }

  #readInto(range: Range, found: Array<Uint8Array>): Effect.Effect<void, StoreUnavailable> {
    return this.#room
      .withPermits(1)(this.#objects.get(range.name, range.from, range.to))
      .pipe(
        Effect.mapError((error) => this.#unavailable(range.name, error)),
        Effect.flatMap((bytes) => {
          const batches = cut(range, bytes)
          const bad = batches.findIndex((batch) => !isBatch(batch))
          if (bad >= 0) return Effect.fail(wrong(range.wanted[bad]!.pointer))
          for (const [i, { at, pointer }] of range.wanted.entries()) {
            patch(batches[i]!, pointer)
            found[at] = batches[i]!
          }
          return Effect.void
        }),
        Effect.tapError(({ message }) => {
          this.#isInTrouble = true
          return this.#trouble.seen(message)
        })
      )
  }

  #unavailable(name: string, error: ObjectMissing | ObjectStoreError): StoreUnavailable {
    const message =
      error._tag === "ObjectMissing"
        ? `object ${name}, in which batches lie, is not in ${this.#objects.name}`
        : `object ${name} cannot be read: ${error.message}`
    return new StoreUnavailable({ message, cause: error, ofObject: true })
  }

  get #isOver(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#isInTrouble = false
      return this.#trouble.over("batches are read out of objects again")
    })
  }
}
