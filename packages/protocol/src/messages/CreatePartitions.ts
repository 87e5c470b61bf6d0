import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const CreatePartitionsAssignment = struct("CreatePartitionsAssignment", {
  brokerIds: field(array(int32))
})
export interface CreatePartitionsAssignment extends Value<typeof CreatePartitionsAssignment> {}

export const CreatePartitionsTopic = struct("CreatePartitionsTopic", {
  name: field(string),
  count: field(int32),
  assignments: nullable(array(CreatePartitionsAssignment))
})
export interface CreatePartitionsTopic extends Value<typeof CreatePartitionsTopic> {}

export const CreatePartitionsRequest = struct("CreatePartitionsRequest", {
  topics: field(array(CreatePartitionsTopic)),
  timeoutMs: field(int32),
  validateOnly: field(bool)
})
export interface CreatePartitionsRequest extends Value<typeof CreatePartitionsRequest> {}

export const CreatePartitionsTopicResult = struct("CreatePartitionsTopicResult", {
  name: field(string),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null })
})
export interface CreatePartitionsTopicResult extends Value<typeof CreatePartitionsTopicResult> {}

export const CreatePartitionsResponse = struct("CreatePartitionsResponse", {
  throttleTimeMs: field(int32),
  results: field(array(CreatePartitionsTopicResult))
})
export interface CreatePartitionsResponse extends Value<typeof CreatePartitionsResponse> {}

/**
 * Adds partitions to topics (KIP-195).
 *
 * Version 2 is flexible, 3 has the quota's error (KIP-599).
 */
export const CreatePartitions: Api<CreatePartitionsRequest, CreatePartitionsResponse> = api({
  name: "CreatePartitions",
  key: 37,
  versions: "0-3",
  flexible: "2+",
  advertised: [0, 3],
  request: CreatePartitionsRequest,
  response: CreatePartitionsResponse
})
