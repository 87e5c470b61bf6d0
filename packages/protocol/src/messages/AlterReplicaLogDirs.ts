import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, string, struct, type Value } from "../codec/Declare.ts"

export const AlterReplicaLogDirTopic = struct("AlterReplicaLogDirTopic", {
  name: field(string),
  partitions: field(array(int32))
})
export interface AlterReplicaLogDirTopic extends Value<typeof AlterReplicaLogDirTopic> {}

export const AlterReplicaLogDir = struct("AlterReplicaLogDir", {
  path: field(string),
  topics: field(array(AlterReplicaLogDirTopic))
})
export interface AlterReplicaLogDir extends Value<typeof AlterReplicaLogDir> {}

export const AlterReplicaLogDirsRequest = struct("AlterReplicaLogDirsRequest", {
  dirs: field(array(AlterReplicaLogDir))
})
export interface AlterReplicaLogDirsRequest extends Value<typeof AlterReplicaLogDirsRequest> {}

export const AlterReplicaLogDirPartitionResult = struct("AlterReplicaLogDirPartitionResult", {
  partitionIndex: field(int32),
  errorCode: field(int16)
})
export interface AlterReplicaLogDirPartitionResult extends Value<typeof AlterReplicaLogDirPartitionResult> {}

export const AlterReplicaLogDirTopicResult = struct("AlterReplicaLogDirTopicResult", {
  topicName: field(string),
  partitions: field(array(AlterReplicaLogDirPartitionResult))
})
export interface AlterReplicaLogDirTopicResult extends Value<typeof AlterReplicaLogDirTopicResult> {}

export const AlterReplicaLogDirsResponse = struct("AlterReplicaLogDirsResponse", {
  throttleTimeMs: field(int32),
  results: field(array(AlterReplicaLogDirTopicResult))
})
export interface AlterReplicaLogDirsResponse extends Value<typeof AlterReplicaLogDirsResponse> {}

/**
 * Moves replicas between a broker's directories (KIP-113).
 *
 * Version 2 is flexible. Version 0 ended with Kafka 4.
 */
export const AlterReplicaLogDirs: Api<AlterReplicaLogDirsRequest, AlterReplicaLogDirsResponse> = api({
  name: "AlterReplicaLogDirs",
  key: 34,
  versions: "0-2",
  flexible: "2+",
  advertised: [1, 2],
  request: AlterReplicaLogDirsRequest,
  response: AlterReplicaLogDirsResponse
})
