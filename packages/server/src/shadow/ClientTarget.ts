import { alterConfigs, describeConfigs } from "@tusk/client/admin/Configs"
import { committedOffsets, commitOffsets } from "@tusk/client/admin/GroupOffsets"
import { EARLIEST, LATEST, listOffsets } from "@tusk/client/admin/Offsets"
import { createPartitions, createTopic } from "@tusk/client/admin/Topics"
import type { BrokerConnection } from "@tusk/client/BrokerConnection"
import { BadAnswer, Refused, refusalOf } from "@tusk/client/ClientError"
import type { ClientError } from "@tusk/client/ClientError"
import { KafkaClient } from "@tusk/client/KafkaClient"
import { leaderOf, partitionText } from "@tusk/client/leaders"
import type { TopicPartition } from "@tusk/client/Metadata"
import { addressText } from "@tusk/client/Transport"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import type { TargetEnd } from "./Resume.ts"
import type { Send, ShadowTarget, TargetTopic } from "./ShadowPorts.ts"

/** Versions that name topics by their names. */
const FETCH_BY_NAME = { minVersion: 4, maxVersion: 12 }
const PRODUCE_BY_NAME = { minVersion: 3, maxVersion: 12 }
const MAX_BYTES = 50 * 1024 * 1024

/** A fetch of one partition, which waits for nothing. */
const fetchOne = (
  { partition, topic }: TopicPartition,
  fetchOffset: bigint,
  partitionMaxBytes: number,
  isolationLevel: 0 | 1
) => ({
  ...Fetch.request.defaults(),
  replicaId: -1,
  maxWaitMs: 0,
  minBytes: 0,
  maxBytes: MAX_BYTES,
  isolationLevel,
  sessionId: 0,
  sessionEpoch: -1,
  topics: [
    {
      topic,
      topicId: ZERO_UUID,
      partitions: [
        {
          partition,
          currentLeaderEpoch: -1,
          fetchOffset,
          lastFetchedEpoch: -1,
          logStartOffset: -1n,
          partitionMaxBytes,
          replicaDirectoryId: ZERO_UUID,
          highWatermark: 9223372036854775807n
        }
      ]
    }
  ]
})

/** Asks the leader of a partition for batches; what it answered of that partition, and whether it held something back. */
export const fetchedOne = (
  leader: BrokerConnection,
  place: TopicPartition,
  from: bigint,
  maxBytes: number,
  isolationLevel: 0 | 1
) =>
  Effect.gen(function* () {
    const answer = yield* leader.ask(Fetch, fetchOne(place, from, maxBytes, isolationLevel), FETCH_BY_NAME)
    const fetched = answer.responses[0]?.partitions[0]
    const code = answer.errorCode !== 0 ? answer.errorCode : (fetched?.errorCode ?? 0)
    const refusal = refusalOf(code, partitionText(place))
    if (refusal !== undefined) return yield* refusal
    if (fetched === undefined)
      return yield* new BadAnswer({ address: leader.address, reason: "a Fetch without partition" })
    const batches: Array<Uint8Array> = []
    for (const chunk of fetched.records ?? []) {
      const found = RecordBatch.splitBatches(chunk, { partialTail: "drop" })
      if (isKafkaError(found)) return yield* found
      batches.push(...found)
    }
    return { fetched, batches, isHeldBack: answer.throttleTimeMs > 0 }
  })

/** The leader of a partition now, and the connection to it. */
export const leaderNow = (client: KafkaClient["Service"], place: TopicPartition) =>
  Effect.gen(function* () {
    const leader = leaderOf(yield* client.metadata([place.topic]), place)
    return typeof leader === "number" ? yield* client.broker(leader) : yield* leader
  })

/** The one result of a question about one partition. */
export const oneOf = <A>(found: ReadonlyArray<{ readonly result: A | Refused }>): Effect.Effect<A, Refused> => {
  const result = found[0]?.result
  return result instanceof Refused ? Effect.fail(result) : Effect.succeed(result!)
}

