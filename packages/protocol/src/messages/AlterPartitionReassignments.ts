import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const ReassignablePartition = struct("ReassignablePartition", {
  partitionIndex: field(int32),
  replicas: nullable(array(int32), "0+", "0+", { default: null })
})
export interface ReassignablePartition extends Value<typeof ReassignablePartition> {}

export const ReassignableTopic = struct("ReassignableTopic", {
  name: field(string),
  partitions: field(array(ReassignablePartition))
})
export interface ReassignableTopic extends Value<typeof ReassignableTopic> {}

export const AlterPartitionReassignmentsRequest = struct("AlterPartitionReassignmentsRequest", {
  timeoutMs: field(int32, "0+", { default: 60000 }),
  allowReplicationFactorChange: field(bool, "1+", { default: true }),
  topics: field(array(ReassignableTopic))
})
export interface AlterPartitionReassignmentsRequest extends Value<typeof AlterPartitionReassignmentsRequest> {}

export const ReassignablePartitionResponse = struct("ReassignablePartitionResponse", {
  partitionIndex: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string)
})
export interface ReassignablePartitionResponse extends Value<typeof ReassignablePartitionResponse> {}

export const ReassignableTopicResponse = struct("ReassignableTopicResponse", {
  name: field(string),
  partitions: field(array(ReassignablePartitionResponse))
})
export interface ReassignableTopicResponse extends Value<typeof ReassignableTopicResponse> {}

export const AlterPartitionReassignmentsResponse = struct("AlterPartitionReassignmentsResponse", {
  throttleTimeMs: field(int32),
  allowReplicationFactorChange: field(bool, "1+", { default: true, ignorable: true }),
  errorCode: field(int16),
  errorMessage: nullable(string),
  responses: field(array(ReassignableTopicResponse))
})
export interface AlterPartitionReassignmentsResponse extends Value<typeof AlterPartitionReassignmentsResponse> {}

/**
 * Moves partitions to other brokers (KIP-455).
 *
 * Version 1 lets a caller forbid a change of the replication factor (KIP-860).
 */
export const AlterPartitionReassignments: Api<AlterPartitionReassignmentsRequest, AlterPartitionReassignmentsResponse> =
  api({
    name: "AlterPartitionReassignments",
    key: 45,
    versions: "0-1",
    flexible: "0+",
    advertised: [0, 1],
    request: AlterPartitionReassignmentsRequest,
    response: AlterPartitionReassignmentsResponse
  })
