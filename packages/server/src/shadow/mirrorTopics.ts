import { isRetriable } from "@tusk/client/ClientError"
import * as Effect from "effect/Effect"
import type { ShadowError, ShadowTarget, SourceTopic, TargetTopic, TellTrouble } from "./ShadowPorts.ts"
import type { ShadowedTopic } from "./ShadowedPartition.ts"

const CONCURRENCY = 5
const TOPIC_ALREADY_EXISTS = 36
const DEFAULT_MAX_MESSAGE_BYTES = 1_048_588

/** A topic on both sides, with the partitions that are forwarded. */
export interface MirroredTopic extends ShadowedTopic {
  readonly partitions: number
}

/** What was made of a topic at the last look. */
interface Last {
  readonly configs: SourceTopic["configs"]
  readonly mirrored: MirroredTopic
}

const isSame = (a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean =>
  a.size === b.size && Array.from(a).every(([name, value]) => b.get(name) === value)

/** Another forwarder may have made it meanwhile. */
const unlessThere = (error: ShadowError): Effect.Effect<void, ShadowError> =>
  error._tag === "Refused" && error.code === TOPIC_ALREADY_EXISTS ? Effect.void : Effect.fail(error)

/** Keeps the topics of the target as they are at the source: partitions, and the configs that are a topic's own. */
export class TopicMirror {
  readonly #target: ShadowTarget
  readonly #tell: TellTrouble
  readonly #last = new Map<string, Last>()
  readonly #refused = new Map<string, string>()

  constructor(target: ShadowTarget, tell: TellTrouble) {
    this.#target = target
    this.#tell = tell
  }

  /** Makes them so. What fails for one is told, and tried again at the next look. */
  readonly look = Effect.fnUntraced({ self: this }, function* (topics: ReadonlyArray<SourceTopic>) {
    const names = new Set(topics.map(({ name }) => name))
    for (const known of [this.#last, this.#refused]) {
      for (const name of known.keys()) if (!names.has(name)) known.delete(name)
    }
    const there = names.size === 0 ? new Map<string, TargetTopic>() : yield* this.#target.topics(Array.from(names))
    const found = yield* Effect.forEach(topics, (topic) => this.#one(topic, there.get(topic.name)), {
      concurrency: CONCURRENCY
    })
    return found.filter((topic) => topic !== undefined)
  })

  /** Topics that cannot be made so before somebody does something about it, and why. */
  refused(): ReadonlyMap<string, string> {
    return new Map(this.#refused)
  }

  #one(topic: SourceTopic, there: TargetTopic | undefined): Effect.Effect<MirroredTopic | undefined> {
    this.#refused.delete(topic.name)
    return Effect.catch(this.#mirrored(topic, there), (error) => {
      if (error._tag === "Refused" && !isRetriable(error)) this.#refused.set(topic.name, error.message)
      return Effect.as(
        this.#tell(`topic ${topic.name} is not mirrored yet: ${error.message}`),
        // Its records go on.
        there === undefined ? undefined : this.#last.get(topic.name)?.mirrored
      )
    })
  }

  #mirrored(topic: SourceTopic, there: TargetTopic | undefined): Effect.Effect<MirroredTopic | undefined, ShadowError> {
    return Effect.gen({ self: this }, function* () {
      if (there === undefined) yield* Effect.catch(this.#target.createTopic(topic), unlessThere)
      const present = there ?? (yield* this.#target.topics([topic.name])).get(topic.name)
      // The broker that was asked may learn of it later.
      if (present === undefined) return undefined
      if (present.partitions < topic.partitions) yield* this.#target.addPartitions(topic.name, topic.partitions)
      const last = this.#last.get(topic.name)
      const isOther = last?.mirrored.targetTopicId !== present.topicId
      const configs =
        last === undefined || isOther || !isSame(last.configs, topic.configs)
          ? yield* this.#configured(topic, last)
          : last.mirrored
      const { isCompacted, maxMessageBytes } = configs
      const { name, partitions, topicId: sourceTopicId } = topic
      const mirrored = { name, sourceTopicId, targetTopicId: present.topicId, partitions, isCompacted, maxMessageBytes }
      this.#last.set(name, { configs: topic.configs, mirrored })
      return mirrored
    })
  }

  /** What somebody has set at the target alone stays. */
  #configured({ configs, name }: SourceTopic, last: Last | undefined) {
    return Effect.gen({ self: this }, function* () {
      const present = yield* this.#target.configs(name)
      const set = new Map(Array.from(configs).filter(([config, value]) => present.get(config) !== value))
      const unset = Array.from(last?.configs.keys() ?? []).filter((config) => !configs.has(config))
      if (set.size > 0 || unset.length > 0) yield* this.#target.setConfigs(name, set, unset)
      const valueOf = (config: string) => configs.get(config) ?? present.get(config)
      const maxMessageBytes = Number(valueOf("max.message.bytes") ?? DEFAULT_MAX_MESSAGE_BYTES)
      return { isCompacted: valueOf("cleanup.policy")?.includes("compact") === true, maxMessageBytes }
    })
  }
}
