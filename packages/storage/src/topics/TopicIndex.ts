import type { ClusterState } from "../port/CommitStore.ts"
import { makeSignal } from "../Signal.ts"

/** A topic as it is now; a changed topic is a new object. */
export interface Topic {
  /** Kafka's text form, 22 characters. */
  readonly topicId: string
  readonly name: string
  /** Partition ids by partition index. */
  readonly partitionIds: ReadonlyArray<number>
}

/** Which topics are stored, by every way in which one is asked for. */
export class TopicIndex {
  #byName = new Map<string, Topic>()
  #byId = new Map<string, Topic>()
  #ofPartition = new Map<number, { readonly topic: Topic; readonly index: number }>()
  #orphans = new Set<number>()
  #sorted: ReadonlyArray<Topic> | undefined
  #version = 0
  readonly #signal = makeSignal()

  /** Returns once it holds; it is looked at with each change. */
  readonly until = this.#signal.until

  /** Rises with each change. */
  get version(): number {
    return this.#version
  }
  /** How many partitions there are. */
  get partitions(): number {
    return this.#ofPartition.size
  }

  readonly byName = (name: string): Topic | undefined => this.#byName.get(name)
  readonly byId = (topicId: string): Topic | undefined => this.#byId.get(topicId)
  readonly ofPartition = (partitionId: number) => this.#ofPartition.get(partitionId)
  readonly all = (): ReadonlyArray<Topic> =>
    (this.#sorted ??= Array.from(this.#byName.values()).sort((a, b) =>
      a.name < b.name ? -1 : a.name > b.name ? 1 : 0
    ))
  readonly orphans = (): ReadonlyArray<number> => Array.from(this.#orphans)
  readonly orphanGone = (partitionId: number): void => {
    this.#orphans.delete(partitionId)
  }

  put(topic: Topic): void {
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.topicId, topic)
    topic.partitionIds.forEach((partitionId, index) => this.#ofPartition.set(partitionId, { topic, index }))
    this.#changed()
  }

  /** Its partitions are orphans from now on. */
  take(topic: Topic): void {
    this.#byName.delete(topic.name)
    this.#byId.delete(topic.topicId)
    for (const partitionId of topic.partitionIds) {
      this.#ofPartition.delete(partitionId)
      this.#orphans.add(partitionId)
    }
    this.#changed()
  }

  reload({ orphans, topics }: ClusterState): void {
    this.#byName = new Map()
    this.#byId = new Map()
    this.#ofPartition = new Map()
    this.#orphans = new Set(orphans)
    this.#changed()
    for (const topic of topics) this.put(topic)
  }

  #changed(): void {
    this.#sorted = undefined
    this.#version++
    this.#signal.notify()
  }
}
