import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { PARTITIONS } from "./Requests.ts"
import { tierAdmin } from "./TierAdmin.ts"
import { EARLIEST, listOffsets, TIERED_PARTITIONS, tieredReader, trimmer } from "./TieredTopic.ts"
import type { TierWorld } from "./TierWorld.ts"
import { TIERED_TOPIC, TOPIC } from "./topicNames.ts"
import { TRANSACTIONS_PARTITIONS, TRANSACTIONS_TOPIC } from "./TransactionalProducer.ts"

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
const tierInspector = (shared: ClientWorld, history: History, tiers: TierWorld): Effect.Effect<void> =>
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

/** All who have to do with tiers, for as long as they are let. */
export const tierClients = (
  shared: ClientWorld,
  history: History,
  tiers: TierWorld,
  isCalm: () => boolean
): ReadonlyArray<Effect.Effect<void>> => [
  tieredReader(shared, history),
  trimmer(shared, history, isCalm),
  tierAdmin(shared, history, tiers, isCalm),
  tierInspector(shared, history, tiers)
]
