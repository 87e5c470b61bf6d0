import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { readCommitted, readTransactionOffsets } from "./CommittedReader.ts"
import { Client, type ClientWorld } from "./Client.ts"
import { readConfigs } from "./ConfigAdmins.ts"
import { describeAcls } from "./AclAdmin.ts"
import { areRowsWhole } from "./Following.ts"
import { gathering } from "./gathering.ts"
import type { History } from "./History.ts"
import type { LogHistory } from "./LogHistory.ts"
import { readKeyed } from "./Keyed.ts"
import type { KeyedHistory } from "./KeyedHistory.ts"
import { fetchOffsets } from "./Member.ts"
import type { FollowedTopic } from "./RowsHistory.ts"
import { readSql } from "./SqlSession.ts"
import { readTiered } from "./TieredTopic.ts"
import { endOffsets, fetchOnce, OFFSET_OUT_OF_RANGE, PARTITIONS } from "./Requests.ts"
import { TOPIC } from "./topicNames.ts"

/** Those of the simulated producers. */
const TRANSACTIONAL_IDS = ["x1", "x2"]
const ALL = Array.from({ length: PARTITIONS }, (_, partition) => partition)
/** Attempts to read what has to be readable by then. */
const ATTEMPTS = 60
/** The same of rows: a follower that could do nothing for long looks again after a minute at most. */
const ROW_ATTEMPTS = 140

/** Asks for ends and committed offsets now and then: what it is told has to hold. */
export const inspector = (shared: ClientWorld, history: History, groups: ReadonlyArray<string>): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "inspector")
    while (true) {
      yield* Effect.sleep(client.chance.between(100, 900))
      if (client.chance.permille(500)) {
        yield* Effect.ignore(fetchOffsets(client, history, client.chance.pick(groups), ALL))
        continue
      }
      const ends = yield* Effect.result(endOffsets(client, undefined, undefined, history.log))
      if (Result.isFailure(ends)) continue
      const errors = yield* Effect.result(fetchOnce(client, history, ends.success, 0))
      if (Result.isFailure(errors)) continue
      for (const [partition, errorCode] of errors.success) {
        if (errorCode === OFFSET_OUT_OF_RANGE)
          history.violate("L6", `the end of partition ${partition} may not be read`)
      }
    }
  })

/** Tries until it is read. */
const atLast = <E>(
  history: History,
  read: Effect.Effect<boolean, E>,
  invariant: string,
  what: string,
  attempts = ATTEMPTS
): Effect.Effect<void> =>
  Effect.gen(function* () {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const done = yield* Effect.result(read)
      if (Result.isSuccess(done) && done.success) return
      yield* Effect.sleep(500)
    }
    history.violate(invariant, `${what} cannot be read, though there is no more trouble`)
  })

/** Whom the last word is about. */
interface Everything {
  readonly shared: ClientWorld
  readonly history: History
  readonly keyed: KeyedHistory
  readonly groups: ReadonlyArray<string>
  readonly followed: ReadonlyArray<FollowedTopic>
  readonly hasTiers: boolean
}

/** The last word: every record of every partition, all keys, every group's offsets, all configs, all rows. */
export const readAll = ({ followed, groups, hasTiers, history, keyed, shared }: Everything): Effect.Effect<void> =>
  Effect.gen(function* () {
    const client = new Client(shared, "reader")
    const { log } = history
    yield* atLast(history, readLog(client, history, { topic: TOPIC, partitions: PARTITIONS, log }), "L3", "the log")
    for (const [topic, log] of history.guarded) {
      yield* atLast(history, readLog(client, history, { topic, partitions: 1, log }), "L3", topic)
    }
    if (hasTiers) yield* atLast(history, readTiered(client, history), "L3", "the tiered log")
    yield* atLast(history, describeAcls(client, history), "A4", "the ACLs")
    for (const group of groups) {
      const offsets = Effect.map(fetchOffsets(client, history, group, ALL), (found) => found !== undefined)
      yield* atLast(history, offsets, "G4", `the offsets of ${group}`)
    }
    yield* atLast(history, readConfigs(client, history), "E2", "the configs")
    yield* atLast(history, readSql(shared, history), "S1", "what SQL sessions produced")
    yield* atLast(history, readCommitted(new Client(shared, "stable"), history), "T7", "what is committed")
    for (const transactionalId of TRANSACTIONAL_IDS) {
      yield* atLast(
        history,
        readTransactionOffsets(client, history, transactionalId),
        "T6",
        `${transactionalId}'s offsets`
      )
    }
    yield* atLast(history, readKeyed(new Client(shared, "keys"), keyed, history), "R1", "the compacted log")
    if (!history.erasures.isDone) {
      yield* atLast(
        history,
        Effect.sync(() => history.erasures.isDone),
        "R4",
        "the end of what was asked to be erased"
      )
    }
    history.erasures.look()
    yield* awaitRows(shared, history, followed)
  })

/** Until followers have come to the end. */
export const awaitRows = (shared: ClientWorld, history: History, followed: ReadonlyArray<FollowedTopic>) =>
  Effect.suspend(() => {
    if (followed.length === 0) return Effect.void
    const rows = Effect.sync(() => areRowsWhole(shared, history, followed))
    return atLast(history, rows, "S4", "the rows of followers", ROW_ATTEMPTS)
  })

/** From the first offset to the end: a consumer that reads so has no lag at last. */
const readLog = (
  client: Client,
  history: History,
  { log, partitions, topic }: { readonly topic: string; readonly partitions: number; readonly log: LogHistory }
) =>
  Effect.gen(function* () {
    const ends = yield* endOffsets(client, topic, partitions, log)
    if (ends.size < partitions) return false
    const all = Array.from(ends.keys())
    const positions = new Map(all.map((partition) => [partition, 0]))
    const { readings, sink } = gathering(ends)
    const isBehind = () => all.some((partition) => positions.get(partition)! < ends.get(partition)!)
    for (let i = 0; i < 40 && isBehind(); i++) {
      const before = Array.from(positions.values()).join()
      yield* fetchOnce(client, history, positions, 0, { log, sink, topic })
      if (Array.from(positions.values()).join() === before) yield* Effect.sleep(100)
    }
    if (isBehind()) return false
    log.finish(readings)
    return true
  })
