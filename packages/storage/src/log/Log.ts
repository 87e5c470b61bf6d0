import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import { Committer, CommitterOptions } from "../commit/Committer.ts"
import type { ReadRequest } from "../port/BatchReader.ts"
import { Store } from "../port/Store.ts"
import { Counts } from "../StorageCounts.ts"
import { within } from "../within.ts"
import { makeAppending } from "./append/Appending.ts"
import type { Appending } from "./append/Appending.ts"
import { OpenBatches } from "./batches/OpenBatches.ts"
import { LogOptions } from "./LogOptions.ts"
import { makeEnds } from "./partitions/Ends.ts"
import type { Ends } from "./partitions/Ends.ts"
import { IsImported } from "./partitions/Imported.ts"
import { inOneReign } from "./partitions/inOneReign.ts"
import { Partitions } from "./partitions/Partitions.ts"
import type { PartitionRead, ReadOptions } from "./read/PartitionRead.ts"
import { ReadAhead } from "./read/ReadAhead.ts"
import { Reader } from "./read/Reader.ts"
import { fire, makeWaiters } from "./read/Waiters.ts"
import type { Ending, Position } from "./read/Waiters.ts"
import { makeRemoval } from "./removal/Removal.ts"
import type { Removal } from "./removal/Removal.ts"
import { ObjectWriter } from "./objects/ObjectWriter.ts"
import { makeSearch } from "./search/Search.ts"
import type { Search } from "./search/Search.ts"

export { isKafkaError } from "@tusk/protocol/KafkaError"
export { apart } from "./append/apart.ts"
export type { AppendRequest, Appended } from "./append/AppendRequest.ts"
export type { MayBegin } from "./partitions/Proposal.ts"
export type { ActiveProducer, MeasuredEnd, PartitionEnd } from "./partitions/Ends.ts"
export type { PartitionRead, ReadOptions } from "./read/PartitionRead.ts"

export interface LogHeld {
  readonly tailBytes: number
  readonly readAheadBytes: number
  readonly partitions: number
  readonly waiting: number
}

/** The log of every partition: appends through the Committer, reads from memory, else from the store. */
export class Log extends Context.Service<
  Log,
  {
    /** Wants these batches stored; one result a request. */
    readonly appending: Appending["appending"]
    /**
     * Admitted in the caller's turn, in order; answers once stored, one result a request, or after `timeoutMs` that it
     * is not known yet (REQUEST_TIMED_OUT).
     */
    readonly append: Appending["append"]
    /** Ends transactions in partitions; a result a marker. */
    readonly marking: Appending["marking"]
    /** A batch was refused before it had its place. To be told before one behind it has its own. */
    readonly turnedAway: Appending["turnedAway"]
    /** One result a request, in their order: at most `maxBytes` in all, and nothing from the reader's bound on. */
    readonly read: (
      requests: ReadonlyArray<ReadRequest>,
      options: ReadOptions
    ) => Effect.Effect<ReadonlyArray<PartitionRead | KafkaError>>
    /** What `read` answers if memory has all of it, as for all readers that wait at the end; else undefined. */
    readonly readNow: Reader["readNow"]
    /**
     * Waits until `bytes` more bytes are readable in these partitions than at the positions given, one of them changes
     * otherwise, or `ending` ends it.
     */
    readonly awaitBytes: (positions: ReadonlyArray<Position>, bytes: number, ending?: Ending) => Effect.Effect<void>
    /** Where logs start and end; one result a partition. */
    readonly ends: Ends["ends"]
    /** The same, with the bytes of each: if a partition is compacted, they may have to be added up first. */
    readonly measured: Ends["measured"]
    /** What has to be read before these partitions are appended to, or undefined. */
    readonly loading: Partitions["loading"]
    /** Producers of a partition, as DescribeProducers tells them. */
    readonly producers: Ends["producers"]
    /** The first record at or after a time (milliseconds), or undefined. */
    readonly findByTimestamp: Search["findByTimestamp"]
    /** The first record with the greatest timestamp, or undefined if there is none. */
    readonly findMaxTimestamp: Search["findMaxTimestamp"]
    /** Where an epoch ended, as OffsetForLeaderEpoch tells it; undefined if nothing is known of it. */
    readonly endOfEpoch: Search["endOfEpoch"]
    /** Records below `offset` are no longer readable; returns the log start offset. Their deletion follows. */
    readonly raiseLogStart: Removal["raiseLogStart"]
    /** Takes the bytes of a partition from the store anew, once batches are deleted. */
    readonly measure: Ends["measure"]
    /** Takes batches of a partition below an offset away; what they tell of producers is stored in the same commit. */
    readonly deleting: Removal["deleting"]
    /** Compaction has stored these in the place of others: memory follows. */
    readonly replaced: Partitions["replaced"]
    /** Batches of a partition below an offset lie in objects now, which is stored: memory follows. */
    readonly moved: Partitions["moved"]
    /** The partitions' topic is deleted. */
    readonly forget: (partitionIds: ReadonlyArray<number>) => void
    /** What memory holds now: bytes of newest batches and of those that were read ahead, partitions, readers that wait. */
    readonly held: () => LogHeld
  }
