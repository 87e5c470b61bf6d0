import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, string, struct, type Value } from "../codec/Declare.ts"

export const DeleteRecordsPartition = struct("DeleteRecordsPartition", {
  partitionIndex: field(int32),
  offset: field(int64)
})
export interface DeleteRecordsPartition extends Value<typeof DeleteRecordsPartition> {}

export const DeleteRecordsTopic = struct("DeleteRecordsTopic", {
  name: field(string),
  partitions: field(array(DeleteRecordsPartition))
})
export interface DeleteRecordsTopic extends Value<typeof DeleteRecordsTopic> {}

export const DeleteRecordsRequest = struct("DeleteRecordsRequest", {
  topics: field(array(DeleteRecordsTopic)),
  timeoutMs: field(int32)
})
export interface DeleteRecordsRequest extends Value<typeof DeleteRecordsRequest> {}

export const DeleteRecordsPartitionResult = struct("DeleteRecordsPartitionResult", {
  partitionIndex: field(int32),
  lowWatermark: field(int64),
  errorCode: field(int16)
})
export interface DeleteRecordsPartitionResult extends Value<typeof DeleteRecordsPartitionResult> {}

export const DeleteRecordsTopicResult = struct("DeleteRecordsTopicResult", {
  name: field(string),
  partitions: field(array(DeleteRecordsPartitionResult))
})
export interface DeleteRecordsTopicResult extends Value<typeof DeleteRecordsTopicResult> {}

export const DeleteRecordsResponse = struct("DeleteRecordsResponse", {
  throttleTimeMs: field(int32),
  topics: field(array(DeleteRecordsTopicResult))
})
export interface DeleteRecordsResponse extends Value<typeof DeleteRecordsResponse> {}

/**
 * Moves the start of partitions forward (KIP-107).
 *
 * Version 2 is flexible.
 */
export const DeleteRecords: Api<DeleteRecordsRequest, DeleteRecordsResponse> = api({
  name: "DeleteRecords",
  key: 21,
  versions: "0-2",
  flexible: "2+",
  advertised: [0, 2],
  request: DeleteRecordsRequest,
  response: DeleteRecordsResponse
})
