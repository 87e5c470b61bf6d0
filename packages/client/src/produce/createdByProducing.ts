import { Metadata as MetadataApi } from "@tusk/protocol/messages/Metadata"
import * as Effect from "effect/Effect"
import { Refused } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"
import { clusterOf, metadataRequest } from "../Metadata.ts"
import type { TopicMetadata } from "../Metadata.ts"
import { retrying } from "../retrying.ts"

const LEADER_NOT_AVAILABLE = 5
const UNKNOWN_TOPIC_OR_PARTITION = 3

/** A broker that makes topics answers with these first. */
const MAKING: ReadonlySet<number> = new Set([LEADER_NOT_AVAILABLE, UNKNOWN_TOPIC_OR_PARTITION])
const MAKING_MS = 3000

/** A topic to produce to. One that is not there is made, if the broker makes topics that producers name. */
export const createdByProducing = (name: string): Effect.Effect<TopicMetadata, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const look = Effect.gen(function* () {
      const connection = yield* client.anyBroker
      const request = { ...metadataRequest([name]), allowAutoTopicCreation: true }
      const topic = clusterOf(yield* connection.ask(MetadataApi, request)).topics.get(name)
      const lacking = topic?.partitions.find(({ leader }) => leader === -1)
      const error = topic?.error ?? lacking?.error
      if (topic !== undefined && error === undefined) return topic
      const detail = error?.code === UNKNOWN_TOPIC_OR_PARTITION ? "there is no such topic" : null
      return yield* new Refused({ code: error?.code ?? UNKNOWN_TOPIC_OR_PARTITION, subject: `topic ${name}`, detail })
    })
    return yield* retrying(look, MAKING_MS, (error) => error._tag === "Refused" && MAKING.has(error.code))
  })
