import { GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import type { AcquiredRecords } from "@tusk/coordinator/group/shell/ShareRequests"
import { isKafkaError, KafkaStorageError, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { ShareFetchRequest } from "@tusk/protocol/messages/ShareFetch"
import { isKafkaError as isRefused, Log } from "@tusk/storage/log/Log"
import { boundOf, offsetOf } from "@tusk/storage/log/partitions/Bound"
import * as Effect from "effect/Effect"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { AnswerBudget } from "../fetch/AnswerBudget.ts"
import type { Claim } from "../fetch/AnswerBudget.ts"
import type { ConnectionInfo } from "../request/ConnectionInfo.ts"
import { Deadlines } from "../request/Deadlines.ts"
import { monotonicMs } from "../request/monotonic.ts"
import { wireClock } from "../request/WireClock.ts"
import type { PartitionIdOf } from "./ShareRequests.ts"
import { served } from "./ShareSessions.ts"
import type { SharedPartition, ShareSession } from "./ShareSessions.ts"

/** `share.acquire.mode` record_limit (KIP-1206): not one record more than asked for. */
const RECORD_LIMIT = 1

/** What a look at a session's partitions found: those with records, and those that cannot be served. */
export type Found = ReadonlyArray<readonly [SharedPartition, AcquiredRecords | KafkaError]>

/** A partition's error, of those that Java's consumer knows how to go on from: of others it throws. */
const fetchError = (error: KafkaError): KafkaError => {
  if (error._tag === "NotCoordinator") return new KafkaStorageError({ cause: error })
  return error._tag === "GroupIdNotFound" ? new UnknownTopicOrPartition({ cause: error }) : error
}

const servicesOf = Effect.gen(function* () {
  return {
    budget: yield* AnswerBudget,
    clock: yield* wireClock,
    configs: yield* GroupConfigs,
    deadlines: yield* Deadlines,
    log: yield* Log,
    settings: yield* BrokerSettings,
    shared: yield* SharePartitions
  }
})

type Parts = Effect.Success<typeof servicesOf>

/** One ShareFetch that acquires. */
interface Asked {
  readonly session: ShareSession
  readonly request: ShareFetchRequest
  readonly connection: ConnectionInfo
  /** Looked up at each look: a right may be gone by then. */
  readonly idOf: PartitionIdOf
  readonly claim: Claim
  readonly deadlineMs: number
}

/** Acquires for a session until there is something, the time is over, or the client has gone. */
export const shareAcquiring = Effect.fnUntraced(function* () {
  const parts = yield* servicesOf
  const { budget, clock } = parts
  return Effect.fnUntraced(function* (
    session: ShareSession,
    request: ShareFetchRequest,
    connection: ConnectionInfo,
    idOf: PartitionIdOf
  ) {
    const deadlineMs = monotonicMs(clock) + request.maxWaitMs
    const asked: Asked = { session, request, connection, idOf, claim: budget.claim(connection), deadlineMs }
    const room = budget.room()
    if (room !== undefined) yield* room
    /** How many could not be served at the first look: one more is news. */
    let known: number | undefined
    const isDue = (found: Found): boolean => {
      const errors = found.reduce((sum, [, result]) => (isKafkaError(result) ? sum + 1 : sum), 0)
      known ??= errors
      // What cannot be served is no reason to answer before there is a record: unless nothing else is asked for.
      return errors < found.length || errors > known || errors === session.partitions.size
    }
    while (true) {
      const found = yield* lookAndWait(parts, asked, isDue)
      if (found !== undefined) return found
    }
  })
})

/** One look; if it finds too little, waits until something comes, and says to look again. */
const lookAndWait = Effect.fnUntraced(function* (parts: Parts, asked: Asked, isDue: (found: Found) => boolean) {
  const { clock, configs, log, shared } = parts
  const { connection, deadlineMs, idOf, request, session } = asked
  const bound = boundOf(configs(session.groupId).shareIsolationLevel)
  // What is free from here on is not missed: it is looked for again.
  const ids: Array<number> = []
  for (const { partition, topicId } of session.partitions.values()) {
    const partitionId = idOf(topicId, partition)
    if (typeof partitionId === "number") ids.push(partitionId)
  }
  const ends = yield* log.ends(ids)
  const free = { isFreed: false, wake: () => {} }
  const freed = () => {
    free.isFreed = true
    free.wake()
  }
  const looked = Effect.gen(function* () {
    const found = yield* acquireOnce(parts, asked)
    const left = deadlineMs - monotonicMs(clock)
    if (isDue(found) || left <= 0 || request.minBytes <= 0 || connection.isStopping) return found
    if (free.isFreed) return undefined
    const positions = ids.flatMap((partitionId, i) => {
      const end = ends[i]!
      return isRefused(end) ? [] : [{ partitionId, bound, readableEnd: offsetOf(bound, end) }]
    })
    yield* log.awaitBytes(positions, 1, endingOf(parts, asked, free))
    return connection.isGone ? [] : undefined
  })
  return yield* shared.watchingFree(session.groupId, ids, freed, looked)
})

/** What ends a wait for an append: free records, the deadline, the end of the connection or of the broker. */
const endingOf = ({ deadlines }: Parts, { connection, deadlineMs }: Asked, free: { wake: () => void }) => {
  let ringsAt = 0
  return {
    begin: (ring: () => void) => {
      free.wake = ring
      ringsAt = deadlines.at(deadlineMs, ring)
      connection.onEnding(ring)
    },
    end: (ring: () => void) => {
      deadlines.off(ringsAt, ring)
      connection.offEnding(ring)
    }
  }
}

/** Partitions of the session in turn, as long as there is room. */
const acquireOnce = Effect.fnUntraced(function* (
  { settings, shared }: Parts,
  { claim, idOf, request, session }: Asked
) {
  const found: Array<readonly [SharedPartition, AcquiredRecords | KafkaError]> = []
  const given = claim.take(Math.max(0, Math.min(request.maxBytes, settings.fetchMaxBytes)))
  let bytes = given
  let records = request.maxRecords
  for (const partition of Array.from(session.partitions.values())) {
    if (bytes <= 0 || records <= 0) break
    const partitionId = idOf(partition.topicId, partition.partition)
    if (typeof partitionId !== "number") {
      found.push([partition, partitionId])
      continue
    }
    const acquired = yield* shared
      .acquire({
        groupId: session.groupId,
        memberId: session.memberId,
        partitionId,
        maxBytes: bytes,
        maxRecords: records,
        strict: request.shareAcquireMode === RECORD_LIMIT,
        batchSize: request.batchSize
      })
      .pipe(Effect.catch((error) => Effect.succeed(fetchError(error))))
    if (isKafkaError(acquired)) found.push([partition, acquired])
    else if (acquired.ranges.length > 0) {
      found.push([partition, acquired])
      served(session, partition)
      for (const { byteLength } of acquired.batches) bytes -= byteLength
      for (const { first, last } of acquired.ranges) records -= Number(last - first) + 1
    }
  }
  claim.keep(given - bytes)
  return found
})
