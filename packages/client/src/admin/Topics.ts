import { CreatePartitions } from "@tusk/protocol/messages/CreatePartitions"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import * as Effect from "effect/Effect"
import { refusalOf } from "../ClientError.ts"
import type { ClientError } from "../ClientError.ts"
import { KafkaClient } from "../KafkaClient.ts"

/** A topic to be made. */
export interface NewTopic {
  readonly name: string
  /** -1: as many as the broker makes by default. */
  readonly partitions: number
  /** -1: the broker's default. */
  readonly replicationFactor: number
  readonly configs: ReadonlyMap<string, string>
}

/** What was made, as the broker tells; -1 for what an older one than 2.4 does not tell. */
export interface CreatedTopic {
  readonly name: string
  readonly topicId: string | null
  readonly partitions: number
  readonly replicationFactor: number
}

/** Makes a topic. With `validateOnly` nothing is made, but an error told as if. */
export const createTopic = (
  topic: NewTopic,
  validateOnly: boolean
): Effect.Effect<CreatedTopic, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const timeoutMs = client.options.requestTimeoutMs
    const { configs, name, partitions: numPartitions, replicationFactor } = topic
    const body = {
      topics: [
        {
          name,
          numPartitions,
          replicationFactor,
          assignments: [],
          configs: Array.from(configs, ([config, value]) => ({ name: config, value }))
        }
      ],
      timeoutMs,
      validateOnly
    }
    // Version 4 brought the broker's own defaults (KIP-464).
    const minVersion = numPartitions === -1 || replicationFactor === -1 ? 4 : 1
    const answer = yield* client.ask(
      client.controller,
      CreateTopics,
      body,
      ({ topics: [made] }) => refusalOf(made?.errorCode ?? 0, `topic ${name}`, made?.errorMessage ?? null),
      { minVersion, waitsMs: timeoutMs }
    )
    const [made] = answer.topics
    return {
      name,
      topicId: made === undefined || made.topicId === ZERO_UUID ? null : made.topicId,
      partitions: made?.numPartitions ?? -1,
      replicationFactor: made?.replicationFactor ?? -1
    }
  })

/** Deletes a topic, with all it holds. */
export const deleteTopic = (name: string): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const timeoutMs = client.options.requestTimeoutMs
    yield* client.ask(
      client.controller,
      DeleteTopics,
      (version) => ({
        topics: version < 6 ? [] : [{ name, topicId: ZERO_UUID }],
        topicNames: version < 6 ? [name] : [],
        timeoutMs
      }),
      ({ responses: [gone] }) => refusalOf(gone?.errorCode ?? 0, `topic ${name}`, gone?.errorMessage ?? null),
      { waitsMs: timeoutMs }
    )
  })

/** Gives a topic so many partitions in all. */
export const createPartitions = (name: string, count: number): Effect.Effect<void, ClientError, KafkaClient> =>
  Effect.gen(function* () {
    const client = yield* KafkaClient
    const timeoutMs = client.options.requestTimeoutMs
    yield* client.ask(
      client.controller,
      CreatePartitions,
      { topics: [{ name, count, assignments: null }], timeoutMs, validateOnly: false },
      ({ results: [made] }) => refusalOf(made?.errorCode ?? 0, `topic ${name}`, made?.errorMessage ?? null),
      { waitsMs: timeoutMs }
    )
  })
