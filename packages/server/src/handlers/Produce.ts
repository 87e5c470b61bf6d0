import {
  errorCode,
  InvalidRequiredAcks,
  InvalidTxnState,
  NONE,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { ProduceRequest, ProduceResponse } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { Active } from "@tusk/storage/Active"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import type { Appended, AppendRequest } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/Topics"
import type { Topic } from "@tusk/storage/Topics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import { AutoTopics } from "../AutoTopics.ts"
import { BrokerSettings } from "../BrokerSettings.ts"
import { handler } from "../Handler.ts"
import type { RequestContext } from "../Handler.ts"
import { checkProduced } from "../ProducedBatch.ts"
import { Router } from "../Router.ts"
import { TopicSettings } from "../TopicSettings.ts"

type TopicData = ProduceRequest["topicData"][number]
type PartitionResponse = ProduceResponse["responses"][number]["partitionResponses"][number]

/** Partition index of a record set that the server is to route by key: pg_kafka's extension. */
const ROUTED = -1

/** Where one partition's answer comes from: an error, or some of the appends. */
type Outcome = KafkaError | ReadonlyArray<number>

export const produce = handler({
  api: Produce,
  versions: [3, Produce.maxVersion],
  // Older librdkafka will not compress unless it sees version 0.
  advertised: [0, Produce.maxVersion],
  concurrent: true,
  make: Effect.gen(function* () {
    const active = yield* Active
    const log = yield* Log
    const topics = yield* Topics
    const autoTopics = yield* AutoTopics
    const topicSettings = yield* TopicSettings
    const router = yield* Router
    const clock = yield* Clock.Clock
    const { decompressedMaxBytes, nodeId } = yield* BrokerSettings

    const known = (data: TopicData, byId: boolean): Topic | KafkaError | undefined =>
      byId ? (topics.byId(data.topicId) ?? new UnknownTopicId()) : topics.byName(data.name)

    /** Topics that a name in this request may bring into being. */
    const ensureAll = (request: ProduceRequest): Effect.Effect<ReadonlyArray<Topic | KafkaError>> =>
      Effect.forEach(request.topicData, (data) =>
        Effect.match(autoTopics.ensure(data.name), { onFailure: (error) => error, onSuccess: (topic) => topic })
      )

    /** Checks every partition's records, and lists what is to be appended. */
    const collect = (
      request: ProduceRequest,
      apiVersion: number,
      found: ReadonlyArray<Topic | KafkaError | undefined>,
      appends: Array<AppendRequest>
    ): ReadonlyArray<ReadonlyArray<Outcome>> => {
      const nowMs = clock.currentTimeMillisUnsafe()
      return request.topicData.map((data, i) => {
        const topic = found[i]
        if (topic === undefined || isKafkaError(topic)) {
          return data.partitionData.map(() => topic ?? new UnknownTopicOrPartition())
        }
        const config = topicSettings.of(topic.name)
        const stampTime = config.messageTimestampType === "LogAppendTime"
        return data.partitionData.map(({ index, records }): Outcome => {
          const partitionId = topic.partitionIds[index]
          if (partitionId === undefined && index !== ROUTED) return new UnknownTopicOrPartition()
          const batch = checkProduced(records, apiVersion, config, nowMs, decompressedMaxBytes)
          if (isKafkaError(batch)) return batch
          // A transaction begins with a transactional id, and none was given out.
          if (RecordBatch.isTransactional(batch)) return new InvalidTxnState()
          if (partitionId !== undefined) {
            appends.push({ partitionId, batch, stampTime })
            return [appends.length - 1]
          }
          const routed = router.route(topic, batch)
          if (isKafkaError(routed)) return routed
          return routed.map((part) => {
            appends.push({ ...part, stampTime })
            return appends.length - 1
          })
        })
      })
    }

    const answer = (
      request: ProduceRequest,
      outcomes: ReadonlyArray<ReadonlyArray<Outcome>>,
      results: ReadonlyArray<Appended | KafkaError>,
      leader: PartitionResponse["currentLeader"]
    ): ProduceResponse => ({
      responses: request.topicData.map((data, i) => ({
        name: data.name,
        topicId: data.topicId,
        partitionResponses: data.partitionData.map(({ index }, j) => {
          const outcome = outcomes[i]![j]!
          if (isKafkaError(outcome)) return refused(index, outcome, leader)
          const parts = outcome.map((place) => results[place]!)
          const failed = parts.find(isKafkaError)
          if (failed !== undefined) return refused(index, failed, leader)
          const first = parts[0] as Appended
          return {
            index,
            errorCode: NONE,
            baseOffset: first.baseOffset,
            logAppendTimeMs: first.logAppendTime,
            logStartOffset: first.logStartOffset,
            recordErrors: [],
            errorMessage: null,
            currentLeader: NO_LEADER
          }
        })
      })),
      throttleTimeMs: 0,
      nodeEndpoints: []
    })

    return (request: ProduceRequest, { apiVersion, connection }: RequestContext) => {
      if (request.acks !== 0 && request.acks !== 1 && request.acks !== -1) return Effect.fail(new InvalidRequiredAcks())
      // Where to turn to, told from version 10 on (KIP-951).
      const leader = apiVersion >= 10 ? { leaderId: nodeId, leaderEpoch: active.epoch() } : NO_LEADER
      const reply = (
        outcomes: ReadonlyArray<ReadonlyArray<Outcome>>,
        results: ReadonlyArray<Appended | KafkaError>
      ): ProduceResponse | undefined => {
        if (request.acks !== 0) return answer(request, outcomes, results, leader)
        // As Kafka: who wants no answer learns of a failure by the end of the connection.
        if (outcomes.some((each) => each.some(isKafkaError)) || results.some(isKafkaError)) {
          connection.close("a Produce request with acks=0 failed")
        }
        return undefined
      }
      const appendAll = (found: ReadonlyArray<Topic | KafkaError | undefined>) => {
        const appends: Array<AppendRequest> = []
        const outcomes = collect(request, apiVersion, found, appends)
        return appends.length === 0
          ? Effect.sync(() => reply(outcomes, []))
          : Effect.map(log.append(appends), (results) => reply(outcomes, results))
      }
      const found = request.topicData.map((data) => known(data, apiVersion >= 13))
      if (!found.includes(undefined)) return appendAll(found)
      // Topics come first: until these records have their place, those behind them on the connection may have none.
      const placed = Latch.makeUnsafe(false)
      connection.placing = placed.await
      return ensureAll(request).pipe(
        Effect.flatMap((made) => Effect.forkChild(appendAll(made), { startImmediately: true })),
        Effect.ensuring(placed.open),
        Effect.flatMap(Fiber.join)
      )
    }
  }),
  refuse: (request, code, error, { connection }) => {
    if (request.acks === 0) {
      connection.close("a Produce request with acks=0 failed")
      return undefined
    }
    return {
      responses: request.topicData.map((data) => ({
        name: data.name,
        topicId: data.topicId,
        partitionResponses: data.partitionData.map(({ index }) => ({
          ...refused(index, error, NO_LEADER),
          errorCode: code
        }))
      })),
      throttleTimeMs: 0,
      nodeEndpoints: []
    }
  }
})

const NO_LEADER = { leaderId: -1, leaderEpoch: -1 }

const refused = (index: number, error: KafkaError, leader: PartitionResponse["currentLeader"]): PartitionResponse => ({
  index,
  errorCode: errorCode(error),
  baseOffset: -1n,
  logAppendTimeMs: -1n,
  logStartOffset: -1n,
  recordErrors: [],
  errorMessage: error.message === "" ? null : (error.message ?? null),
  currentLeader: error._tag === "NotLeaderOrFollower" ? leader : NO_LEADER
})
