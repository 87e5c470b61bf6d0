import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { askProducerId, encode, PRODUCE_VERSION } from "./Producer.ts"
import { commitRequest, fetchRequest, PARTITIONS, produceRequest } from "./Requests.ts"
import { POISON } from "./units.ts"
import { TOPIC } from "./topicNames.ts"

/** A topic of which no partition can be loaded. */
export const BROKEN_TOPIC = "broken"

const again = (client: Client, most: number, once: Effect.Effect<unknown, unknown>): Effect.Effect<void> =>
  Effect.forever(
    Effect.andThen(
      Effect.suspend(() => Effect.sleep(client.chance.between(20, most))),
      Effect.ignore(once)
    )
  )

/** A client that commits what the database refuses, however often it is asked: that fails no other client (E5). */
export const poisoner = (shared: ClientWorld, history: History): Effect.Effect<void> => {
  const client = new Client(shared, "poisoner", true)
  const nobody = { memberId: "", generationId: -1, groupInstanceId: null }
  const commit = Effect.gen(function* () {
    const group = `${POISON}${client.chance.below(3)}`
    const answer = yield* client.call(OffsetCommit, 7, commitRequest(group, nobody, [[0, 1, "poison"]]))
    const { errorCode } = answer.topics[0]!.partitions[0]!
    client.log(`commits to ${group}: error ${errorCode}`)
    if (errorCode === 0) history.violate("E2", "what cannot be stored is acknowledged")
  })
  return again(client, 1500, commit)
}

/** A client that names partitions that cannot be loaded, beside others in the same request. */
export const stumbler = (shared: ClientWorld, history: History): Effect.Effect<void> => {
  const client = new Client(shared, "stumbler", true)
  const { chance } = client
  let order = 0
  const produce = Effect.gen(function* () {
    const value = `stumbler-${order++}`
    const partition = chance.below(PARTITIONS)
    history.log.sends("plain", client.name, partition, order, value)
    const bytes = (text: string) => encode({ values: [text], sequence: -1 }, client.nowMs, -1n, -1, shared.hasKeys)
    const body = produceRequest([{ index: partition, records: bytes(value) }])
    const broken = { name: BROKEN_TOPIC, topicId: ZERO_UUID, partitionData: [{ index: 0, records: bytes("lost") }] }
    const topicData = chance.permille(500) ? [broken] : [broken, ...body.topicData]
    const answer = yield* client.call(Produce, PRODUCE_VERSION, { ...body, topicData }, 3000, body.timeoutMs)
    const told = answer.responses.find(({ name }) => name === TOPIC)?.partitionResponses[0]
    if (told?.errorCode === 0) history.log.acknowledged(value, Number(told.baseOffset))
  })
  const fetch = Effect.suspend(() => {
    const body = fetchRequest(new Map([[chance.below(PARTITIONS), 0]]), 0)
    const broken = fetchRequest(new Map([[0, 0]]), 0, { topic: BROKEN_TOPIC })
    return client.call(Fetch, 12, { ...body, topics: [...broken.topics, ...body.topics] })
  })
  return again(
    client,
    1500,
    Effect.suspend(() => (chance.permille(500) ? Effect.asVoid(fetch) : produce))
  )
}

/** A client that asks for one producer id after the other. */
export const idAsker = (shared: ClientWorld, history: History): Effect.Effect<void> => {
  const client = new Client(shared, "asker")
  return again(client, 2000, askProducerId(client, history))
}
