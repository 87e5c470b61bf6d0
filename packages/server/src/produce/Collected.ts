import {
  InvalidTopicException,
  TopicAuthorizationFailed,
  TransactionalIdAuthorizationFailed,
  UnknownTopicId,
  UnknownTopicOrPartition
} from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { ProduceRequest } from "@tusk/protocol/messages/Produce"
import { importedTo } from "@tusk/protocol/embedded/ImportedTo"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { AT_ONCE_BYTES } from "@tusk/storage/log/batches/BatchCodec"
import { isKafkaError, Log } from "@tusk/storage/log/Log"
import type { AppendRequest } from "@tusk/storage/log/Log"
import { Topics } from "@tusk/storage/topics/Topics"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import type { Permits } from "../request/authorizing.ts"
import { notLedHere, Placement } from "../request/Placement.ts"
import { topicById, topicByName } from "../topics/CoordinatorTopics.ts"
import { misdirected } from "../topics/misdirected.ts"
import { isInternalTopic } from "../topics/TopicNames.ts"
import { TopicSettings } from "../topics/TopicSettings.ts"
import { checkImported, insideOfImported } from "./ImportedBatch.ts"
import { checkProduced, comesAgain, insideOf, numberedBatch, openAtOnce } from "./ProducedBatch.ts"
import { Recompression } from "./Recompression.ts"
import type { Inside } from "./Recompression.ts"
import { Router } from "./Router.ts"

type TopicData = ProduceRequest["topicData"][number]

/** Partition index of a record set that the server is to route by key: pg_kafka's extension. */
const ROUTED = -1

/** Batches of one request; how many of all are opened at a time is not decided here. */
const OPENED_AT_A_TIME = 8

/** What one partition's answer comes from: an error, or some of the appends. */
export type Outcome = KafkaError | ReadonlyArray<number>

/** The outcome of a batch that is not routed yet. */
const NOWHERE: Outcome = []

/** A batch that goes to several partitions, once it is opened. */
interface Unrouted {
  readonly topic: Topic
  readonly batch: Uint8Array
  /** The place of its outcome. */
  readonly at: readonly [topic: number, partition: number]
}

/** A request's batches as its topics want them; `unopened` are those that something is to be done inside of. */
export interface Collected {
  readonly appends: Array<AppendRequest | KafkaError>
  readonly unopened: Array<{ readonly place: number; readonly inside: Inside }>
  readonly unrouted: Array<Unrouted>
  readonly outcomes: ReadonlyArray<Array<Outcome>>
  readonly found: ReadonlyArray<Topic | KafkaError>
}

/** What a Produce needs. */
export interface ProduceServices {
  readonly clock: Clock.Clock
  readonly decompressedMaxBytes: number
  readonly log: Log["Service"]
  readonly placement: Placement["Service"]
  readonly recompression: Recompression["Service"]
  readonly router: Router["Service"]
  readonly topics: Topics["Service"]
  readonly topicSettings: TopicSettings["Service"]
}

/** Resolved once. */
export const produceServices: Effect.Effect<
  ProduceServices,
  never,
  BrokerSettings | Log | Placement | Recompression | Router | Topics | TopicSettings
> = Effect.gen(function* () {
  const { decompressedMaxBytes } = yield* BrokerSettings
  return {
    clock: yield* Clock.Clock,
    decompressedMaxBytes,
    log: yield* Log,
    placement: yield* Placement,
    recompression: yield* Recompression,
    router: yield* Router,
    topics: yield* Topics,
    topicSettings: yield* TopicSettings
  }
})

/**
 * Producing makes no topic: one that was deleted is gone, also for clients that were told not to make topics. Of a name
 * that may not be written to it is not told whether it is there.
 */
export const known = (
  topics: Topics["Service"],
  data: TopicData,
  apiVersion: number,
  mayWrite: Permits
): Topic | KafkaError => {
  const topic = apiVersion >= 13 ? topicById(topics, data.topicId) : topicByName(topics, data.name)
  const name = apiVersion >= 13 ? topic?.name : data.name
  if (name !== undefined && !mayWrite(name)) return new TopicAuthorizationFailed()
  return topic ?? (apiVersion >= 13 ? new UnknownTopicId() : new UnknownTopicOrPartition())
}

/** Tells the log of a batch that is refused now, if it comes again. */
const refusing = (
  log: Log["Service"],
  partitionId: number | undefined,
  records: Uint8Array | null,
  error: KafkaError
): KafkaError => {
  const batch = numberedBatch(records)
  if (partitionId !== undefined && batch !== undefined && comesAgain(error, batch)) log.turnedAway(partitionId, batch)
  return error
}

