import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { endOffsets, produceRequest } from "./Requests.ts"

const TOPIC_ALREADY_EXISTS = 36

type Configs = Readonly<Record<string, string>>

const createOnce = (client: Client, name: string, numPartitions: number, configs: Configs = {}) =>
  Effect.map(
    client.call(CreateTopics, 4, {
      ...CreateTopics.request.defaults(),
      topics: [
        {
          name,
          numPartitions,
          replicationFactor: 1,
          assignments: [],
          configs: Object.entries(configs).map(([name, value]) => ({ name, value }))
        }
      ]
    }),
    (answer) => answer.topics[0]!.errorCode
  )

/** Until it is there. */
export const createTopic = (
  client: Client,
  name: string,
  numPartitions: number,
  configs: Configs = {}
): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (true) {
      const created = yield* Effect.result(createOnce(client, name, numPartitions, configs))
      const errorCode = Result.isSuccess(created) ? created.success : -1
      if (errorCode === 0 || errorCode === TOPIC_ALREADY_EXISTS) return
      yield* Effect.sleep(200)
    }
  })

/** Makes a topic, fills it, deletes it, and makes it again: nothing of what was is there (R3). */
export const topicMaker = (
  shared: ClientWorld,
  history: History,
  configs: Configs,
  lingerMs = 0
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "maker")
    let name = 0
    while (true) {
      yield* Effect.sleep(client.chance.between(100, 2000))
      const round = yield* Effect.result(makeAndDelete(client, history, `made-${name}`, configs, lingerMs))
      // What is lost may happen yet, and to a later topic of this name.
      if (Result.isFailure(round) || !round.success) name++
    }
  })

/** False: something was refused, or may be there from before. */
const makeAndDelete = (client: Client, history: History, name: string, configs: Configs, lingerMs: number) =>
  Effect.gen(function* () {
    const startMs = client.nowMs
    const { failovers } = history.log
    const created = yield* createOnce(client, name, 1, configs)
    client.log(`makes ${name}: error ${created}`)
    if (created !== 0) return false
    let stored = 0
    for (let i = client.chance.below(4); i > 0; i--) {
      const records = RecordBatch.encodeBatch([{ timestamp: BigInt(client.nowMs), value: Buffer.from(name) }])
      const body = produceRequest([{ index: 0, records }], name)
      const answer = yield* client.call(Produce, 9, body, 3000, body.timeoutMs)
      if (answer.responses[0]!.partitionResponses[0]!.errorCode !== 0) return false
      stored++
    }
    const end = (yield* endOffsets(client, name, 1)).get(0)
    if (client.mayBeBehind(startMs) || failovers !== history.log.failovers) return false
    if (end !== undefined && end !== stored) {
      history.violate("R3", `${name} is new and has ${stored} records, its end is ${end}`)
    }
    if (lingerMs > 0) yield* Effect.sleep(client.chance.between(0, lingerMs))
    const deleted = yield* client.call(DeleteTopics, 5, {
      ...DeleteTopics.request.defaults(),
      topicNames: [name],
      timeoutMs: 1000
    })
    const { errorCode } = deleted.responses[0]!
    client.log(`deletes ${name}: error ${errorCode}`)
    if (errorCode !== 0) return false
    const left = yield* endOffsets(client, name, 1)
    if (failovers !== history.log.failovers) return false
    if (left.size > 0 && !client.mayBeBehind(startMs)) history.violate("R3", `${name} is deleted and has an end`)
    return true
  })
