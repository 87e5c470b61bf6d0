import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { again } from "./TieredTopic.ts"
import type { TierWorld } from "./TierWorld.ts"
import { KEYED_TOPIC, TIERED_TOPIC } from "./topicNames.ts"

type Configs = Readonly<Record<string, string>>

const TOPIC_RESOURCE = 2
const SET = 0

const setConfigs = (client: Client, topic: string, configs: Configs) =>
  Effect.map(
    client.call(IncrementalAlterConfigs, 0, {
      resources: [
        {
          resourceType: TOPIC_RESOURCE,
          resourceName: topic,
          configs: Object.entries(configs).map(([name, value]) => ({ name, configOperation: SET, value }))
        }
      ],
      validateOnly: false
    }),
    (answer) => answer.responses[0]!.errorCode
  )

/** Neither more nor less than all stays in the database: so it has to be where nothing moves. */
const ALL_LOCAL = { "local.retention.ms": "-2", "local.retention.bytes": "-2" }
const NO_COPIES = { "remote.log.copy.disable": "true", ...ALL_LOCAL }
const OFF = { "remote.storage.enable": "false", "remote.log.delete.on.disable": "true", ...ALL_LOCAL }

/** What is refused, as Apache Kafka does, of which topic. */
const wrongOf = ({ topics }: TierWorld, client: Client): readonly [topic: string, configs: Configs] =>
  client.chance.pick([
    [KEYED_TOPIC, { "remote.storage.enable": "true" }],
    [topics[0]!, { "cleanup.policy": "compact" }],
    [topics[0]!, { "remote.storage.enable": "false", "remote.log.delete.on.disable": "false" }],
    [topics[0]!, { "remote.log.copy.disable": "true", "local.retention.ms": "1000" }],
    [topics[0]!, { "retention.ms": "1000", "local.retention.ms": "2000" }]
  ])

/** Somebody who has moving stopped and go on, and who asks for what may not be; of one topic, who gives up what has moved. */
export const tierAdmin = (
  shared: ClientWorld,
  history: History,
  tiers: TierWorld,
  isCalm: () => boolean
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "tierer")
    const { chance } = client
    const set = (topic: string, configs: Configs, what: string) =>
      Effect.map(again(setConfigs(client, topic, configs)), (errorCode) => {
        client.log(`${what} of ${topic}: error ${errorCode}`)
        return errorCode
      })
    // Once more when there is no trouble.
    for (let isLast = false; !isLast;) {
      yield* Effect.sleep(chance.between(500, 4000))
      isLast = isCalm()
      const what = chance.below(8)
      if (what < 3) {
        const [topic, configs] = wrongOf(tiers, client)
        if ((yield* set(topic, configs, "asks for what may not be")) === 0) {
          history.violate("E2", `${topic} took ${Object.entries(configs).join(" ")}`)
        }
      } else if (what < 6 || !tiers.switches) {
        const topic = chance.pick([...tiers.topics, TIERED_TOPIC])
        const configs = { ...ALL_LOCAL, "remote.log.copy.disable": "false", ...localOf(tiers.configsOf(topic)) }
        // What comes lies in objects from the beginning on, or does not any more.
        const storage = chance.permille(300) ? { "tusk.storage": chance.pick(["row", "object"]) } : {}
        yield* set(topic, { ...(chance.permille(400) ? NO_COPIES : configs), ...storage }, "stops moving, or not,")
      } else {
        const isOff = chance.permille(500)
        if (isOff) history.tiered.mayEnd = true
        const on = { "remote.log.delete.on.disable": "false", ...tiers.shortConfigs }
        yield* set(TIERED_TOPIC, isOff ? OFF : on, isOff ? "gives up what has moved" : "has old batches move")
      }
    }
  })

const localOf = (configs: Configs): Configs =>
  Object.fromEntries(Object.entries(configs).filter(([name]) => name.startsWith("local.")))
