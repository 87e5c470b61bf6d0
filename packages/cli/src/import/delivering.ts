/** Batches on their way into the target, with the offsets that they have. */
import { isRetriable, refusalOf } from "@tusk/client/ClientError"
import type { ClientError, Refused } from "@tusk/client/ClientError"
import type { KafkaClient } from "@tusk/client/KafkaClient"
import { byTopic, partitionText } from "@tusk/client/leaders"
import type { TopicPartition } from "@tusk/client/Metadata"
import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { IMPORTED_SINCE, taggedImportedTo } from "@tusk/protocol/embedded/ImportedTo"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { ProduceRequest } from "@tusk/protocol/messages/Produce"
import * as Effect from "effect/Effect"

/** Batches of one partition, one behind the other. */
export interface Parcel extends TopicPartition {
  readonly records: Uint8Array
  /** Nothing lies between here and the first of them. */
  readonly behind: bigint
  /** Behind the last of them. */
  readonly end: bigint
}

/** What became of one. `Doubtful`: the target may have it, or something else in its place. */
export type Outcome =
  | { readonly _tag: "Stored" }
  | { readonly _tag: "Doubtful"; readonly error: Refused }
  | { readonly _tag: "Refused"; readonly error: Refused }

/** Kafka's versions from 13 on name topics by their ids. */
const BY_NAME = { minVersion: IMPORTED_SINCE, maxVersion: 12 }
/** Bytes of one request, unless one parcel has more. */
const REQUEST_BYTES = 8 * 1024 * 1024
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const DUPLICATE_SEQUENCE_NUMBER = 46

const inRequests = (parcels: ReadonlyArray<Parcel>): ReadonlyArray<ReadonlyArray<Parcel>> => {
  const requests: Array<Array<Parcel>> = []
  let room = 0
  for (const parcel of parcels) {
    if (parcel.records.byteLength > room) {
      requests.push([])
      room = REQUEST_BYTES
    }
    requests.at(-1)!.push(parcel)
    room -= parcel.records.byteLength
  }
  return requests
}

const requestOf = (parcels: ReadonlyArray<Parcel>, timeoutMs: number): ProduceRequest => ({
  transactionalId: null,
  acks: -1,
  timeoutMs,
  topicData: byTopic(parcels).map(([name, list]) => ({
    name,
    topicId: ZERO_UUID,
    partitionData: list.map(({ behind, partition, records }) => ({
      index: partition,
      records,
      ...taggedImportedTo(behind)
    }))
  }))
})

const outcomeOf = (error: Refused | undefined): Outcome => {
  if (error === undefined) return { _tag: "Stored" }
  const isDoubtful =
    error.code === DUPLICATE_SEQUENCE_NUMBER || error.code === OUT_OF_ORDER_SEQUENCE_NUMBER || isRetriable(error)
  return { _tag: isDoubtful ? "Doubtful" : "Refused", error }
}

/** Sends them to the broker that leads all of them; an outcome each. */
export const deliver = (
  target: KafkaClient["Service"],
  leader: number,
  parcels: ReadonlyArray<Parcel>
): Effect.Effect<ReadonlyMap<Parcel, Outcome>, ClientError> =>
  Effect.gen(function* () {
    const { requestTimeoutMs } = target.options
    const connection = yield* target.broker(leader)
    const outcomes = new Map<Parcel, Outcome>()
    for (const request of inRequests(parcels)) {
      const body = requestOf(request, requestTimeoutMs)
      const { responses } = yield* connection.ask(Produce, body, { ...BY_NAME, waitsMs: requestTimeoutMs })
      for (const { name, partitionResponses } of responses) {
        for (const { errorCode, errorMessage, index } of partitionResponses) {
          const parcel = request.find(({ partition, topic }) => topic === name && partition === index)
          const place = { topic: name, partition: index }
          if (parcel !== undefined)
            outcomes.set(parcel, outcomeOf(refusalOf(errorCode, partitionText(place), errorMessage)))
        }
      }
    }
    return outcomes
  })
