import * as Effect from "effect/Effect"
import type { ClusterState, StoredConfig, StoredTopic } from "../../Store.ts"
import type { Connection } from "../connection/Connection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { unescapeText } from "./escapeText.ts"
import { OffsetRows } from "./OffsetRows.ts"

/** Which rows hold the offsets that groups committed, read on the session that holds the lock. */
export const loadOffsetRows = (connection: Connection): Effect.Effect<OffsetRows, ConnectionError> =>
  Effect.map(
    connection.query("select group_id, partition_id, commit_id from kafka.offsets"),
    (rows) =>
      new OffsetRows(
        rows.map(([groupId, partitionId, commitId]) => ({
          groupId: unescapeText(groupId!),
          partitionId: Number(partitionId),
          commitId: Number(commitId)
        }))
      )
  )

/** Raises the cluster's epoch, and reads what the active broker keeps in memory, on the session that holds the lock. */
export const takeOverCluster = (connection: Connection): Effect.Effect<ClusterState, ConnectionError> =>
  Effect.gen(function* () {
    const [cluster] = yield* connection.query(
      "update kafka.cluster set epoch = epoch + 1 returning cluster_id, epoch, next_producer_id, next_partition_id"
    )
    const topicRows = yield* connection.query("select topic_id, name from kafka.topics order by name")
    const partitionRows = yield* connection.query(
      "select topic_id, partition_index, partition_id from kafka.partitions order by partition_id"
    )
    const configRows = yield* connection.query(
      "select resource_type, resource_name, name, value from kafka.configs order by 1, 2, 3"
    )
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
    return {
      clusterId: cluster![0]!,
      epoch: Number(cluster![1]),
      nextProducerId: BigInt(cluster![2]!),
      nextPartitionId: Number(cluster![3]),
      topics,
      configs: configRows.map(([resourceType, resourceName, name, value]): StoredConfig => ({
        resourceType: Number(resourceType),
        resourceName: unescapeText(resourceName!),
        name: unescapeText(name!),
        value: unescapeText(value!)
      })),
      orphans
    }
  })