const sendingTo = (leader: BrokerConnection, { partition, topic }: TopicPartition, timeoutMs: number): Send => {
  const asked = { ...PRODUCE_BY_NAME, waitsMs: timeoutMs }
  return (records) =>
    Effect.flatMap(
      leader.ask(
        Produce,
        {
          transactionalId: null,
          acks: -1,
          timeoutMs,
          topicData: [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: partition, records }] }]
        },
        asked
      ),
      (answer): Effect.Effect<bigint, ClientError> => {
        const told = answer.responses[0]?.partitionResponses[0]
        if (told === undefined) {
          return Effect.fail(new BadAnswer({ address: leader.address, reason: "a Produce without partition" }))
        }
        const detail = told.recordErrors[0]?.batchIndexErrorMessage ?? told.errorMessage
        const refusal = refusalOf(told.errorCode, partitionText({ topic, partition }), detail)
        return refusal === undefined ? Effect.succeed(told.baseOffset) : Effect.fail(refusal)
      }
    )
}

/** Which cluster it is. */
export const clusterIdOf = (client: KafkaClient["Service"]): Effect.Effect<string, ClientError> =>
  Effect.flatMap(client.metadata([]), ({ brokers, clusterId }) => {
    if (clusterId !== null) return Effect.succeed(clusterId)
    const address = Array.from(brokers.values(), addressText).join()
    return Effect.fail(new BadAnswer({ address, reason: "the cluster has no id" }))
  })

/** Another Kafka, by a client. */
export const clientTarget = (client: KafkaClient["Service"]): ShadowTarget => {
  const using = <A, E>(effect: Effect.Effect<A, E, KafkaClient>) => Effect.provideService(effect, KafkaClient, client)
  const timeoutMs = client.options.requestTimeoutMs
  const endOf = (place: TopicPartition, time: bigint) =>
    Effect.map(Effect.flatMap(using(listOffsets([place], time)), oneOf), ({ offset }) => offset)

  const end = Effect.fnUntraced(function* (place: TopicPartition) {
    const start = yield* endOf(place, EARLIEST)
    const at = yield* endOf(place, LATEST)
    if (start >= at) return { start: at, end: at, last: undefined } satisfies TargetEnd
    const { batches } = yield* fetchedOne(yield* leaderNow(client, place), place, at - 1n, 1, 0)
    return { start, end: at, last: batches[0] } satisfies TargetEnd
  })

  return {
    clusterId: clusterIdOf(client),
    newProducer: Effect.map(
      client.ask(
        client.anyBroker,
        InitProducerId,
        { ...InitProducerId.request.defaults(), transactionalId: null, transactionTimeoutMs: timeoutMs },
        ({ errorCode }) => refusalOf(errorCode, "a producer id")
      ),
      ({ producerEpoch: epoch, producerId }) => ({ producerId, epoch })
    ),
    topics: (names) =>
      Effect.map(client.metadata(names), ({ topics }) => {
        const found = Array.from(topics.values()).filter(({ error }) => error === undefined)
        return new Map(
          found.map(({ name, partitions, topicId }): [string, TargetTopic] => [
            name,
            { topicId: topicId ?? "", partitions: partitions.length }
          ])
        )
      }),
    createTopic: ({ configs, name, partitions }) =>
      Effect.asVoid(using(createTopic({ name, partitions, replicationFactor: -1, configs }, false))),
    addPartitions: (topic, partitions) => using(createPartitions(topic, partitions)),
    configs: (name) =>
      Effect.map(
        using(describeConfigs({ type: "topic", name })),
        (configs) => new Map(configs.map(({ name: config, value }) => [config, value ?? ""]))
      ),
    setConfigs: (name, set, unset) => using(alterConfigs({ type: "topic", name }, set, unset)),
    end,
    channel: (place) => Effect.map(leaderNow(client, place), (leader) => sendingTo(leader, place, timeoutMs)),
    offsets: (group) => using(committedOffsets(group)),
    commit: (group, offsets) => using(commitOffsets({ group, generation: -1, memberId: "" }, offsets))
  }
}
