import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const DeleteShareGroupOffsetsRequestTopic = struct("DeleteShareGroupOffsetsRequestTopic", {
  topicName: field(string)
})
export interface DeleteShareGroupOffsetsRequestTopic extends Value<typeof DeleteShareGroupOffsetsRequestTopic> {}

export const DeleteShareGroupOffsetsRequest = struct("DeleteShareGroupOffsetsRequest", {
  groupId: field(string),
  topics: field(array(DeleteShareGroupOffsetsRequestTopic))
})
export interface DeleteShareGroupOffsetsRequest extends Value<typeof DeleteShareGroupOffsetsRequest> {}

export const DeleteShareGroupOffsetsResponseTopic = struct("DeleteShareGroupOffsetsResponseTopic", {
  topicName: field(string),
  topicId: field(uuid),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null })
})
export interface DeleteShareGroupOffsetsResponseTopic extends Value<typeof DeleteShareGroupOffsetsResponseTopic> {}

export const DeleteShareGroupOffsetsResponse = struct("DeleteShareGroupOffsetsResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  responses: field(array(DeleteShareGroupOffsetsResponseTopic))
})
export interface DeleteShareGroupOffsetsResponse extends Value<typeof DeleteShareGroupOffsetsResponse> {}

/**
 * Deletes a share group's start offsets (KIP-932).
 */
export const DeleteShareGroupOffsets: Api<DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse> = api({
  name: "DeleteShareGroupOffsets",
  key: 92,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: DeleteShareGroupOffsetsRequest,
  response: DeleteShareGroupOffsetsResponse
})
