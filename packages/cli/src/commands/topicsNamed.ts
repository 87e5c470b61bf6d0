import * as Effect from "effect/Effect"
import { Refused } from "@tusk/client/ClientError"
import type { ClientError } from "@tusk/client/ClientError"
import { KafkaClient } from "@tusk/client/KafkaClient"
import type { TopicMetadata } from "@tusk/client/Metadata"

const UNKNOWN_TOPIC_OR_PARTITION = 3

/** The topics of these names, in their order; all but the internal ones, by name, if there is no name. */
export const topicsNamed = (
  names: ReadonlyArray<string>
): Effect.Effect<ReadonlyArray<TopicMetadata>, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const { topics } = yield* client.metadata(names.length === 0 ? null : names)
    if (names.length === 0) {
      return [...topics.values()].filter(({ isInternal }) => !isInternal).sort((a, b) => (a.name < b.name ? -1 : 1))
    }
    const found: Array<TopicMetadata> = []
    for (const name of new Set(names)) {
      const topic = topics.get(name)
      if (topic === undefined || topic.error !== undefined) {
        const code = topic?.error?.code ?? UNKNOWN_TOPIC_OR_PARTITION
        const detail = code === UNKNOWN_TOPIC_OR_PARTITION ? "there is no such topic" : null
        return yield* new Refused({ code, subject: `topic ${name}`, detail })
      }
      found.push(topic)
    }
    return found
  })
