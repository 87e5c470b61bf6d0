import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int8, nullable, string, struct, uuid, type Value } from "../codec/Declare.ts"

export const CreatableReplicaAssignment = struct("CreatableReplicaAssignment", {
  partitionIndex: field(int32),
  brokerIds: field(array(int32))
})
export interface CreatableReplicaAssignment extends Value<typeof CreatableReplicaAssignment> {}

export const CreatableTopicConfig = struct("CreatableTopicConfig", {
  name: field(string),
  value: nullable(string)
})
export interface CreatableTopicConfig extends Value<typeof CreatableTopicConfig> {}

export const CreatableTopic = struct("CreatableTopic", {
  name: field(string),
  numPartitions: field(int32),
  replicationFactor: field(int16),
  assignments: field(array(CreatableReplicaAssignment)),
  configs: field(array(CreatableTopicConfig))
})
export interface CreatableTopic extends Value<typeof CreatableTopic> {}

export const CreateTopicsRequest = struct("CreateTopicsRequest", {
  topics: field(array(CreatableTopic)),
  timeoutMs: field(int32, "0+", { default: 60000 }),
  validateOnly: field(bool, "1+")
})
export interface CreateTopicsRequest extends Value<typeof CreateTopicsRequest> {}

export const CreatableTopicConfigs = struct("CreatableTopicConfigs", {
  name: field(string, "5+"),
  value: nullable(string, "5+"),
  readOnly: field(bool, "5+"),
  configSource: field(int8, "5+", { default: -1, ignorable: true }),
  isSensitive: field(bool, "5+")
})
export interface CreatableTopicConfigs extends Value<typeof CreatableTopicConfigs> {}

export const CreatableTopicResult = struct("CreatableTopicResult", {
  name: field(string),
  topicId: field(uuid, "7+", { ignorable: true }),
  errorCode: field(int16),
  errorMessage: nullable(string, "1+", "1+", { ignorable: true }),
  topicConfigErrorCode: field(int16, "5+", { tag: 0, ignorable: true }),
  numPartitions: field(int32, "5+", { default: -1, ignorable: true }),
  replicationFactor: field(int16, "5+", { default: -1, ignorable: true }),
  configs: nullable(array(CreatableTopicConfigs), "5+", "5+", { ignorable: true })
})
export interface CreatableTopicResult extends Value<typeof CreatableTopicResult> {}

export const CreateTopicsResponse = struct("CreateTopicsResponse", {
  throttleTimeMs: field(int32, "2+", { ignorable: true }),
  topics: field(array(CreatableTopicResult))
})
export interface CreateTopicsResponse extends Value<typeof CreateTopicsResponse> {}

/**
 * Creates topics.
 *
 * Version 1 brought validation without effect and messages, 4 defaults for partitions and replicas (KIP-464), 5 the
 * resulting configuration (KIP-525) and the flexible encoding, 6 the quota's error (KIP-599), 7 topic ids (KIP-516).
 * Versions 0 and 1 ended with Kafka 4.
 */
export const CreateTopics: Api<CreateTopicsRequest, CreateTopicsResponse> = api({
  name: "CreateTopics",
  key: 19,
  versions: "0-7",
  flexible: "5+",
  advertised: [2, 7],
  request: CreateTopicsRequest,
  response: CreateTopicsResponse
})
