import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const MetadataRequestTopic = struct("MetadataRequestTopic", {
  topicId: field(uuid, "10+", { ignorable: true }),
  name: nullable(string, "0+", "10+")
})
export interface MetadataRequestTopic extends Value<typeof MetadataRequestTopic> {}

export const MetadataRequest = struct("MetadataRequest", {
  topics: nullable(array(MetadataRequestTopic), "0+", "1+"),
  allowAutoTopicCreation: field(bool, "4+", { default: true }),
  includeClusterAuthorizedOperations: field(bool, "8-10"),
  includeTopicAuthorizedOperations: field(bool, "8+")
})
export interface MetadataRequest extends Value<typeof MetadataRequest> {}

export const MetadataResponseBroker = struct("MetadataResponseBroker", {
  nodeId: field(int32),
  host: field(string),
  port: field(int32),
  rack: nullable(string, "1+", "1+", { default: null, ignorable: true })
})
export interface MetadataResponseBroker extends Value<typeof MetadataResponseBroker> {}

export const MetadataResponsePartition = struct("MetadataResponsePartition", {
  errorCode: field(int16),
  partitionIndex: field(int32),
  leaderId: field(int32),
  leaderEpoch: field(int32, "7+", { default: -1, ignorable: true }),
  replicaNodes: field(array(int32)),
  isrNodes: field(array(int32)),
  offlineReplicas: field(array(int32), "5+", { ignorable: true })
})
export interface MetadataResponsePartition extends Value<typeof MetadataResponsePartition> {}

export const MetadataResponseTopic = struct("MetadataResponseTopic", {
  errorCode: field(int16),
  name: nullable(string, "0+", "12+"),
  topicId: field(uuid, "10+", { ignorable: true }),
  isInternal: field(bool, "1+", { ignorable: true }),
  partitions: field(array(MetadataResponsePartition)),
  topicAuthorizedOperations: field(int32, "8+", { default: -2147483648 })
})
export interface MetadataResponseTopic extends Value<typeof MetadataResponseTopic> {}

export const MetadataResponse = struct("MetadataResponse", {
  throttleTimeMs: field(int32, "3+", { ignorable: true }),
  brokers: field(array(MetadataResponseBroker)),
  clusterId: nullable(string, "2+", "2+", { default: null, ignorable: true }),
  controllerId: field(int32, "1+", { default: -1, ignorable: true }),
  topics: field(array(MetadataResponseTopic)),
  clusterAuthorizedOperations: field(int32, "8-10", { default: -2147483648 }),
  errorCode: field(int16, "13+", { ignorable: true })
})
export interface MetadataResponse extends Value<typeof MetadataResponse> {}

/**
 * Brokers, topics and the leaders of partitions.
 *
 * Version 1 brought racks and the controller, 2 the cluster id (KIP-78), 4 the choice of auto-creation, 7 leader epochs
 * (KIP-320), 8 authorized operations (KIP-430, the cluster's until 10), 9 the flexible encoding, 10 topic ids (KIP-516), 12
 * asking by id alone, 13 an error for the whole answer (KIP-1102).
 */
export const Metadata: Api<MetadataRequest, MetadataResponse> = api({
  name: "Metadata",
  key: 3,
  versions: "0-13",
  flexible: "9+",
  advertised: [0, 13],
  request: MetadataRequest,
  response: MetadataResponse
})
