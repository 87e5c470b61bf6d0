import { Fetch } from "@tusk/protocol/messages/Fetch"
import type { OutboxRow } from "@tusk/storage/port/Outbox"
import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import { committedOf } from "./CommittedReader.ts"
import type { History } from "./History.ts"
import { keyOf } from "./keyOf.ts"
import { BROKEN_TOPIC } from "./nuisances.ts"
import { SQL_PARTITIONS, SQL_TOPIC } from "./SqlServer.ts"
import { judgeWorkers } from "./SqlWorker.ts"
import { endOffsets, fetchRequest } from "./Requests.ts"

/** The end of a value for the topic that takes nothing. */
const NOWHERE = "-nowhere"
const utf8 = new TextEncoder()

/** A session of the database that produces in transactions of its own, and does not know whether a broker runs. */
export class SqlSession {
  readonly #client: Client
  readonly #shared: ClientWorld
  readonly #history: History
  readonly #transactions: number
  #order = 0

  constructor(shared: ClientWorld, history: History, name: string, transactions: number) {
    this.#client = new Client(shared, name)
    this.#shared = shared
    this.#history = history
    this.#transactions = transactions
  }

  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const { chance } = this.#client
    for (let i = 0; i < this.#transactions; i++) {
      yield* this.#makeOne()
      yield* Effect.sleep(chance.between(0, 600))
    }
  })

  /** A few calls, some of them taken back with a savepoint, and its end: on a server that is not the cluster's any more, none. */
  readonly #makeOne = Effect.fnUntraced({ self: this }, function* () {
    const { chance } = this.#client
    const { server } = this.#shared.database
    const xid = server.sql.begin()
    const values: Array<string> = []
    for (let calls = chance.between(1, 4); calls > 0; calls--) {
      const value = `${this.#client.name}-${this.#order}`
      const partition = chance.below(SQL_PARTITIONS)
      this.#history.sql.calls(value, this.#client.name, partition, this.#order++)
      if (chance.permille(100)) this.#history.sql.ends([value], "rolled back")
      else {
        server.sql.insert(this.#row(xid, SQL_TOPIC, partition, value))
        values.push(value)
      }
      // What nobody can append waits, and holds nothing else up.
      if (chance.permille(50)) server.sql.insert(this.#row(xid, BROKEN_TOPIC, 0, `${value}${NOWHERE}`))
      yield* Effect.sleep(chance.pick([0, 5, 100, 3000]))
    }
    if (chance.permille(250)) {
      server.sql.rollback(xid)
      this.#history.sql.ends(values, "rolled back")
      return
    }
    const { world } = this.#shared
    while (world.nowMs < server.awayUntilMs && !server.isOld) yield* Effect.sleep(100)
    if (server.isOld) return this.#history.sql.ends(values, "unknown")
    server.commitsRows(server.sql.commit(xid))
    this.#client.log(`commits ${values.join()} in transaction ${xid}`)
    this.#history.sql.ends(values, "committed")
  })

  #row(xid: bigint, topic: string, partition: number, value: string): OutboxRow {
    const { database, world } = this.#shared
    const { topics } = database.server.data
    const { partitionIds } = Array.from(topics.values()).find(({ name }) => name === topic)!
    const timestamp = BigInt(world.nowMs)
    const key = this.#shared.hasKeys ? utf8.encode(keyOf(value)) : null
    const record = { timestamp, key, value: utf8.encode(value), headers: [] }
    return { xid, id: database.nextOutboxId++, partitionId: partitionIds[partition]!, ...record }
  }
}

/** The values of rows for the topic. */
export const valuesOf = (rows: ReadonlyArray<OutboxRow>): ReadonlyArray<string> =>
  rows
    .flatMap((row) => ("value" in row ? [Buffer.from(row.value!).toString()] : []))
    .filter((value) => !value.endsWith(NOWHERE))

/** All that is there at the end. False: not all of it can be read yet. */
export const readSql = (shared: ClientWorld, history: History) =>
  Effect.gen(function* () {
    const client = new Client(shared, "sql")
    if (shared.database.isOutboxWaiting(SQL_TOPIC)) return false
    const ends = yield* endOffsets(client, SQL_TOPIC, SQL_PARTITIONS)
    if (ends.size < SQL_PARTITIONS) return false
    const positions = new Map(Array.from(ends, ([partition]) => [partition, 0]))
    const found = new Map<number, Array<string>>(Array.from(ends, ([partition]) => [partition, []]))
    const isBehind = () => Array.from(ends).some(([partition, end]) => positions.get(partition)! < end)
    for (let i = 0; i < 60 && isBehind(); i++) {
      const body = fetchRequest(positions, 100, { topic: SQL_TOPIC })
      const answer = yield* client.call(Fetch, 12, body, 3000, 100)
      for (const answered of answer.responses.flatMap(({ partitions }) => partitions)) {
        const partition = answered.partitionIndex
        const { next, records } = committedOf(answered, positions.get(partition)!)
        for (const { offset, value } of records) {
          found.get(partition)!.push(value)
          const record = { topic: SQL_TOPIC, partition, offset, key: keyOf(value) }
          history.erasures.reads(client.name, record, client.asked.sentMs)
        }
        positions.set(partition, next)
      }
    }
    if (isBehind()) return false
    if (!(yield* judgeWorkers(shared, history, found))) return false
    history.sql.finish(found, (value) => history.erasures.mayBeErased(SQL_TOPIC, keyOf(value)))
    return true
  })
