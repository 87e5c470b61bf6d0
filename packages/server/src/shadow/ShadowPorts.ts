/** What a shadow stands between: the log that is forwarded, and another Kafka. */
import type { ClientError } from "@tusk/client/ClientError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { StoreError } from "@tusk/storage/port/StoreError"
import type { ShadowPlace } from "@tusk/storage/port/ShadowRows"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { SourceRead } from "./Plan.ts"
import type { TargetEnd } from "./Resume.ts"

/** A partition is not forwarded until somebody has done something about it. `message` says what is wrong. */
export class ShadowStop extends Data.TaggedError("ShadowStop")<{ readonly message: string }> {}

export type ShadowError = ClientError | KafkaError | StoreError

/** A topic of the source. */
export interface SourceTopic {
  readonly name: string
  /** Kafka's text form. */
  readonly topicId: string
  readonly partitions: number
  /** Configs that are the topic's own, by Kafka's names; those of Tusk alone are left out. */
  readonly configs: ReadonlyMap<string, string>
}

/** What a group of the source has committed. */
export interface SourceGroup {
  readonly group: string
  readonly offsets: ReadonlyArray<ShadowPlace & { readonly offset: bigint }>
}

/** The log that is forwarded: of this process, or of a broker that is asked. */
export interface ShadowSource {
  readonly clusterId: Effect.Effect<string, ShadowError>
  /** All topics but internal ones. */
  readonly topics: Effect.Effect<ReadonlyArray<SourceTopic>, ShadowError>
  /** Where the log starts, and its last stable offset. */
  readonly ends: (
    place: ShadowPlace
  ) => Effect.Effect<Pick<SourceRead, "logStartOffset" | "lastStableOffset">, ShadowError>
  /** Reads up to the last stable offset, a batch at least if there is one. */
  readonly read: (place: ShadowPlace, from: bigint, maxBytes: number) => Effect.Effect<SourceRead, ShadowError>
  /** Returns once the last stable offset may be beyond the one given. */
  readonly moved: (place: ShadowPlace, lastStableOffset: bigint) => Effect.Effect<void, ShadowError>
  readonly groups: Effect.Effect<ReadonlyArray<SourceGroup>, ShadowError>
}

/** A topic of the target. */
export interface TargetTopic {
  /** Kafka's text form. */
  readonly topicId: string
  readonly partitions: number
}

/** Sends a batch, at once and behind what was sent before; returns the offset of its first record. */
export type Send = (batch: Uint8Array) => Effect.Effect<bigint, ClientError>

/** The other Kafka. */
export interface ShadowTarget {
  readonly clusterId: Effect.Effect<string, ShadowError>
  readonly newProducer: Effect.Effect<{ readonly producerId: bigint; readonly epoch: number }, ShadowError>
  /** Those of these names that are there. */
  readonly topics: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyMap<string, TargetTopic>, ShadowError>
  readonly createTopic: (topic: SourceTopic) => Effect.Effect<void, ShadowError>
  readonly addPartitions: (topic: string, partitions: number) => Effect.Effect<void, ShadowError>
  /** Values of all configs of a topic. */
  readonly configs: (topic: string) => Effect.Effect<ReadonlyMap<string, string>, ShadowError>
  readonly setConfigs: (
    topic: string,
    set: ReadonlyMap<string, string>,
    unset: ReadonlyArray<string>
  ) => Effect.Effect<void, ShadowError>
  readonly end: (place: ShadowPlace) => Effect.Effect<TargetEnd, ShadowError>
  /** A way to the leader of a partition, for as long as it leads. */
  readonly channel: (place: ShadowPlace) => Effect.Effect<Send, ShadowError>
  readonly offsets: (group: string) => Effect.Effect<SourceGroup["offsets"], ShadowError>
  readonly commit: (group: string, offsets: SourceGroup["offsets"]) => Effect.Effect<void, ShadowError>
}

/** Tells of what is tried again later. */
export type TellTrouble = (message: string) => Effect.Effect<void>
