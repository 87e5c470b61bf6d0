import * as Effect from "effect/Effect"
import type { ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { KEYS } from "./Keyed.ts"
import { keyOf } from "./keyOf.ts"
import { SQL_TOPIC } from "./SqlServer.ts"
import { TRANSACTIONS_TOPIC } from "./TransactionalProducer.ts"
import { KEYED_TOPIC, TOPIC } from "./topicNames.ts"

const DIGITS = Array.from({ length: 10 }, (_, digit) => keyOf(String(digit)))

const TOPICS = [TOPIC, KEYED_TOPIC, KEYED_TOPIC, TRANSACTIONS_TOPIC, SQL_TOPIC]

/** Topics whose keys are erased, and how long it is from one erasure to the next at most. */
export const USUAL_ERASURES = { topics: TOPICS, mostMs: 6000 }
/** Where batches move, it is to be met by that. */
export const ERASURES_OF_TIERS = { topics: [TOPIC, TRANSACTIONS_TOPIC, ...TOPICS], mostMs: 2500 }

/** Somebody who asks for keys to be erased, in SQL. */
export const eraser = (
  shared: ClientWorld,
  { mostMs, topics }: typeof USUAL_ERASURES,
  isCalm: () => boolean
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const chance = shared.world.chance.fork()
    const { database, world } = shared
    for (let erasureId = 1n; ; erasureId++) {
      yield* Effect.sleep(chance.between(300, mostMs))
      if (isCalm()) return
      const { server } = database
      const topic = chance.pick(topics)
      const key = chance.pick(topic === KEYED_TOPIC ? KEYS : DIGITS)
      const [topicId, { partitionIds }] = Array.from(server.data.topics).find(([, { name }]) => name === topic)!
      if (world.nowMs < server.awayUntilMs) continue
      const ends = new Map(partitionIds.map((id) => [id, server.data.partitions.get(id)!.endOffset]))
      const asOf = { timeline: server.data.timeline, snapshot: server.sql.snapshot, ends }
      world.log(`erasure ${erasureId} is asked: ${key} of ${topic}`)
      const nothingYet = { passId: undefined, ends: undefined, doneAtMs: undefined }
      server.erases(
        server.erasures.ask({ erasureId, topicId, partitionIds: partitionIds.slice(), key, asOf, ...nothingYet })
      )
    }
  })

/** Somebody who looks whether what was erased lies somewhere. */
export const erasureReader = (shared: ClientWorld, history: History): Effect.Effect<void> =>
  Effect.gen(function* () {
    const chance = shared.world.chance.fork()
    while (true) {
      yield* Effect.sleep(chance.between(50, 1500))
      history.erasures.look()
    }
  })