>()("@tusk/storage/log/Log") {
  private static readonly layerNoDeps = Layer.effect(
    Log,
    Effect.gen(function* () {
      const store = yield* Store
      const active = yield* Active
      const committer = yield* Committer
      const clock = yield* Clock.Clock
      const scope = yield* Effect.scope
      const limits = yield* LogOptions
      const counts = yield* Counts
      const { abortedTransactions } = store
      const inTime = within((yield* CommitterOptions).requestTimeoutMs)
      const { epoch: leaderEpoch, failoverEpoch, proven } = active
      const nowMs = () => clock.currentTimeMillisUnsafe()
      const inReign = inOneReign(active)

      const partitions = new Partitions({
        store,
        committer,
        limits,
        scope,
        inTime,
        leaderEpoch,
        failoverEpoch,
        nowMs,
        isImported: yield* IsImported
      })
      const { ends, measure, measured, producers } = makeEnds(partitions, store, leaderEpoch)
      const waiters = makeWaiters()
      const removal = makeRemoval(partitions, committer)
      const appending = makeAppending({
        partitions,
        committer,
        limits,
        leaderEpoch,
        nowMs,
        counts,
        writer: yield* ObjectWriter,
        grown: (partitionId, bytes, stableBytes) => fire(waiters, partitionId, bytes, stableBytes),
        evicted: limits.tailIsAll ? removal.evicted : undefined
      })
      const ahead = new ReadAhead(store, scope, limits.readAheadBytes, counts)
      const reader = new Reader({ partitions, batches: ahead, abortedTransactions, proven, inTime, counts })
      const search = makeSearch(partitions, store, yield* OpenBatches, leaderEpoch)

      active.onTakeOver(() =>
        Effect.sync(() => {
          ahead.clear()
          partitions.takeOver()
          waiters.fireAll()
        })
      )

      return Log.of({
        ...appending,
        read: (requests, options) => inReign(reader.read(requests, options)),
        readNow: (requests, options) => reader.readNow(requests, options),
        awaitBytes: (positions, bytes, ending) => waiters.wait(positions, bytes, reader.hasMoved, ending),
        ends,
        producers,
        loading: (partitionIds) => partitions.loading(partitionIds),
        measured: (partitionIds) => inReign(measured(partitionIds)),
        findByTimestamp: (partitionId, timestamp) => inReign(search.findByTimestamp(partitionId, timestamp)),
        findMaxTimestamp: (partitionId) => inReign(search.findMaxTimestamp(partitionId)),
        endOfEpoch: search.endOfEpoch,
        raiseLogStart: removal.raiseLogStart,
        measure,
        deleting: removal.deleting,
        replaced: (partitionId, replacements) => {
          ahead.forget([partitionId])
          partitions.replaced(partitionId, replacements)
        },
        moved: (partitionId, below) => partitions.moved(partitionId, below),
        forget: (partitionIds) => {
          ahead.forget(partitionIds)
          for (const partitionId of partitionIds) if (partitions.forget(partitionId)) waiters.change(partitionId)
        },
        held: () => ({ ...partitions.held, readAheadBytes: ahead.bytes, waiting: waiters.count() })
      })
    })
  )

  /** A layer is built once: its look-ups take turns with all others that open batches. */
  static readonly layer = Layer.provide(this.layerNoDeps, OpenBatches.layer)
}
