import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import * as Effect from "effect/Effect"
import type { Chance } from "./Chance.ts"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import type { FollowedTopic } from "./RowsHistory.ts"
import type { Server } from "./Server.ts"
import type { TableChange } from "./SqlTables.ts"
import { TRANSACTIONS_TOPIC } from "./TransactionalProducer.ts"
import { KEYED_TOPIC, TOPIC } from "./topicNames.ts"

/** `tusk.sql.records`, of a topic that is followed. */
export const keptAsRows = { "tusk.sql.records": "on" }
const TOPIC_RESOURCE = 2
const SET = 0

/** In some seeds records are kept as rows: of these topics. */
export const followedTopics = (chance: Chance): ReadonlyArray<FollowedTopic> => {
  const topics = [{ name: TRANSACTIONS_TOPIC, mayLose: false }]
  if (chance.permille(700)) topics.push({ name: KEYED_TOPIC, mayLose: true })
  if (chance.permille(300)) topics.push({ name: TOPIC, mayLose: false })
  return topics
}

const setRows = (client: Client, topic: string, value: "on" | "off") =>
  Effect.map(
    client.call(IncrementalAlterConfigs, 0, {
      resources: [
        {
          resourceType: TOPIC_RESOURCE,
          resourceName: topic,
          configs: [{ name: "tusk.sql.records", configOperation: SET, value }]
        }
      ],
      validateOnly: false
    }),
    (answer) => answer.responses[0]!.errorCode === 0
  )

/** Somebody who looks at rows in SQL, now and then. */
export const rowReader = (
  shared: ClientWorld,
  history: History,
  topics: ReadonlyArray<FollowedTopic>
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const chance = shared.world.chance.fork()
    while (true) {
      yield* Effect.sleep(chance.between(50, 1500))
      const { server } = shared.database
      for (const topic of topics) history.rows.look(server, topic)
      for (const table of server.rows.tables.all) history.rows.lookAtTable(server, table)
    }
  })

/** What befalls rows alone: others lock them, a crash loses the newest, a topic is followed no longer and then again. */
export const rowTroubles = (
  shared: ClientWorld,
  topics: ReadonlyArray<FollowedTopic>,
  isCalm: () => boolean
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "rows")
    const { chance } = client
    const { database } = shared
    while (true) {
      yield* Effect.sleep(chance.between(500, 8000))
      if (isCalm()) return
      const what = chance.below(4)
      if (what === 0) database.lockRows(chance.pick([500, 5000, 40_000]))
      else if (what === 1) database.restart()
      else {
        const { name } = chance.pick(topics)
        const value = chance.pick(["on", "off"] as const)
        client.log(`keeps rows of ${name}: ${value}`)
        yield* Effect.ignore(setRows(client, name, value))
      }
    }
  })

/** Somebody who has the latest values in a table, drops it and makes it anew, or alters it so that values do not fit. */
export const materialiser = (shared: ClientWorld, isCalm: () => boolean): Effect.Effect<void> =>
  Effect.gen(function* () {
    const chance = shared.world.chance.fork()
    const { database, world } = shared
    const change = (server: Server, made: TableChange) => {
      server.keepsRows(made, world.nowMs)
      // A session of a user waits for the disk.
      server.erases(() => {})
    }
    for (let id = 1; ; id++) {
      const made = { id, name: `latest${id}`, topic: KEYED_TOPIC, topicId: undefined, isStrict: false }
      change(database.server, database.server.rows.tables.put({ ...made, positions: new Map(), rows: new Map() }))
      for (let alterations = chance.between(1, 6); alterations > 0; alterations--) {
        yield* Effect.sleep(chance.between(500, 6000))
        const { server } = database
        const { tables } = server.rows
        // A failover may have brought one back that was dropped.
        const meant = tables.all.filter((table) => isCalm() || table.id === id)
        for (const table of meant) {
          change(server, tables.put({ ...table, isStrict: !isCalm() && chance.permille(300) }))
        }
        if (isCalm()) return
      }
      change(database.server, database.server.rows.tables.drop(id))
    }
  })

/** In the end all topics are followed, and every value fits, whoever had no time to see to it. */
export const followAll = (shared: ClientWorld, topics: ReadonlyArray<FollowedTopic>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const { server } = shared.database
    const { tables } = server.rows
    for (const table of tables.all) server.keepsRows(tables.put({ ...table, isStrict: false }), shared.world.nowMs)
    const client = new Client(shared, "rows at last")
    for (const { name } of topics) {
      const isSet = Effect.orElseSucceed(setRows(client, name, "on"), () => false)
      while (!(yield* isSet)) yield* Effect.sleep(300)
    }
  })

/** Whether the rows are all that is committed, and nobody else's. */
export const areRowsWhole = (
  { database }: ClientWorld,
  history: History,
  topics: ReadonlyArray<FollowedTopic>
): boolean => {
  const { server } = database
  // Of topics that were made and not deleted there are rows, too.
  const ids = new Set(Array.from(server.data.topics.values()).flatMap(({ partitionIds }) => partitionIds))
  const { tables } = server.rows
  if (tables.all.some((table) => !history.rows.lookAtTable(server, table))) return false
  return (
    topics.every((topic) => history.rows.look(server, topic)) && server.rows.partitionIds.every((id) => ids.has(id))
  )
}
