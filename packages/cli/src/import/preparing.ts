/** The topics that are imported: found at the source, made in the target, watched from then on. */
import { alterConfigs, describeConfigs } from "@tusk/client/admin/Configs"
import type { ConfigEntry } from "@tusk/client/admin/Configs"
import { createPartitions, createTopic } from "@tusk/client/admin/Topics"
import { isRetriable } from "@tusk/client/ClientError"
import type { ClientError } from "@tusk/client/ClientError"
import type { ClusterMetadata, TopicMetadata } from "@tusk/client/Metadata"
import * as Effect from "effect/Effect"
import { configsOf, IMPORT } from "./configsOf.ts"
import type { Halted } from "./Halted.ts"
import { halt, originOf, unknownPartition } from "./ImportedPartition.ts"
import type { ImportedTopic } from "./ImportedPartition.ts"
import { at } from "./Sides.ts"
import type { Sides } from "./Sides.ts"

/** Tells a person something. */
export type Tell = (line: string) => Effect.Effect<void>

const TOPIC_ALREADY_EXISTS = 36
const AT_A_TIME = 8

const valueOf = (entries: ReadonlyArray<ConfigEntry>, name: string): string =>
  entries.find((entry) => entry.name === name)?.value ?? ""

/** Makes the topic in the target, as one that is imported. One that is there may be another importer's. */
const make = (sides: Sides, topic: TopicMetadata, origin: string) =>
  at(
    sides.target,
    createTopic(
      {
        name: topic.name,
        partitions: topic.partitions.length,
        replicationFactor: -1,
        configs: new Map([[IMPORT, origin]])
      },
      false
    )
  ).pipe(
    Effect.asVoid,
    Effect.catchIf(
      (error) => error._tag === "Refused" && error.code === TOPIC_ALREADY_EXISTS,
      () => Effect.void
    )
  )

/** Gives the topic of the target what the source's is configured with; what it does not take is told. */
const configure = (sides: Sides, name: string, source: ReadonlyArray<ConfigEntry>, tell: Tell) =>
  Effect.gen(function* () {
    const resource = { type: "topic", name } as const
    const { left, set } = configsOf(source, yield* at(sides.target, describeConfigs(resource)))
    const alter = (configs: ReadonlyMap<string, string>) => at(sides.target, alterConfigs(resource, configs))
    for (const config of left) yield* tell(`${name}: ${config} is not taken along: it is secret or not known here`)
    if (set.size === 0) return
    const all = yield* Effect.result(alter(set))
    if (all._tag === "Success") return
    for (const [config, value] of set) {
      yield* Effect.catchTag(alter(new Map([[config, value]])), "Refused", (error) =>
        isRetriable(error)
          ? Effect.fail(error)
          : tell(`${name}: ${config}=${value} is not taken along: ${error.message}`)
      )
    }
  })

/** Looks at a topic at both sides, and makes it in the target if it is not there. */
const prepareOne = (
  sides: Sides,
  cluster: ClusterMetadata,
  target: TopicMetadata | undefined,
  topic: TopicMetadata,
  tell: Tell
): Effect.Effect<{ readonly compacted: boolean; readonly halted: Halted | undefined }, ClientError> =>
  Effect.gen(function* () {
    const { name, partitions } = topic
    const resource = { type: "topic", name } as const
    const source = yield* at(sides.source, describeConfigs(resource))
    const compacted = valueOf(source, "cleanup.policy").includes("compact")
    const origin = originOf(cluster.clusterId, topic)
    const isThere = target !== undefined && target.error === undefined
    if (!isThere) yield* make(sides, topic, origin)
    const from = valueOf(yield* at(sides.target, describeConfigs(resource)), IMPORT)
    const refuse = (reason: string) => ({ compacted, halted: halt(name, reason) })
    if (from === "") return refuse("the target has a topic of this name that is not being imported")
    if (from !== origin) return refuse(`the target's is imported from elsewhere: ${from}, not ${origin}`)
    const count = isThere ? target.partitions.length : partitions.length
    if (count > partitions.length)
      return refuse(`it has ${count} partitions in the target, ${partitions.length} at the source`)
    if (count < partitions.length) yield* at(sides.target, createPartitions(name, partitions.length))
    yield* configure(sides, name, source, tell)
    if (!isThere) yield* tell(`${name} is made, with ${partitions.length} partitions`)
    return { compacted, halted: undefined }
  })

/** Why what is known of a topic does not go on with what the source has now. */
const changed = (known: ImportedTopic, topic: TopicMetadata): Halted | undefined =>
  known.topicId === topic.topicId ? undefined : halt(known.name, "it was deleted at the source and made anew")

/**
 * All topics of the source that are wanted, with what is known of those that were there before. A topic is prepared when
 * it is first seen, and when it has more partitions than before.
 */
export const prepare = (
  sides: Sides,
  isWanted: (name: string) => boolean,
  known: ReadonlyMap<string, ImportedTopic>,
  tell: Tell
): Effect.Effect<ReadonlyMap<string, ImportedTopic>, ClientError> =>
  Effect.gen(function* () {
    const cluster = yield* sides.source.metadata(null)
    const wanted = [...cluster.topics.values()].filter(({ isInternal, name }) => !isInternal && isWanted(name))
    const targets = (yield* sides.target.metadata(wanted.map(({ name }) => name))).topics
    const one = Effect.fnUntraced(function* (topic: TopicMetadata): Effect.fn.Return<ImportedTopic, ClientError> {
      if (topic.error !== undefined) return yield* topic.error
      const { name, topicId } = topic
      const before = known.get(name)
      if (before?.halted !== undefined) return before
      const halted = before === undefined ? undefined : changed(before, topic)
      if (before !== undefined && halted !== undefined) {
        before.halted = halted
        return before
      }
      if (before !== undefined && before.partitions.length === topic.partitions.length) return before
      const found = yield* prepareOne(sides, cluster, targets.get(name), topic, tell)
      const parts = topic.partitions.map(
        ({ partition }) =>
          before?.partitions.find((each) => each.partition === partition) ?? unknownPartition(name, partition)
      )
      return { name, topicId, partitions: parts, ...found }
    })
    const topics = yield* Effect.forEach(wanted, one, { concurrency: AT_A_TIME })
    const found = new Map(topics.map((topic) => [topic.name, topic]))
    for (const [name, topic] of known) {
      if (found.has(name)) continue
      topic.halted ??= halt(name, "it was deleted at the source")
      found.set(name, topic)
    }
    return found
  })
