import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import type { Chance } from "./Chance.ts"
import { Client, type ClientWorld } from "./Client.ts"
import { GUARDED_TOPICS } from "./History.ts"
import type { SimObjects } from "./SimObjects.ts"
import { TRANSACTIONS_TOPIC } from "./TransactionalProducer.ts"
import { KEYED_TOPIC, TOPIC } from "./topicNames.ts"

/** `tusk.storage`, of a topic whose batches lie in objects. */
export const keptInObjects = { "tusk.storage": "object" }
const TOPIC_RESOURCE = 2
const SET = 0

/** Topics of a seed whose batches lie in objects from the beginning on: at least one. */
export const objectTopics = (chance: Chance): ReadonlyArray<string> => {
  const all = [TOPIC, KEYED_TOPIC, TRANSACTIONS_TOPIC, ...GUARDED_TOPICS]
  const first = chance.pick(all)
  return all.filter((topic) => topic === first || chance.permille(600))
}

const setStorage = (client: Client, topic: string, value: "row" | "object") =>
  Effect.map(
    client.call(IncrementalAlterConfigs, 0, {
      resources: [
        {
          resourceType: TOPIC_RESOURCE,
          resourceName: topic,
          configs: [{ name: "tusk.storage", configOperation: SET, value }]
        }
      ],
      validateOnly: false
    }),
    (answer) => answer.responses[0]!.errorCode
  )

/** Somebody who has topics kept in rows, and then in objects again: what is there stays where it lies. */
export const mover = (shared: ClientWorld, isCalm: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "mover")
    const { chance } = client
    while (true) {
      yield* Effect.sleep(chance.between(500, 8000))
      if (isCalm()) return
      const topic = chance.pick([TOPIC, TOPIC, KEYED_TOPIC, TRANSACTIONS_TOPIC, ...GUARDED_TOPICS])
      const value = chance.pick(["row", "object", "object"] as const)
      const errorCode = yield* Effect.orElseSucceed(setStorage(client, topic, value), () => -1)
      client.log(`keeps ${topic} as ${value}: error ${errorCode}`)
    }
  })

/** What befalls the object store as a whole: it is away for a while. */
export const objectTroubles = (objects: SimObjects, chance: Chance, isCalm: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    while (true) {
      yield* Effect.sleep(chance.between(2000, 15_000))
      if (isCalm()) return
      objects.loseFor(chance.pick([200, 2000, 8000, 35_000]))
    }
  })
