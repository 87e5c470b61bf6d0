import { type Api, api } from "../codec/Api.ts"
import {
  array,
  field,
  int16,
  int32,
  int64,
  int8,
  nullable,
  recordChunks,
  string,
  struct,
  uuid,
  type Value
} from "../codec/Declare.ts"

export const FetchRequestReplicaState = struct("ReplicaState", {
  replicaId: field(int32, "15+", { default: -1 }),
  replicaEpoch: field(int64, "15+", { default: -1n })
})
export interface FetchRequestReplicaState extends Value<typeof FetchRequestReplicaState> {}

export const FetchPartition = struct("FetchPartition", {
  partition: field(int32),
  currentLeaderEpoch: field(int32, "9+", { default: -1, ignorable: true }),
  fetchOffset: field(int64),
  lastFetchedEpoch: field(int32, "12+", { default: -1 }),
  logStartOffset: field(int64, "5+", { default: -1n, ignorable: true }),
  partitionMaxBytes: field(int32),
  replicaDirectoryId: field(uuid, "17+", { tag: 0, ignorable: true }),
  highWatermark: field(int64, "18+", { tag: 1, default: 9223372036854775807n, ignorable: true })
})
export interface FetchPartition extends Value<typeof FetchPartition> {}

export const FetchTopic = struct("FetchTopic", {
  topic: field(string, "0-12", { ignorable: true }),
  topicId: field(uuid, "13+", { ignorable: true }),
  partitions: field(array(FetchPartition))
})
export interface FetchTopic extends Value<typeof FetchTopic> {}

export const FetchRequestForgottenTopic = struct("ForgottenTopic", {
  topic: field(string, "7-12", { ignorable: true }),
  topicId: field(uuid, "13+", { ignorable: true }),
  partitions: field(array(int32), "7+")
})
export interface FetchRequestForgottenTopic extends Value<typeof FetchRequestForgottenTopic> {}

export const FetchRequest = struct("FetchRequest", {
  clusterId: nullable(string, "12+", "12+", { tag: 0, default: null, ignorable: true }),
  replicaId: field(int32, "0-14", { default: -1 }),
  replicaState: field(FetchRequestReplicaState, "15+", { tag: 1 }),
  maxWaitMs: field(int32),
  minBytes: field(int32),
  maxBytes: field(int32, "3+", { default: 2147483647, ignorable: true }),
  isolationLevel: field(int8, "4+", { ignorable: true }),
  sessionId: field(int32, "7+", { ignorable: true }),
  sessionEpoch: field(int32, "7+", { default: -1, ignorable: true }),
  topics: field(array(FetchTopic)),
  forgottenTopicsData: field(array(FetchRequestForgottenTopic), "7+"),
  rackId: field(string, "11+", { ignorable: true })
})
export interface FetchRequest extends Value<typeof FetchRequest> {}

export const FetchResponseEpochEndOffset = struct("EpochEndOffset", {
  epoch: field(int32, "12+", { default: -1 }),
  endOffset: field(int64, "12+", { default: -1n })
})
export interface FetchResponseEpochEndOffset extends Value<typeof FetchResponseEpochEndOffset> {}

export const FetchResponseLeaderIdAndEpoch = struct("LeaderIdAndEpoch", {
  leaderId: field(int32, "12+", { default: -1 }),
  leaderEpoch: field(int32, "12+", { default: -1 })
})
export interface FetchResponseLeaderIdAndEpoch extends Value<typeof FetchResponseLeaderIdAndEpoch> {}

export const SnapshotId = struct("SnapshotId", {
  endOffset: field(int64, "0+", { default: -1n }),
  epoch: field(int32, "0+", { default: -1 })
})
export interface SnapshotId extends Value<typeof SnapshotId> {}

export const AbortedTransaction = struct("AbortedTransaction", {
  producerId: field(int64, "4+"),
  firstOffset: field(int64, "4+")
})
export interface AbortedTransaction extends Value<typeof AbortedTransaction> {}

export const FetchResponsePartitionData = struct("PartitionData", {
  partitionIndex: field(int32),
  errorCode: field(int16),
  highWatermark: field(int64),
  lastStableOffset: field(int64, "4+", { default: -1n, ignorable: true }),
  logStartOffset: field(int64, "5+", { default: -1n, ignorable: true }),
  divergingEpoch: field(FetchResponseEpochEndOffset, "12+", { tag: 0 }),
  currentLeader: field(FetchResponseLeaderIdAndEpoch, "12+", { tag: 1 }),
  snapshotId: field(SnapshotId, "12+", { tag: 2 }),
  abortedTransactions: nullable(array(AbortedTransaction), "4+", "4+", { ignorable: true }),
  preferredReadReplica: field(int32, "11+", { default: -1 }),
  records: nullable(recordChunks)
})
export interface FetchResponsePartitionData extends Value<typeof FetchResponsePartitionData> {}

export const FetchableTopicResponse = struct("FetchableTopicResponse", {
  topic: field(string, "0-12", { ignorable: true }),
  topicId: field(uuid, "13+", { ignorable: true }),
  partitions: field(array(FetchResponsePartitionData))
})
export interface FetchableTopicResponse extends Value<typeof FetchableTopicResponse> {}

export const FetchResponseNodeEndpoint = struct("NodeEndpoint", {
  nodeId: field(int32, "16+"),
  host: field(string, "16+"),
  port: field(int32, "16+"),
  rack: nullable(string, "16+", "16+", { default: null })
})
export interface FetchResponseNodeEndpoint extends Value<typeof FetchResponseNodeEndpoint> {}

export const FetchResponse = struct("FetchResponse", {
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  errorCode: field(int16, "7+", { ignorable: true }),
  sessionId: field(int32, "7+"),
  responses: field(array(FetchableTopicResponse)),
  nodeEndpoints: field(array(FetchResponseNodeEndpoint), "16+", { tag: 0 })
})
export interface FetchResponse extends Value<typeof FetchResponse> {}

/**
 * Reads record batches from partitions, waiting for enough of them.
 *
 * Version 3 brought a limit for the whole answer (KIP-74), 4 the isolation level (KIP-98), 5 the log start offset, 7 fetch
 * sessions (KIP-227), 9 leader epochs (KIP-320), 11 reading from followers (KIP-392), 12 the flexible encoding, 13 topic
 * ids (KIP-516), 15 the replica's state as a tagged field (KIP-903), 16 new leaders' endpoints (KIP-951), 17 the replica's
 * directory (KIP-853), 18 the follower's high watermark (KIP-1166). Versions 0 to 3 ended with Kafka 4.
 */
export const Fetch: Api<FetchRequest, FetchResponse> = api({
  name: "Fetch",
  key: 1,
  versions: "0-18",
  flexible: "12+",
  advertised: [4, 18],
  request: FetchRequest,
  response: FetchResponse
})
