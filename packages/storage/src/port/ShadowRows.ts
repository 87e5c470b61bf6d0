import type * as Effect from "effect/Effect"
import type { StoreError } from "./StoreError.ts"

/** The idempotent producer that forwards to a cluster. Given once by that cluster, and kept. */
export interface ShadowProducer {
  readonly producerId: bigint
  readonly epoch: number
}

/** A partition, by the name that it has on both sides. */
export interface ShadowPlace {
  readonly topic: string
  readonly partition: number
}

/** A partition that is forwarded. */
export interface ShadowPartition extends ShadowPlace {
  /** Kafka's text form; topics made anew under a name have others. */
  readonly sourceTopicId: string
  readonly targetTopicId: string
  /** An offset here minus its offset there, where forwarding began. */
  readonly difference: bigint
  /** Whether filler records keep the difference constant; else it is mapped. */
  readonly fills: boolean
  /** Where the target ended when forwarding began. */
  readonly targetStart: bigint
  /** What was noted last: the target's end, the next offset here, the last stable offset here. */
  readonly targetEnd: bigint
  readonly sourceNext: bigint
  readonly sourceEnd: bigint
  /** Undefined: it goes on. */
  readonly stoppedWhy: string | undefined
}

/** How far a partition has come, to be noted. */
export type ShadowProgress = ShadowPlace & Pick<ShadowPartition, "targetEnd" | "sourceNext" | "sourceEnd">

/** From `source` on an offset there is `target` and as much further on; up to the next entry. */
export interface MappedOffset {
  readonly source: bigint
  readonly target: bigint
}

/** Where what forwards the log to another Kafka keeps how far it is. Beside the commit, on a session of its own. */
export interface ShadowRows {
  readonly producer: (clusterId: string) => Effect.Effect<ShadowProducer | undefined, StoreError>
  /** Keeps it unless there is one; returns the one that is kept. */
  readonly putProducer: (clusterId: string, producer: ShadowProducer) => Effect.Effect<ShadowProducer, StoreError>
  /** All of a target, or of one partition. */
  readonly partitions: (
    clusterId: string,
    place?: ShadowPlace
  ) => Effect.Effect<ReadonlyArray<ShadowPartition>, StoreError>
  /** Keeps it unless there is one. */
  readonly begin: (clusterId: string, partition: ShadowPartition) => Effect.Effect<void, StoreError>
  /** Notes never lead back. What is noted goes on: it is not stopped. */
  readonly note: (clusterId: string, progress: ReadonlyArray<ShadowProgress>) => Effect.Effect<void, StoreError>
  readonly stop: (clusterId: string, place: ShadowPlace, why: string) => Effect.Effect<void, StoreError>
  /** Forgets a partition, and its map. */
  readonly forget: (clusterId: string, place: ShadowPlace) => Effect.Effect<void, StoreError>
  /** Whether this one alone maps offsets of the target, for as long as its session lives. */
  readonly lockMap: (clusterId: string) => Effect.Effect<boolean, StoreError>
  /** In order. */
  readonly mapped: (clusterId: string, place: ShadowPlace) => Effect.Effect<ReadonlyArray<MappedOffset>, StoreError>
  /** False, and nothing: another one maps. */
  readonly map: (
    clusterId: string,
    place: ShadowPlace,
    entries: ReadonlyArray<MappedOffset>
  ) => Effect.Effect<boolean, StoreError>
  /** Takes entries away whose target lies at or above `from`, or below `oldest`. */
  readonly trimMap: (
    clusterId: string,
    place: ShadowPlace,
    limits: { readonly from: bigint; readonly oldest: bigint }
  ) => Effect.Effect<void, StoreError>
}
