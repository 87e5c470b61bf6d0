import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const DeleteTopicState = struct("DeleteTopicState", {
  name: nullable(string, "6+", "6+", { default: null }),
  topicId: field(uuid, "6+")
})
export interface DeleteTopicState extends Value<typeof DeleteTopicState> {}

export const DeleteTopicsRequest = struct("DeleteTopicsRequest", {
  topics: field(array(DeleteTopicState), "6+"),
  topicNames: field(array(string), "0-5", { ignorable: true }),
  timeoutMs: field(int32)
})
export interface DeleteTopicsRequest extends Value<typeof DeleteTopicsRequest> {}

export const DeletableTopicResult = struct("DeletableTopicResult", {
  name: nullable(string, "0+", "6+"),
  topicId: field(uuid, "6+", { ignorable: true }),
  errorCode: field(int16),
  errorMessage: nullable(string, "5+", "5+", { default: null, ignorable: true })
})
export interface DeletableTopicResult extends Value<typeof DeletableTopicResult> {}

export const DeleteTopicsResponse = struct("DeleteTopicsResponse", {
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  responses: field(array(DeletableTopicResult))
})
export interface DeleteTopicsResponse extends Value<typeof DeleteTopicsResponse> {}

/**
 * Deletes topics.
 *
 * Version 4 is flexible, 5 has messages (KIP-599), 6 topic ids (KIP-516). Version 0 ended with Kafka 4.
 */
export const DeleteTopics: Api<DeleteTopicsRequest, DeleteTopicsResponse> = api({
  name: "DeleteTopics",
  key: 20,
  versions: "0-6",
  flexible: "4+",
  advertised: [1, 6],
  request: DeleteTopicsRequest,
  response: DeleteTopicsResponse
})
