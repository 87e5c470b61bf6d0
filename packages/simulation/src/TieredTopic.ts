/** A topic of which old batches move to objects, and go: who writes, reads and trims it. */
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { Client, type ClientWorld } from "./Client.ts"
import { gathering } from "./gathering.ts"
import type { History } from "./History.ts"
import { DENIALS, encode, PRODUCE_VERSION, RETRIABLE } from "./Producer.ts"
import { endOffsets, fetchOnce, OFFSET_OUT_OF_RANGE, produceRequest } from "./Requests.ts"
import { TIERED_TOPIC } from "./topicNames.ts"

export const TIERED_PARTITIONS = 2
/** Is made again as long as it is answered with an error that another broker, or a later time, may not have. */
export const again = <E>(ask: Effect.Effect<number, E>): Effect.Effect<number> =>
  Effect.flatMap(ask, (errorCode) =>
    RETRIABLE.has(errorCode) ? Effect.fail(errorCode) : Effect.succeed(errorCode)
  ).pipe(
    Effect.retry({ times: 5, schedule: Schedule.spaced(300) }),
    Effect.orElseSucceed(() => -1)
  )

const ALL = Array.from({ length: TIERED_PARTITIONS }, (_, partition) => partition)
export const EARLIEST = -2n

/** By partition, if there is no error: what a time that is none stands for. */
export const listOffsets = (client: Client, topic: string, partitions: ReadonlyArray<number>, timestamp: bigint) =>
  Effect.map(
    client.call(ListOffsets, 11, {
      ...ListOffsets.request.defaults(),
      replicaId: -1,
      topics: [
        {
          name: topic,
          partitions: partitions.map((partitionIndex) => ({
            partitionIndex,
            currentLeaderEpoch: -1,
            timestamp,
            maxNumOffsets: 1
          }))
        }
      ]
    }),
    (answer) => {
      const found = new Map<number, number>()
      for (const { errorCode, offset, partitionIndex } of answer.topics[0]?.partitions ?? []) {
        if (errorCode === 0) found.set(partitionIndex, Number(offset))
      }
      return found
    }
  )

/** A producer without idempotence and without retries, of records of some length. */
export const tieredProducer = (shared: ClientWorld, { tiered }: History, batches: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "t1")
    const { chance } = client
    for (let order = 0; order < batches; order++) {
      const partition = chance.below(TIERED_PARTITIONS)
      const value = `t1-${order}-${".".repeat(chance.pick([0, 20, 200]))}`
      tiered.log.sends("plain", "t1", partition, order, value)
      const records = encode({ values: [value], sequence: -1 }, client.nowMs, -1n, -1, shared.hasKeys)
      const body = produceRequest([{ index: partition, records }], TIERED_TOPIC)
      const answer = yield* Effect.result(client.call(Produce, PRODUCE_VERSION, body, 3000, body.timeoutMs))
      if (Result.isSuccess(answer)) {
        const { baseOffset, errorCode } = answer.success.responses[0]!.partitionResponses[0]!
        client.log(`t1-${order} at ${TIERED_TOPIC}-${partition}@${baseOffset} error ${errorCode}`)
        if (errorCode === 0) tiered.log.acknowledged(value, Number(baseOffset))
        else if (DENIALS.has(errorCode)) tiered.log.denied(value)
      }
      yield* Effect.sleep(chance.between(10, 600))
    }
    client.disconnect()
  })

/** Fetches once; whoever is told that its offset is not there goes on at the beginning. */
const step = (
  client: Client,
  history: History,
  positions: Map<number, number>,
  sink?: NonNullable<Parameters<typeof fetchOnce>[4]>["sink"]
) =>
  Effect.gen(function* () {
    const { log } = history.tiered
    const errors = yield* fetchOnce(client, history, positions, 0, { log, topic: TIERED_TOPIC, ...(sink && { sink }) })
    const gone = Array.from(errors).filter(([, errorCode]) => errorCode === OFFSET_OUT_OF_RANGE)
    for (const [partition] of gone) {
      history.tiered.outOfRange(partition, positions.get(partition)!, client.asked.isBehind)
    }
    if (gone.length === 0) return
    const partitions = gone.map(([partition]) => partition)
    for (const [partition, offset] of yield* listOffsets(client, TIERED_TOPIC, partitions, EARLIEST)) {
      positions.set(partition, offset)
    }
  })

const fromTheStart = () => new Map(ALL.map((partition) => [partition, 0]))

/** Somebody who reads the topic, now and then from its start. */
export const tieredReader = (shared: ClientWorld, history: History): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "tiers")
    let positions = fromTheStart()
    while (true) {
      yield* Effect.sleep(client.chance.between(0, 400))
      if (client.chance.permille(150)) positions = fromTheStart()
      yield* Effect.ignore(step(client, history, positions))
    }
  })

/** Somebody who has the oldest records deleted, wherever they lie. */
export const trimmer = (shared: ClientWorld, history: History, isCalm: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "trimmer")
    // Once more when there is no trouble.
    for (let isLast = false; !isLast;) {
      yield* Effect.sleep(client.chance.between(500, 5000))
      isLast = isCalm()
      yield* again(trim(client, history, client.chance.below(TIERED_PARTITIONS)))
    }
  })

const trim = (client: Client, history: History, partition: number) =>
  Effect.gen(function* () {
    const end = (yield* endOffsets(client, TIERED_TOPIC, TIERED_PARTITIONS)).get(partition)
    if (end === undefined) return -1
    const first = history.tiered.logStart(partition)
    const below = Math.min(end, client.chance.between(first, Math.max(first, end)))
    history.tiered.trims(partition, below)
    const answer = yield* client.call(DeleteRecords, 2, {
      topics: [{ name: TIERED_TOPIC, partitions: [{ partitionIndex: partition, offset: BigInt(below) }] }],
      timeoutMs: 3000
    })
    const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!
    client.log(`has ${TIERED_TOPIC}-${partition} deleted below ${below}: error ${errorCode}`)
    if (errorCode === 0 && lowWatermark < BigInt(below)) {
      history.violate("E2", `${TIERED_TOPIC}-${partition} begins at ${lowWatermark}, and ${below} was acknowledged`)
    }
    return errorCode
  })

/** All that is there at the end; false: it could not be read. */
export const readTiered = (client: Client, history: History) =>
  Effect.gen(function* () {
    const { log } = history.tiered
    const ends = yield* endOffsets(client, TIERED_TOPIC, TIERED_PARTITIONS, log)
    if (ends.size < TIERED_PARTITIONS) return false
    const positions = fromTheStart()
    const { readings, sink } = gathering(ends)
    const isBehind = () => ALL.some((partition) => positions.get(partition)! < ends.get(partition)!)
    for (let i = 0; i < 60 && isBehind(); i++) {
      const before = Array.from(positions.values()).join()
      yield* step(client, history, positions, sink)
      if (Array.from(positions.values()).join() === before) yield* Effect.sleep(100)
    }
    if (isBehind()) return false
    log.finish(readings)
    return true
  })
