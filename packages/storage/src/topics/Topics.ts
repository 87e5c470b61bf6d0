import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import { topicsDefaults } from "../defaults.ts"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import { Committer } from "../commit/Committer.ts"
import { makeDeletionHooks } from "../commit/OnDeleted.ts"
import type { OnDeleted } from "../commit/OnDeleted.ts"
import type { Participant } from "../commit/Participant.ts"
import type { ClusterState } from "../port/CommitStore.ts"
import { randomUuid } from "../port/Uuid.ts"
import { Configs, TOPIC_RESOURCE } from "./Configs.ts"
import { TopicChanges } from "./TopicChanges.ts"
import type { NewTopic } from "./TopicChanges.ts"
import { TopicIndex } from "./TopicIndex.ts"
import type { Topic } from "./TopicIndex.ts"

export type { NewTopic } from "./TopicChanges.ts"
export type { Topic } from "./TopicIndex.ts"

export const TopicsOptions = Context.Reference<{ readonly maxPartitions: number }>("@tusk/storage/TopicsOptions", {
  defaultValue: () => topicsDefaults
})

/** Which topics there are. Reads are from memory and synchronous; changes wait for their commit. */
export class Topics extends Context.Service<
  Topics,
  {
    readonly byName: (name: string) => Topic | undefined
    readonly byId: (topicId: string) => Topic | undefined
    /** The topic and index of a partition id. */
    readonly ofPartition: (partitionId: number) => { readonly topic: Topic; readonly index: number } | undefined
    /** In order of names. */
    readonly all: () => ReadonlyArray<Topic>
    /** As the commit that is being put together will have it: for decisions, not for answers. */
    readonly assumed: (name: string) => Topic | undefined
    /** Rises with each change of what there is. */
    readonly version: () => number
    /** Returns once something holds of the topics; it is looked at with each change of what there is. */
    readonly until: (condition: () => boolean) => Effect.Effect<void>
    /** What is wrong with so many partitions more. */
    readonly tooMany: (more: number) => KafkaError | undefined
    /** Refused with `TopicAlreadyExists`; the name was checked by the caller, the id is new. */
    readonly creating: (topicId: string, topic: NewTopic) => Participant<Topic>
    readonly create: (topic: NewTopic) => Effect.Effect<Topic, KafkaError>
    /** `count`: how many partitions there shall be in all. */
    readonly addPartitions: (name: string, count: number) => Effect.Effect<Topic, KafkaError>
    readonly remove: (topicId: string) => Effect.Effect<Topic, KafkaError>
    /** For a service that keeps something of topics or of their partitions: called for each that `remove` deletes. */
    readonly onDeleted: (hook: OnDeleted<Topic>) => void
    /** Partitions of deleted topics: Retention deletes their batches, and empties the list. */
    readonly orphans: () => ReadonlyArray<number>
    readonly orphanGone: (partitionId: number) => void
  }
>()("@tusk/storage/topics/Topics") {
  static readonly layer = Layer.effect(
    Topics,
    Effect.gen(function* () {
      const active = yield* Active
      const committer = yield* Committer
      const configs = yield* Configs
      const { maxPartitions } = yield* TopicsOptions
      const index = new TopicIndex()
      const deletion = makeDeletionHooks<Topic>()
      const changes = new TopicChanges({
        index,
        maxPartitions,
        told: (nextPartitionId) => active.tell({ nextPartitionId }),
        configured: (name, overrides) => configs.seen(TOPIC_RESOURCE, name, overrides),
        goesWith: deletion.joined
      })
      const reload = (cluster: ClusterState): void => {
        index.reload(cluster)
        changes.reload(cluster)
      }
      reload(active.cluster)
      active.onTakeOver((cluster) => Effect.sync(() => reload(cluster)))

      return Topics.of({
        byName: index.byName,
        byId: index.byId,
        ofPartition: index.ofPartition,
        all: index.all,
        assumed: changes.assumed,
        version: () => index.version,
        until: index.until,
        tooMany: changes.tooMany,
        creating: changes.creating,
        create: (topic) => Effect.flatMap(randomUuid, (topicId) => committer.submit(changes.creating(topicId, topic))),
        addPartitions: (name, count) => Effect.suspend(() => committer.submit(changes.growing(name, count))),
        remove: (topicId) =>
          Effect.tap(
            Effect.suspend(() => committer.submit(changes.removing(topicId))),
            deletion.after
          ),
        onDeleted: deletion.onDeleted,
        orphans: index.orphans,
        orphanGone: index.orphanGone
      })
    })
  )
}
