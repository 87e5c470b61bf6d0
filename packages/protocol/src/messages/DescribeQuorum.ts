import { type Api, api } from "../codec/Api.ts"
import {
  array,
  field,
  int16,
  int32,
  int64,
  nullable,
  string,
  struct,
  uint16,
  uuid,
  type Value
} from "../codec/Declare.ts"

export const DescribeQuorumRequestPartitionData = struct("PartitionData", {
  partitionIndex: field(int32)
})
export interface DescribeQuorumRequestPartitionData extends Value<typeof DescribeQuorumRequestPartitionData> {}

export const DescribeQuorumRequestTopicData = struct("TopicData", {
  topicName: field(string),
  partitions: field(array(DescribeQuorumRequestPartitionData))
})
export interface DescribeQuorumRequestTopicData extends Value<typeof DescribeQuorumRequestTopicData> {}

export const DescribeQuorumRequest = struct("DescribeQuorumRequest", {
  topics: field(array(DescribeQuorumRequestTopicData))
})
export interface DescribeQuorumRequest extends Value<typeof DescribeQuorumRequest> {}

export const DescribeQuorumResponseReplicaState = struct("ReplicaState", {
  replicaId: field(int32),
  replicaDirectoryId: field(uuid, "2+"),
  logEndOffset: field(int64),
  lastFetchTimestamp: field(int64, "1+", { default: -1n, ignorable: true }),
  lastCaughtUpTimestamp: field(int64, "1+", { default: -1n, ignorable: true })
})
export interface DescribeQuorumResponseReplicaState extends Value<typeof DescribeQuorumResponseReplicaState> {}

export const DescribeQuorumResponsePartitionData = struct("PartitionData", {
  partitionIndex: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "2+", "2+", { ignorable: true }),
  leaderId: field(int32),
  leaderEpoch: field(int32),
  highWatermark: field(int64),
  currentVoters: field(array(DescribeQuorumResponseReplicaState)),
  observers: field(array(DescribeQuorumResponseReplicaState))
})
export interface DescribeQuorumResponsePartitionData extends Value<typeof DescribeQuorumResponsePartitionData> {}

export const DescribeQuorumResponseTopicData = struct("TopicData", {
  topicName: field(string),
  partitions: field(array(DescribeQuorumResponsePartitionData))
})
export interface DescribeQuorumResponseTopicData extends Value<typeof DescribeQuorumResponseTopicData> {}

export const DescribeQuorumResponseListener = struct("Listener", {
  name: field(string, "2+"),
  host: field(string, "2+"),
  port: field(uint16, "2+")
})
export interface DescribeQuorumResponseListener extends Value<typeof DescribeQuorumResponseListener> {}

export const Node = struct("Node", {
  nodeId: field(int32, "2+"),
  listeners: field(array(DescribeQuorumResponseListener), "2+")
})
export interface Node extends Value<typeof Node> {}

export const DescribeQuorumResponse = struct("DescribeQuorumResponse", {
  errorCode: field(int16),
  errorMessage: nullable(string, "2+", "2+", { ignorable: true }),
  topics: field(array(DescribeQuorumResponseTopicData)),
  nodes: field(array(Node), "2+")
})
export interface DescribeQuorumResponse extends Value<typeof DescribeQuorumResponse> {}

/**
 * State of the controllers' quorum (KIP-595).
 *
 * Version 1 brought fetch times (KIP-836), 2 directories, messages and listeners (KIP-853).
 */
export const DescribeQuorum: Api<DescribeQuorumRequest, DescribeQuorumResponse> = api({
  name: "DescribeQuorum",
  key: 55,
  versions: "0-2",
  flexible: "0+",
  advertised: [0, 2],
  request: DescribeQuorumRequest,
  response: DescribeQuorumResponse
})
