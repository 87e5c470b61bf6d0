import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const ListPartitionReassignmentsTopics = struct("ListPartitionReassignmentsTopics", {
  name: field(string),
  partitionIndexes: field(array(int32))
})
export interface ListPartitionReassignmentsTopics extends Value<typeof ListPartitionReassignmentsTopics> {}

export const ListPartitionReassignmentsRequest = struct("ListPartitionReassignmentsRequest", {
  timeoutMs: field(int32, "0+", { default: 60000 }),
  topics: nullable(array(ListPartitionReassignmentsTopics), "0+", "0+", { default: null })
})
export interface ListPartitionReassignmentsRequest extends Value<typeof ListPartitionReassignmentsRequest> {}

export const OngoingPartitionReassignment = struct("OngoingPartitionReassignment", {
  partitionIndex: field(int32),
  replicas: field(array(int32)),
  addingReplicas: field(array(int32)),
  removingReplicas: field(array(int32))
})
export interface OngoingPartitionReassignment extends Value<typeof OngoingPartitionReassignment> {}

export const OngoingTopicReassignment = struct("OngoingTopicReassignment", {
  name: field(string),
  partitions: field(array(OngoingPartitionReassignment))
})
export interface OngoingTopicReassignment extends Value<typeof OngoingTopicReassignment> {}

export const ListPartitionReassignmentsResponse = struct("ListPartitionReassignmentsResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string),
  topics: field(array(OngoingTopicReassignment))
})
export interface ListPartitionReassignmentsResponse extends Value<typeof ListPartitionReassignmentsResponse> {}

/**
 * Moves of partitions under way (KIP-455).
 */
export const ListPartitionReassignments: Api<ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse> =
  api({
    name: "ListPartitionReassignments",
    key: 46,
    versions: "0",
    flexible: "0+",
    advertised: [0, 0],
    request: ListPartitionReassignmentsRequest,
    response: ListPartitionReassignmentsResponse
  })
