import * as Effect from "effect/Effect"
import { nextCounters } from "../../port/counters.ts"
import type { Counters } from "../../port/counters.ts"
import type { ClusterState, StoredConfig, StoredTopic, Told } from "../../port/CommitStore.ts"
import type { PgConnection, TextRows } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { takeOverTexts } from "../sql/bundle.ts"
import { unescapeText } from "./escapeText.ts"
import { OffsetRows } from "./OffsetRows.ts"
import { confirmed } from "./confirmed.ts"
import { loadSecurity } from "./securityRows.ts"
import { identifyServer, readIdentity, writtenIdentity } from "./serverIdentity.ts"
import type { LastCommit } from "./Witness.ts"

/** Which rows hold the offsets that groups committed, read on the session that holds the lock. */
export const loadOffsetRows = (connection: PgConnection): Effect.Effect<OffsetRows, ConnectionError> =>
  Effect.map(
    connection.query(takeOverTexts.LoadOffsetRows),
    (rows) =>
      new OffsetRows(
        rows.map(([groupId, partitionId, commitId]) => ({
          groupId: unescapeText(groupId!),
          partitionId: Number(partitionId),
          commitId: Number(commitId)
        }))
      )
  )

/** Rows of `kafka.commits` that the reigns before left. */
export const loadCommitRows = (connection: PgConnection): Effect.Effect<ReadonlyArray<bigint>, ConnectionError> =>
  Effect.map(connection.query(takeOverTexts.LoadCommitRows), (rows) => rows.map(([id]) => BigInt(id!)))

/** What a take-over found out and stored. */
interface TakeOver {
  readonly clusterId: string
  readonly counters: Counters
  readonly nextObjectId: bigint
  readonly unknownCommitStored: boolean | undefined
}

/**
 * Raises the cluster's counters, in one transaction, on the session that holds the lock; looks first for the commit
 * with an unknown outcome. That it is stored counts once the take-over's own commit returned without a warning:
 * positions in the WAL only rise, so that a standby which has the one has the other.
 */
const raiseCounters = (
  connection: PgConnection,
  told: Told,
  lastCommit: LastCommit
): Effect.Effect<TakeOver, ConnectionError> =>
  Effect.gen(function* () {
    const server = yield* identifyServer(connection)
    const { lookup } = lastCommit
    const [row, found] = yield* connection.query(`begin; ${takeOverTexts.LoadCounters}; ${lookup ?? ""}`)
    const [clusterId, epoch, failoverEpoch, nextProducerId, nextPartitionId, systemIdentifier, timeline, nextObjectId] =
      row!
    const unknownCommitStored = lastCommit.judge(found?.[0] === "t", Number(epoch))
    const counters = nextCounters(
      {
        epoch: Number(epoch),
        failoverEpoch: Number(failoverEpoch),
        nextProducerId: BigInt(nextProducerId!),
        nextPartitionId: Number(nextPartitionId),
        server: readIdentity(systemIdentifier!, timeline!)
      },
      server,
      told
    )
    yield* confirmed(
      connection,
      connection.queryStoring(`update kafka.cluster set epoch = ${counters.epoch}, failover_epoch = ${counters.failoverEpoch},
        next_producer_id = ${counters.nextProducerId}, next_partition_id = ${counters.nextPartitionId},
        system_identifier = '${writtenIdentity(counters.server)}', timeline = '${counters.server.timeline}'; commit`)
    )
    if (lookup !== undefined && unknownCommitStored !== undefined) lastCommit.settle(unknownCommitStored)
    return { clusterId: clusterId!, counters, nextObjectId: BigInt(nextObjectId!), unknownCommitStored }
  })

const decodeTopics = (topicRows: TextRows, partitionRows: TextRows): Pick<ClusterState, "topics" | "orphans"> => {
  const partitionIds = new Map<string, Array<number>>()
  const topics = topicRows.map(([topicId, name]): StoredTopic => {
    const ids: Array<number> = []
    partitionIds.set(topicId!, ids)
    return { topicId: topicId!, name: name!, partitionIds: ids }
  })
  const orphans: Array<number> = []
  for (const [topicId, index, partitionId] of partitionRows) {
    const ids = topicId === null ? undefined : partitionIds.get(topicId!)
    if (ids === undefined) orphans.push(Number(partitionId))
    else ids[Number(index)] = Number(partitionId)
  }
  return { topics, orphans }
}

/** Becomes the cluster's writer, and reads what the active broker keeps in memory, on the session that holds the lock. */
export const takeOverCluster = (
  connection: PgConnection,
  told: Told,
  lastCommit: LastCommit
): Effect.Effect<ClusterState, ConnectionError> =>
  Effect.gen(function* () {
    const { clusterId, counters, nextObjectId, unknownCommitStored } = yield* raiseCounters(
      connection,
      told,
      lastCommit
    )
    const topicRows = yield* connection.query(takeOverTexts.LoadTopics)
    const partitionRows = yield* connection.query(takeOverTexts.LoadPartitionIds)
    const configRows = yield* connection.query(takeOverTexts.LoadConfigs)
    const security = yield* loadSecurity(connection)
    return {
      clusterId,
      epoch: counters.epoch,
      failoverEpoch: counters.failoverEpoch,
      server: counters.server,
      failover: counters.failover,
      unknownCommitStored,
      nextProducerId: counters.nextProducerId,
      nextPartitionId: counters.nextPartitionId,
      nextObjectId,
      ...decodeTopics(topicRows, partitionRows),
      configs: configRows.map(([resourceType, resourceName, name, value]): StoredConfig => ({
        resourceType: Number(resourceType),
        resourceName: unescapeText(resourceName!),
        name: unescapeText(name!),
        value: unescapeText(value!)
      })),
      ...security
    }
  })