/** Checks every partition's records, and lists what is to be appended. */
export const collect = (
  { clock, decompressedMaxBytes, log, placement, topicSettings }: ProduceServices,
  request: ProduceRequest,
  apiVersion: number,
  found: ReadonlyArray<Topic | KafkaError>,
  mayImport: Permits
): Collected => {
  const nowMs = clock.currentTimeMillisUnsafe()
  const appends: Collected["appends"] = []
  const unopened: Collected["unopened"] = []
  const unrouted: Collected["unrouted"] = []
  let left = AT_ONCE_BYTES
  const outcomes = request.topicData.map((data, i) => {
    const topic = found[i]!
    if (isKafkaError(topic)) return data.partitionData.map(() => topic)
    const config = topicSettings.of(topic.name)
    const stampTime = config.messageTimestampType === "LogAppendTime"
    const add = (request: AppendRequest, inside: Inside | undefined): number => {
      const { batch } = request
      if (inside === undefined) return appends.push(request) - 1
      const open = left > 0 ? openAtOnce(batch, inside, decompressedMaxBytes) : undefined
      if (open !== undefined) {
        left -= open.byteLength
        return appends.push(RecordBatch.validateDecompressed(batch, open, inside.rules) ?? request) - 1
      }
      unopened.push({ place: appends.length, inside })
      return appends.push(request) - 1
    }
    const { importing, inObjects: object, relaxed } = config
    return data.partitionData.map((partition, j): Outcome => {
      const { index, records } = partition
      const partitionId = topic.partitionIds[index]
      if (partitionId === undefined && index !== ROUTED) return new UnknownTopicOrPartition()
      if (isInternalTopic(topic.name)) return new InvalidTopicException()
      const elsewhere = partitionId === undefined ? undefined : notLedHere(placement, partitionId, -1)
      if (elsewhere !== undefined) return refusing(log, partitionId, records, elsewhere)
      const behind = importedTo(partition)
      if (importing || behind !== undefined) {
        if (behind !== undefined && !mayImport(topic.name)) return new TopicAuthorizationFailed()
        if (!importing || behind === undefined || partitionId === undefined) return misdirected(topic.name, importing)
        const batches = checkImported(records)
        if (isKafkaError(batches)) return batches
        // Nothing lies between those of one request, either.
        return batches.map((batch, k) => {
          const to = k === 0 ? behind : RecordBatch.lastOffset(batches[k - 1]!) + 1n
          return add(
            { partitionId, batch, stampTime: false, relaxed, object, importedTo: to },
            insideOfImported(batch, config)
          )
        })
      }
      const batch = checkProduced(records, apiVersion, config)
      if (isKafkaError(batch)) return refusing(log, partitionId, records, batch)
      // As Kafka answers a transactional batch without a transactional id.
      if (RecordBatch.isTransactional(batch) && request.transactionalId === null) {
        return new TransactionalIdAuthorizationFailed()
      }
      if (partitionId !== undefined) {
        return [add({ partitionId, batch, stampTime, relaxed, object }, insideOf(batch, config, nowMs))]
      }
      unrouted.push({ topic, batch, at: [i, j] })
      return NOWHERE
    })
  })
  return { appends, unopened, unrouted, outcomes, found }
}

/** Nothing of it has to be opened before it has its place in the Committer's queue. */
export const isReady = ({ unopened, unrouted }: Collected): boolean => unopened.length === 0 && unrouted.length === 0

/** Opens what has to be opened, and lists what comes of it. */
export const openAll = (services: ProduceServices, collected: Collected): Effect.Effect<void> => {
  const { log, recompression } = services
  const { appends, unopened, unrouted } = collected
  const opening = Effect.forEach(
    unopened,
    ({ inside, place }) => {
      const request = appends[place] as AppendRequest
      return Effect.map(recompression.open(request.batch, inside), (opened) => {
        appends[place] = isKafkaError(opened)
          ? refusing(log, request.partitionId, request.batch, opened)
          : { ...request, batch: opened }
      })
    },
    { concurrency: OPENED_AT_A_TIME, discard: true }
  )
  if (unrouted.length === 0) return opening
  const routing = Effect.forEach(unrouted, (each) => routeOne(services, collected, each), { discard: true })
  return Effect.andThen(opening, routing)
}

/** Takes a batch apart. Its parts come behind all else of the request, those of a batch before it too. */
const routeOne = Effect.fnUntraced(function* (
  { clock, placement, recompression, router, topicSettings }: ProduceServices,
  { appends, outcomes }: Collected,
  { at, batch, topic }: Unrouted
) {
  const config = topicSettings.of(topic.name)
  const { inObjects: object, messageTimestampType, relaxed } = config
  const inside = insideOf(batch, config, clock.currentTimeMillisUnsafe())
  const parts = yield* recompression.counting(batch.byteLength, router.route(topic, batch, inside))
  const place = (): Outcome => {
    if (isKafkaError(parts)) return parts
    for (const { partitionId } of parts) {
      const elsewhere = notLedHere(placement, partitionId, -1)
      if (elsewhere !== undefined) return elsewhere
    }
    const stampTime = messageTimestampType === "LogAppendTime"
    return parts.map((part) => appends.push({ ...part, stampTime, relaxed, object }) - 1)
  }
  outcomes[at[0]]![at[1]] = place()
})
