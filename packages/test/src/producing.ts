import { isKafkaError } from "@tusk/protocol/KafkaError"
import { batchesOf } from "@tusk/server/outbox/OutboxBatches"
import type { PartitionRows } from "@tusk/server/outbox/OutboxBatches"
import type { Topic } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import type { Inside } from "./Inside.ts"
import { placed } from "./NewRecord.ts"
import type { NewRecord } from "./NewRecord.ts"
import type { TopicOptions } from "./StartOptions.ts"
import { unknownName } from "./refused.ts"

type Services = Inside["Service"]

/** Where a record lies. */
export interface RecordPlace {
  readonly partition: number
  readonly offset: bigint
}

/** Makes a topic as CreateTopics would, and checks it as that does. */
export const makeTopic = Effect.fnUntraced(function* ({ admin, autoTopics }: Services, options: TopicOptions) {
  const configs = Object.entries(options.configs ?? {}).map(([name, value]) => ({ name, value: String(value) }))
  const about = { replicationFactor: -1, assignments: [], configs }
  const topic = admin.check({ name: options.name, numPartitions: options.partitions ?? -1, ...about })
  if (isKafkaError(topic)) return yield* topic
  return yield* autoTopics.create(topic)
})

/** Stores records as a producer's would be: by the topic's configs, in one commit. */
export const produce = (services: Services, name: string, records: ReadonlyArray<NewRecord>, turn: () => number) =>
  Effect.gen(function* () {
    const { autoTopics, log } = services
    const topic = yield* autoTopics.ensure(name)
    const rows = yield* Effect.try({
      try: () => rowsOf(services, topic, records, turn),
      catch: (error) => error as Error
    })
    const partitions = yield* Effect.forEach(rows, ([partition, own]) => batched(services, topic, partition, own))
    const refused = partitions.flatMap((partition) => partition.refused)[0]
    if (refused !== undefined)
      return yield* Effect.fail(new RangeError(`${name}: a record is refused: ${refused.reason}`))
    const batches = partitions.flatMap((partition) => partition.batches)
    const answers = yield* log.append(batches.map(({ request }) => request))
    const places: Array<RecordPlace> = []
    for (const [i, { request, rows: own }] of batches.entries()) {
      const answer = answers[i]!
      if (isKafkaError(answer)) return yield* answer
      const partition = topic.partitionIds.indexOf(request.partitionId)
      for (const [at, { id }] of own.entries()) {
        places[Number(id)] = { partition, offset: answer.baseOffset + BigInt(at) }
      }
    }
    return places
  })

type Rows = Parameters<typeof batchesOf>[1]

/** By partition; each row has its place among the records for an id. */
const rowsOf = (
  { nowMs }: Services,
  { name, partitionIds }: Topic,
  records: ReadonlyArray<NewRecord>,
  turn: () => number
): ReadonlyMap<number, Rows> => {
  const rows = new Map<number, Array<Rows[number]>>()
  for (const [i, record] of records.entries()) {
    const { partition, ...row } = placed(`${name}[${i}]`, record, partitionIds.length, nowMs(), turn)
    const own = rows.get(partition) ?? []
    own.push({ ...row, partitionId: partitionIds[partition]!, id: BigInt(i), xid: 0n })
    rows.set(partition, own)
  }
  return rows
}

const batched = (
  { codec, nowMs, topicSettings }: Services,
  { name, partitionIds }: Topic,
  partition: number,
  rows: Rows
): Effect.Effect<PartitionRows> => batchesOf(partitionIds[partition]!, rows, topicSettings.of(name), codec, nowMs())

/** A topic that is there; else the error names the nearest that is. */
export const knownTopic = ({ topics }: Services, name: string): Effect.Effect<Topic, RangeError> =>
  Effect.suspend(() => {
    const topic = topics.byName(name)
    const names = topics.all().map((each) => each.name)
    return topic === undefined ? Effect.fail(unknownName("topic", name, names)) : Effect.succeed(topic)
  })
