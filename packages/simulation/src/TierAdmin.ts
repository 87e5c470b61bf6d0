import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { again, EARLIEST, listOffsets, TIERED_PARTITIONS } from "./TieredTopic.ts"
import type { TierWorld } from "./TierWorld.ts"
import { PARTITIONS } from "./Requests.ts"
import { TRANSACTIONS_PARTITIONS, TRANSACTIONS_TOPIC } from "./TransactionalProducer.ts"
import { KEYED_TOPIC, TIERED_TOPIC, TOPIC } from "./topicNames.ts"

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
        yield* set(topic, chance.permille(400) ? NO_COPIES : configs, "stops moving, or not,")
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

// ---- who asks where the tiers are

const [LATEST, EARLIEST_LOCAL, LATEST_TIERED, PENDING_UPLOAD] = [-1n, -4n, -5n, -6n]

/** What a partition was told to be when it was asked last. */
interface Seen {
  readonly era: number
  readonly start: number
  readonly local: number
  readonly tiered: number
}

const partitionsOf = (topic: string): number =>
  topic === TOPIC
    ? PARTITIONS
    : topic === TRANSACTIONS_TOPIC
      ? TRANSACTIONS_PARTITIONS
      : topic === TIERED_TOPIC
        ? TIERED_PARTITIONS
        : 1

/** What is asked, one behind the other: none of it ever falls, as long as the topic stays tiered. */
const ASKED = [EARLIEST, LATEST_TIERED, EARLIEST_LOCAL, PENDING_UPLOAD, EARLIEST_LOCAL, EARLIEST, LATEST_TIERED, LATEST]

/** What of these answers cannot be; undefined: nothing. */
const wrongIn = (answers: ReadonlyArray<number>, seen: Seen | undefined): string | undefined => {
  const [start, tiered, local, pending, localThen, startThen, tieredThen, end] = answers as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
    number
  ]
  if (seen !== undefined && (start < seen.start || tiered < seen.tiered || local < seen.local)) return "one has fallen"
  if (startThen < start || tieredThen < tiered || localThen < local) return "one falls"
  if (local < start) return "local is before the start"
  if (local <= tiered) return "what is local has moved"
  if (pending !== -1 && (pending < local || pending > localThen)) return "what has not moved is not what is local"
  if (localThen > startThen && tieredThen < localThen - 1) return "what is between the tiers is in none"
  return localThen > end ? "local is behind the end" : undefined
}

/** Somebody who asks for the ends of logs and of their tiers. */
export const tierInspector = (shared: ClientWorld, history: History, tiers: TierWorld): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "ends of tiers")
    const seen = new Map<string, Seen>()
    while (true) {
      yield* Effect.sleep(client.chance.between(200, 2000))
      const topic = client.chance.pick(tiers.switches ? tiers.topics : [...tiers.topics, TIERED_TOPIC])
      yield* Effect.ignore(inspect(client, history, topic, seen))
    }
  })

const inspect = (client: Client, history: History, topic: string, seen: Map<string, Seen>) =>
  Effect.gen(function* () {
    const { era } = history
    const partitions = Array.from({ length: partitionsOf(topic) }, (_, partition) => partition)
    const answers: Array<ReadonlyMap<number, number>> = []
    for (const timestamp of ASKED) {
      answers.push(yield* listOffsets(client, topic, partitions, timestamp))
      if (client.asked.isBehind || history.era !== era) return
    }
    for (const partition of partitions) {
      const told = answers.map((answer) => answer.get(partition))
      if (told.includes(undefined)) continue
      const place = `${topic}-${partition}`
      const before = seen.get(place)
      const wrong = wrongIn(told as ReadonlyArray<number>, before?.era === era ? before : undefined)
      if (wrong !== undefined) {
        history.violate("L6", `the ends of ${place}: ${wrong}: ${told.join()}, before ${JSON.stringify(before)}`)
      }
      seen.set(place, { era, start: told[5]!, local: told[4]!, tiered: told[6]! })
    }
  })
