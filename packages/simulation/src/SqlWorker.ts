import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { inMemory } from "@tusk/storage/writes/MemoryPartition"
import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import * as Effect from "effect/Effect"
import { Client, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { keyOf } from "./keyOf.ts"
import type { Server } from "./Server.ts"
import { SQL_PARTITIONS, SQL_TOPIC } from "./SqlServer.ts"

/** Whose workers consume in SQL. */
const SQL_GROUP = "q"
const AT_A_TIME = 3

const partitionIdsOf = (data: MemoryData): ReadonlyArray<number> =>
  Array.from(data.topics.values()).find(({ name }) => name === SQL_TOPIC)!.partitionIds

/** What `kafka.records` shows from an offset on, and where it goes on. */
const recordsOf = (data: MemoryData, partition: number, from: number) => {
  const values: Array<string> = []
  let next = from
  const { batches, first } = data.partitions.get(partitionIdsOf(data)[partition]!)!
  for (const { lastOffset, records } of batches.slice(first).map(inMemory)) {
    if (Number(lastOffset) < from || values.length >= AT_A_TIME) continue
    const decoded = RecordBatch.decodeRecords(records, { maxDecompressedBytes: 1 << 20 })
    if ("_tag" in decoded) throw decoded
    for (const { offset, value } of decoded) if (Number(offset) >= from) values.push(Buffer.from(value!).toString())
    next = Number(lastOffset) + 1
  }
  return { values, next }
}

/** What a transaction is about to commit. */
interface Done {
  readonly claim: number
  readonly offset: number
  /** Of the records that it worked on. */
  readonly values: ReadonlyArray<string>
}

/** A worker of an application that keeps what it makes of records in the same database, and commits both at once. */
export class SqlWorker {
  readonly #client: Client
  readonly #shared: ClientWorld

  constructor(shared: ClientWorld, name: string) {
    this.#client = new Client(shared, name)
    this.#shared = shared
  }

  readonly run: Effect.Effect<void> = Effect.gen({ self: this }, function* () {
    const { chance } = this.#client
    while (true) {
      yield* Effect.sleep(chance.between(20, 500))
      const { server } = this.#shared.database
      const partition = chance.below(SQL_PARTITIONS)
      if (!(yield* this.#locked(server, partition))) continue
      const { claim, offset } = server.claims.newest(partition)
      const claimed = { claim: claim + 1, offset, values: [] }
      yield* Effect.sleep(chance.pick([0, 10, 200]))
      if (chance.permille(500)) {
        // Claim, read and commit in one transaction, as kafka.poll does.
        this.#commits(server, partition, this.#applied(server, partition, claimed))
        continue
      }
      if (!this.#commits(server, partition, claimed)) continue
      const done = this.#applied(server, partition, claimed)
      // Long enough for another to claim it: its own commit is too late then, and so is all that it did.
      yield* Effect.sleep(chance.pick([0, 100, 4000]))
      if (!(yield* this.#locked(server, partition))) continue
      const newest = server.claims.newest(partition)
      if (newest.claim === claimed.claim || !this.#shared.database.checksClaims) this.#commits(server, partition, done)
      else server.claims.unlock(partition)
    }
  })

  #applied({ data }: Server, partition: number, { claim, offset }: Done): Done {
    const { next, values } = recordsOf(data, partition, offset)
    return { claim, offset: next, values }
  }

  /** Waits for the transaction that has the lock; false if this server is not the cluster's any more. */
  readonly #locked = Effect.fnUntraced({ self: this }, function* (server: Server, partition: number) {
    while (!server.isOld && !server.claims.lock(partition, this.#client.name)) yield* Effect.sleep(20)
    return !server.isOld
  })

  /** The end of the transaction: its lock goes with it. Not while the standby is away, and not on an old server. */
  #commits(server: Server, partition: number, { claim, offset, values }: Done): boolean {
    server.claims.unlock(partition)
    const { database, world } = this.#shared
    if (server.isOld || world.nowMs < server.awayUntilMs) return false
    const about = { xid: server.sql.begin(), id: database.nextOutboxId++, timestamp: BigInt(world.nowMs) }
    const partitionId = partitionIdsOf(server.data)[partition]!
    server.sql.insert({ ...about, groupId: SQL_GROUP, partitionId, committedOffset: BigInt(offset) })
    const row = { claim, offset, effects: [...server.claims.newest(partition).effects, ...values] }
    server.claims.rows.set(partition, row)
    server.commitsRows(server.sql.commit(about.xid), [[partition, row]])
    this.#client.log(`claim ${claim} of ${partition}: at ${offset}`)
    return true
  }
}

/** Each record is in the application's rows once, in order; the broker tells the offset that SQL committed. */
export const judgeWorkers = (
  shared: ClientWorld,
  history: History,
  found: ReadonlyMap<number, ReadonlyArray<string>>
) =>
  Effect.gen(function* () {
    const client = new Client(shared, "offsets")
    const partitionIndexes = Array.from(found.keys())
    const answer = yield* client.call(OffsetFetch, 7, {
      ...OffsetFetch.request.defaults(),
      groupId: SQL_GROUP,
      topics: [{ name: SQL_TOPIC, partitionIndexes }]
    })
    const told = answer.topics[0]?.partitions ?? []
    if (answer.errorCode !== 0 || told.some(({ errorCode }) => errorCode !== 0)) return false
    for (const { committedOffset, partitionIndex } of told) {
      const { effects, offset } = shared.database.server.claims.newest(partitionIndex)
      const isLeft = (value: string): boolean => !history.erasures.mayBeErased(SQL_TOPIC, keyOf(value))
      const worked = effects.filter(isLeft)
      const read = found.get(partitionIndex)!.filter(isLeft).slice(0, worked.length)
      if (worked.join() !== read.join()) {
        history.violate(
          "S3",
          `of partition ${partitionIndex} there are rows of ${worked.join()}, and records ${read.join()}`
        )
      }
      if (Math.max(0, Number(committedOffset)) !== offset) {
        history.violate("S3", `the broker has offset ${committedOffset} of partition ${partitionIndex}, SQL ${offset}`)
      }
    }
    return true
  })
