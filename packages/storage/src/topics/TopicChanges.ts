import type { KafkaError } from "@tusk/protocol/KafkaError"
import {
  InvalidPartitions,
  isKafkaError,
  PolicyViolation,
  TopicAlreadyExists,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import { makeAssumed, NO_CHANGE } from "../commit/Assumed.ts"
import type { Change } from "../commit/Assumed.ts"
import type { Participant, Verdict } from "../commit/Participant.ts"
import type { ClusterState } from "../port/CommitStore.ts"
import type { Write } from "../port/Write.ts"
import type { StoreError } from "../port/StoreError.ts"
import { TOPIC_RESOURCE } from "./Configs.ts"
import type { Topic, TopicIndex } from "./TopicIndex.ts"

export interface NewTopic {
  readonly name: string
  readonly partitions: number
  readonly configs: ReadonlyMap<string, string>
}

/** What changes of topics need of their surroundings. */
export interface TopicChangesPorts {
  readonly index: TopicIndex
  readonly maxPartitions: number
  /** Partition ids below this one were given, and clients may know of them. */
  readonly told: (nextPartitionId: number) => void
  /** The topic has these overrides from now on; undefined: it is gone, and has none. */
  readonly configured: (name: string, overrides: ReadonlyMap<string, string> | undefined) => void
  /** What goes in the commit that deletes the topic. */
  readonly goesWith: (topic: Topic) => Participant<unknown>
}

/** What one kind of change decides, and what becomes of that. */
interface Plan {
  /** The topic after the change, or as it was before it is deleted; its writes are added. */
  readonly decide: (writes: Array<Write>) => Topic | KafkaError
  readonly after: "There" | "Gone"
  /** It is stored. */
  readonly done: (topic: Topic) => void
}

/** Changes of topics, each decided at its turn in the commit and seen as soon as it is stored. */
export class TopicChanges {
  readonly #ports: TopicChangesPorts
  /** By name; undefined: deleted. */
  readonly #underWay = makeAssumed<string, Topic | undefined>()
  /** Partitions that commits under way add. */
  readonly #adding = new Map<object, number>()
  #nextPartitionId = 1

  constructor(ports: TopicChangesPorts) {
    this.#ports = ports
  }

  reload({ nextPartitionId }: ClusterState): void {
    this.#underWay.clear()
    this.#adding.clear()
    this.#nextPartitionId = nextPartitionId
  }

  /** As the commit that is being put together will have it. */
  readonly assumed = (name: string): Topic | undefined => {
    const change = this.#underWay.get(name)
    return change === undefined ? this.#ports.index.byName(name) : change.value
  }

  /** What is wrong with so many partitions more. */
  readonly tooMany = (more: number): KafkaError | undefined => {
    const { index, maxPartitions } = this.#ports
    let count = index.partitions + more
    for (const coming of this.#adding.values()) count += coming
    if (count <= maxPartitions) return undefined
    return new PolicyViolation({
      message: `This broker takes at most ${maxPartitions} partitions (tusk.max.partitions).`
    })
  }

  readonly creating = (topicId: string, { configs, name, partitions }: NewTopic): Participant<Topic> =>
    this.#change(128 + 64 * partitions, {
      after: "There",
      decide: (writes) => {
        if (this.assumed(name) !== undefined) {
          return new TopicAlreadyExists({ message: `Topic '${name}' already exists.` })
        }
        const refused = this.tooMany(partitions)
        if (refused !== undefined) return refused
        writes.push({ _tag: "PutTopic", topicId, name })
        for (const [config, value] of configs) {
          writes.push({ _tag: "PutConfig", resourceType: TOPIC_RESOURCE, resourceName: name, name: config, value })
        }
        return { topicId, name, partitionIds: this.#putPartitions(topicId, 0, partitions, writes) }
      },
      done: (topic) => {
        this.#ports.index.put(topic)
        this.#ports.configured(name, configs)
      }
    })

  /** `count`: how many partitions there shall be in all. */
  readonly growing = (name: string, count: number): Participant<Topic> =>
    this.#change(64 * count, {
      after: "There",
      decide: (writes) => {
        const topic = this.assumed(name)
        if (topic === undefined) return new UnknownTopicOrPartition()
        const present = topic.partitionIds.length
        if (count <= present) {
          const what = count === present ? "the requested count" : `more than the requested ${count}`
          return new InvalidPartitions({ message: `Topic currently has ${present} partitions, which is ${what}.` })
        }
        const refused = this.tooMany(count - present)
        if (refused !== undefined) return refused
        const more = this.#putPartitions(topic.topicId, present, count, writes)
        return { ...topic, partitionIds: [...topic.partitionIds, ...more] }
      },
      done: (topic) => this.#ports.index.put(topic)
    })

  readonly removing = (topicId: string): Participant<Topic> =>
    this.#change(64, {
      after: "Gone",
      decide: (writes) => {
        const topic = this.#ports.index.byId(topicId)
        const assumed = topic === undefined ? undefined : this.assumed(topic.name)
        if (assumed?.topicId !== topicId) return new UnknownTopicId()
        writes.push({ _tag: "DeleteTopic", topicId })
        return assumed
      },
      done: (topic) => {
        this.#ports.index.take(topic)
        this.#ports.configured(topic.name, undefined)
      }
    })

  #putPartitions(topicId: string, from: number, to: number, writes: Array<Write>): Array<number> {
    const partitionIds: Array<number> = []
    for (let index = from; index < to; index++) {
      const partitionId = this.#nextPartitionId++
      partitionIds.push(partitionId)
      writes.push({ _tag: "PutPartition", topicId, index, partitionId })
    }
    return partitionIds
  }

  #change(bytes: number, { after, decide, done }: Plan): Participant<Topic> {
    let made: Change = NO_CHANGE
    let topic: Topic | undefined
    let goesWith: Participant<unknown> | undefined
    const participant: Participant<Topic> = {
      bytes,
      assemble: (writes): Verdict => {
        const before = writes.length
        goesWith = undefined
        const decided = decide(writes)
        if (isKafkaError(decided)) return decided
        if (after === "Gone") {
          goesWith = this.#ports.goesWith(decided)
          const verdict = goesWith.assemble(writes)
          if (isKafkaError(verdict)) return verdict
        }
        topic = decided
        made = this.#underWay.set(topic.name, after === "There" ? topic : undefined)
        const added = writes.slice(before).filter(({ _tag }) => _tag === "PutPartition")
        this.#adding.set(participant, added.length)
        return "Stored"
      },
      retract: () => {
        made.undo()
        goesWith?.retract()
        this.#adding.delete(participant)
      },
      settle: (error: StoreError | undefined) => {
        if (error === undefined && topic !== undefined) {
          this.#adding.delete(participant)
          this.#ports.told(this.#nextPartitionId)
          done(topic)
        }
        goesWith?.settle(error)
        if (error === undefined) made.done()
      },
      answer: () => topic!
    }
    return participant
  }
}
