import * as Context from "effect/Context"
import { Histogram, SECONDS } from "./Histogram.ts"

/** Of numbers of things in one commit. */
const NUMBERS: ReadonlyArray<number> = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000]

/**
 * What this package has done since the broker started, for whoever wants to tell of it. Plain numbers that only rise: who
 * counts does not know who reads.
 */
export class StorageCounts {
  /** From asking the store to its answer, of commits that are stored; in seconds. */
  readonly commitSeconds = new Histogram(SECONDS)
  /** Units of a commit that is stored: requests that became one. */
  readonly commitUnits = new Histogram(NUMBERS)
  /** Batches of records of a commit that is stored. */
  readonly commitBatches = new Histogram(NUMBERS)
  /** Bytes handed to the store. */
  commitBytes = 0
  /** Commits that stored nothing, or of which that is not known, by the tag of the `StoreError`. */
  readonly commitFailures = new Map<string, number>()
  /** Records and bytes of batches that were appended, those of the outbox among them. */
  appendedRecords = 0
  appendedBytes = 0
  /** Reads of a partition that found something in memory, and those that went to what lies behind it. */
  tailReads = 0
  storeReads = 0
  /** Bytes of batches that memory gave. */
  tailReadBytes = 0
  /** Of the latter: what was read ahead for, and what had to be asked of the store. */
  readAheadHits = 0
  readAheadMisses = 0
  /** Blocks of objects that were asked for, and memory had or had not. */
  objectCacheHits = 0
  objectCacheMisses = 0
  /** Batches deleted that no client could read any more. */
  deletedBatches = 0
  /** Batches that compaction took the place of or took away. */
  compactedBatches = 0
  /** Times that a partition was compacted. */
  compactions = 0
  /** Batches that moved from rows to objects, and their bytes; bytes that were to move and had not at the last look. */
  tieredBatches = 0
  tieredBytes = 0
  tierLagBytes = 0
  /** Times that they could not. */
  tierFailures = 0
  /** Records that went for their key, and bytes of the batches in which they lay. */
  erasedRecords = 0
  erasedBytes = 0
  /** Objects that were noted as unused, removed after their delay, and removed as no row knew them; bytes of both. */
  objectsUnused = 0
  objectsRemoved = 0
  objectOrphansRemoved = 0
  objectBytesRemoved = 0
  /** Calls of the object store that succeeded, in seconds, and their bytes. */
  readonly objectSeconds = { put: new Histogram(SECONDS), get: new Histogram(SECONDS) }
  objectPutBytes = 0
  objectGetBytes = 0
  /** Calls of it that failed, by what they were. */
  readonly objectFailures = new Map<string, number>()

  objectFailed(call: string): void {
    this.objectFailures.set(call, (this.objectFailures.get(call) ?? 0) + 1)
  }

  /** Objects of which all batches were moved to others, and bytes of batches that were moved. */
  mergedObjects = 0
  mergedBytes = 0

  commitFailed(tag: string): void {
    this.commitFailures.set(tag, (this.commitFailures.get(tag) ?? 0) + 1)
  }
}

/** A broker's layer gives a value of its own. Without one all share one that nobody reads. */
export const Counts = Context.Reference<StorageCounts>("@tusk/storage/Counts", {
  defaultValue: () => new StorageCounts()
})
