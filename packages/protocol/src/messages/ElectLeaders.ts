import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const ElectLeadersRequestTopicPartitions = struct("TopicPartitions", {
  topic: field(string),
  partitions: field(array(int32))
})
export interface ElectLeadersRequestTopicPartitions extends Value<typeof ElectLeadersRequestTopicPartitions> {}

export const ElectLeadersRequest = struct("ElectLeadersRequest", {
  electionType: field(int8, "1+"),
  topicPartitions: nullable(array(ElectLeadersRequestTopicPartitions)),
  timeoutMs: field(int32, "0+", { default: 60000 })
})
export interface ElectLeadersRequest extends Value<typeof ElectLeadersRequest> {}

export const PartitionResult = struct("PartitionResult", {
  partitionId: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string)
})
export interface PartitionResult extends Value<typeof PartitionResult> {}

export const ReplicaElectionResult = struct("ReplicaElectionResult", {
  topic: field(string),
  partitionResult: field(array(PartitionResult))
})
export interface ReplicaElectionResult extends Value<typeof ReplicaElectionResult> {}

export const ElectLeadersResponse = struct("ElectLeadersResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16, "1+"),
  replicaElectionResults: field(array(ReplicaElectionResult))
})
export interface ElectLeadersResponse extends Value<typeof ElectLeadersResponse> {}

/**
 * Has partitions choose their leaders again (KIP-183).
 *
 * Version 1 brought unclean elections (KIP-460), 2 the flexible encoding.
 */
export const ElectLeaders: Api<ElectLeadersRequest, ElectLeadersResponse> = api({
  name: "ElectLeaders",
  key: 43,
  versions: "0-2",
  flexible: "2+",
  advertised: [0, 2],
  request: ElectLeadersRequest,
  response: ElectLeadersResponse
})
