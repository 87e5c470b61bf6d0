import type { KafkaError } from "@tusk/protocol/KafkaError"
import {
  InvalidPartitions,
  PolicyViolation,
  TopicAlreadyExists,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Active } from "../commit/Active.ts"
import { makeAssumed, NO_CHANGE } from "../commit/Assumed.ts"
import type { Change } from "../commit/Assumed.ts"
import { Committer } from "../commit/Committer.ts"
import { Configs } from "./Configs.ts"
import { TOPIC_RESOURCE } from "./Configs.ts"
import { isKafkaError, Log } from "../log/Log.ts"
import { topicsDefaults } from "../defaults.ts"
import { Offsets } from "../offsets/Offsets.ts"
import type { Participant } from "../commit/Participant.ts"
import type { ClusterState, Write } from "../port/Store.ts"
import { randomUuid } from "../port/Uuid.ts"

/** A topic as it is now; a changed topic is a new object. */
export interface Topic {
  /** Kafka's text form, 22 characters. */
  readonly topicId: string
  readonly name: string
  /** Partition ids by partition index. */
  readonly partitionIds: ReadonlyArray<number>
}

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly configs: ReadonlyMap<string, string>
}

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
    /** What is wrong with so many partitions more. */
    readonly tooMany: (more: number) => KafkaError | undefined
    /** Refused with `TopicAlreadyExists`; the name was checked by the caller, the id is new. */
    readonly creating: (topicId: string, topic: NewTopic) => Participant<Topic>
    readonly create: (topic: NewTopic) => Effect.Effect<Topic, KafkaError>
    /** `count`: how many partitions there shall be in all. */
    readonly addPartitions: (name: string, count: number) => Effect.Effect<Topic, KafkaError>
    readonly remove: (topicId: string) => Effect.Effect<Topic, KafkaError>
    /** Partitions of deleted topics, whose batches Retention deletes; the list is its to empty. */
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
      const log = yield* Log
      const offsets = yield* Offsets
      const { maxPartitions } = yield* TopicsOptions
      let byName = new Map<string, Topic>()
      let byId = new Map<string, Topic>()
      let ofPartition = new Map<number, { readonly topic: Topic; readonly index: number }>()
      let orphans = new Set<number>()
      let nextPartitionId = 1
      let sorted: ReadonlyArray<Topic> | undefined
      let version = 0
      /** By name; undefined: deleted. */
      const underWay = makeAssumed<string, Topic | undefined>()
      /** Partitions that commits under way add. */
      const adding = new Map<object, number>()

      const put = (topic: Topic): void => {
        byName.set(topic.name, topic)
        byId.set(topic.topicId, topic)
        topic.partitionIds.forEach((partitionId, index) => ofPartition.set(partitionId, { topic, index }))
        sorted = undefined
        version++
      }
      const take = (topic: Topic): void => {
        byName.delete(topic.name)
        byId.delete(topic.topicId)
        for (const partitionId of topic.partitionIds) {
          ofPartition.delete(partitionId)
          orphans.add(partitionId)
        }
        sorted = undefined
        version++
        configs.seen(TOPIC_RESOURCE, topic.name, undefined)
        offsets.forget(topic.partitionIds)
        log.forget(topic.partitionIds)
      }
      const reload = (cluster: ClusterState): void => {
        byName = new Map()
        byId = new Map()
        ofPartition = new Map()
        orphans = new Set(cluster.orphans)
        underWay.clear()
        adding.clear()
        nextPartitionId = cluster.nextPartitionId
        version++
        for (const topic of cluster.topics) put(topic)
      }
      reload(active.cluster)
      active.onTakeOver((cluster) => Effect.sync(() => reload(cluster)))

      const assumed = (name: string): Topic | undefined => {
        const change = underWay.get(name)
        return change === undefined ? byName.get(name) : change.value
      }

      /** A change that is decided at its turn in the commit, and seen as soon as it is stored. */
      const change = (
        bytes: number,
        decide: (writes: Array<Write>) => Topic | KafkaError,
        after: "There" | "Gone",
        done: (topic: Topic) => void
      ): Participant<Topic> => {
        let made: Change = NO_CHANGE
        let topic: Topic | undefined
        const participant: Participant<Topic> = {
          bytes,
          assemble: (writes) => {
            const decided = decide(writes)
            if (isKafkaError(decided)) return decided
            topic = decided
            made = underWay.set(topic.name, after === "There" ? topic : undefined)
            adding.set(participant, writes.filter(({ _tag }) => _tag === "PutPartition").length)
            return "Stored"
          },
          retract: () => {
            made.undo()
            adding.delete(participant)
          },
          settle: (error) => {
            if (error !== undefined || topic === undefined) return
            adding.delete(participant)
            active.tell({ nextPartitionId })
            done(topic)
            made.done()
          },
          answer: () => topic!
        }
        return participant
      }

      const putPartitions = (topicId: string, from: number, to: number, writes: Array<Write>): Array<number> => {
        const partitionIds: Array<number> = []
        for (let index = from; index < to; index++) {
          const partitionId = nextPartitionId++
          partitionIds.push(partitionId)
          writes.push({ _tag: "PutPartition", topicId, index, partitionId })
        }
        return partitionIds
      }

      const tooMany = (more: number): KafkaError | undefined => {
        let count = ofPartition.size + more
        for (const coming of adding.values()) count += coming
        return count > maxPartitions
          ? new PolicyViolation({
              message: `This broker takes at most ${maxPartitions} partitions (tusk.max.partitions).`
            })
          : undefined
      }

      const creating = (topicId: string, { configs: overrides, name, partitions }: NewTopic): Participant<Topic> =>
        change(
          128 + 64 * partitions,
          (writes) => {
            if (assumed(name) !== undefined) {
              return new TopicAlreadyExists({ message: `Topic '${name}' already exists.` })
            }
            const refused = tooMany(partitions)
            if (refused !== undefined) return refused
            writes.push({ _tag: "PutTopic", topicId, name })
            for (const [config, value] of overrides) {
              writes.push({ _tag: "PutConfig", resourceType: TOPIC_RESOURCE, resourceName: name, name: config, value })
            }
            return { topicId, name, partitionIds: putPartitions(topicId, 0, partitions, writes) }
          },
          "There",
          (topic) => {
            put(topic)
            configs.seen(TOPIC_RESOURCE, name, overrides)
          }
        )

      return Topics.of({
        assumed,
        byName: (name) => byName.get(name),
        byId: (topicId) => byId.get(topicId),
        ofPartition: (partitionId) => ofPartition.get(partitionId),
        all: () =>
          (sorted ??= Array.from(byName.values()).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))),
        version: () => version,
        tooMany,
        creating,
        create: (topic) => Effect.flatMap(randomUuid, (topicId) => committer.submit(creating(topicId, topic))),
        addPartitions: (name, count) =>
          Effect.suspend(() =>
            committer.submit(
              change(
                64 * count,
                (writes) => {
                  const topic = assumed(name)
                  if (topic === undefined) return new UnknownTopicOrPartition()
                  const present = topic.partitionIds.length
                  if (count <= present) {
                    return new InvalidPartitions({
                      message: `Topic currently has ${present} partitions, which is ${count === present ? "the requested count" : `more than the requested ${count}`}.`
                    })
                  }
                  const refused = tooMany(count - present)
                  if (refused !== undefined) return refused
                  return {
                    ...topic,
                    partitionIds: [...topic.partitionIds, ...putPartitions(topic.topicId, present, count, writes)]
                  }
                },
                "There",
                put
              )
            )
          ),
        remove: (topicId) =>
          Effect.suspend(() =>
            committer.submit(
              change(
                64,
                (writes) => {
                  const topic = byId.get(topicId)
                  if (topic === undefined || assumed(topic.name)?.topicId !== topicId) return new UnknownTopicId()
                  writes.push({ _tag: "DeleteTopic", topicId })
                  return assumed(topic.name) ?? topic
                },
                "Gone",
                take
              )
            )
          ),
        orphans: () => Array.from(orphans),
        orphanGone: (partitionId) => {
          orphans.delete(partitionId)
        }
      })
    })
  )
}
