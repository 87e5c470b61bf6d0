import { type Api, api } from "../codec/Api.ts"
import {
  array,
  bool,
  field,
  int16,
  int32,
  int64,
  int8,
  nullable,
  string,
  struct,
  uint16,
  type Value
} from "../codec/Declare.ts"

export const StreamsGroupHeartbeatRequestKeyValue = struct("KeyValue", {
  key: field(string),
  value: field(string)
})
export interface StreamsGroupHeartbeatRequestKeyValue extends Value<typeof StreamsGroupHeartbeatRequestKeyValue> {}

export const StreamsGroupHeartbeatRequestTopicInfo = struct("TopicInfo", {
  name: field(string),
  partitions: field(int32),
  replicationFactor: field(int16),
  topicConfigs: field(array(StreamsGroupHeartbeatRequestKeyValue))
})
export interface StreamsGroupHeartbeatRequestTopicInfo extends Value<typeof StreamsGroupHeartbeatRequestTopicInfo> {}

export const CopartitionGroup = struct("CopartitionGroup", {
  sourceTopics: field(array(int16)),
  sourceTopicRegex: field(array(int16)),
  repartitionSourceTopics: field(array(int16))
})
export interface CopartitionGroup extends Value<typeof CopartitionGroup> {}

export const StreamsGroupHeartbeatRequestSubtopology = struct("Subtopology", {
  subtopologyId: field(string),
  sourceTopics: field(array(string)),
  sourceTopicRegex: field(array(string)),
  stateChangelogTopics: field(array(StreamsGroupHeartbeatRequestTopicInfo)),
  repartitionSinkTopics: field(array(string)),
  repartitionSourceTopics: field(array(StreamsGroupHeartbeatRequestTopicInfo)),
  copartitionGroups: field(array(CopartitionGroup))
})
export interface StreamsGroupHeartbeatRequestSubtopology extends Value<
  typeof StreamsGroupHeartbeatRequestSubtopology
> {}

export const StreamsGroupHeartbeatRequestTopology = struct("Topology", {
  epoch: field(int32),
  subtopologies: field(array(StreamsGroupHeartbeatRequestSubtopology))
})
export interface StreamsGroupHeartbeatRequestTopology extends Value<typeof StreamsGroupHeartbeatRequestTopology> {}

export const StreamsGroupHeartbeatRequestTaskIds = struct("TaskIds", {
  subtopologyId: field(string),
  partitions: field(array(int32))
})
export interface StreamsGroupHeartbeatRequestTaskIds extends Value<typeof StreamsGroupHeartbeatRequestTaskIds> {}

export const StreamsGroupHeartbeatRequestEndpoint = struct("Endpoint", {
  host: field(string),
  port: field(uint16)
})
export interface StreamsGroupHeartbeatRequestEndpoint extends Value<typeof StreamsGroupHeartbeatRequestEndpoint> {}

export const StreamsGroupHeartbeatRequestTaskOffset = struct("TaskOffset", {
  subtopologyId: field(string),
  partition: field(int32),
  offset: field(int64)
})
export interface StreamsGroupHeartbeatRequestTaskOffset extends Value<typeof StreamsGroupHeartbeatRequestTaskOffset> {}

export const StreamsGroupHeartbeatRequest = struct("StreamsGroupHeartbeatRequest", {
  groupId: field(string),
  memberId: field(string),
  memberEpoch: field(int32),
  endpointInformationEpoch: field(int32),
  instanceId: nullable(string, "0+", "0+", { default: null }),
  rackId: nullable(string, "0+", "0+", { default: null }),
  rebalanceTimeoutMs: field(int32, "0+", { default: -1 }),
  topology: nullable(StreamsGroupHeartbeatRequestTopology, "0+", "0+", { default: null }),
  activeTasks: nullable(array(StreamsGroupHeartbeatRequestTaskIds), "0+", "0+", { default: null }),
  standbyTasks: nullable(array(StreamsGroupHeartbeatRequestTaskIds), "0+", "0+", { default: null }),
  warmupTasks: nullable(array(StreamsGroupHeartbeatRequestTaskIds), "0+", "0+", { default: null }),
  processId: nullable(string, "0+", "0+", { default: null }),
  userEndpoint: nullable(StreamsGroupHeartbeatRequestEndpoint, "0+", "0+", { default: null }),
  clientTags: nullable(array(StreamsGroupHeartbeatRequestKeyValue), "0+", "0+", { default: null }),
  taskOffsets: nullable(array(StreamsGroupHeartbeatRequestTaskOffset), "0+", "0+", { default: null }),
  taskEndOffsets: nullable(array(StreamsGroupHeartbeatRequestTaskOffset), "0+", "0+", { default: null }),
  shutdownApplication: field(bool)
})
export interface StreamsGroupHeartbeatRequest extends Value<typeof StreamsGroupHeartbeatRequest> {}

export const Status = struct("Status", {
  statusCode: field(int8),
  statusDetail: field(string)
})
export interface Status extends Value<typeof Status> {}

export const StreamsGroupHeartbeatResponseTaskIds = struct("TaskIds", {
  subtopologyId: field(string),
  partitions: field(array(int32))
})
export interface StreamsGroupHeartbeatResponseTaskIds extends Value<typeof StreamsGroupHeartbeatResponseTaskIds> {}

export const StreamsGroupHeartbeatResponseEndpoint = struct("Endpoint", {
  host: field(string),
  port: field(uint16)
})
export interface StreamsGroupHeartbeatResponseEndpoint extends Value<typeof StreamsGroupHeartbeatResponseEndpoint> {}

export const TopicPartition = struct("TopicPartition", {
  topic: field(string),
  partitions: field(array(int32))
})
export interface TopicPartition extends Value<typeof TopicPartition> {}

export const EndpointToPartitions = struct("EndpointToPartitions", {
  userEndpoint: field(StreamsGroupHeartbeatResponseEndpoint),
  activePartitions: field(array(TopicPartition)),
  standbyPartitions: field(array(TopicPartition))
})
export interface EndpointToPartitions extends Value<typeof EndpointToPartitions> {}

export const StreamsGroupHeartbeatResponse = struct("StreamsGroupHeartbeatResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  memberId: field(string),
  memberEpoch: field(int32),
  heartbeatIntervalMs: field(int32),
  acceptableRecoveryLag: field(int32),
  taskOffsetIntervalMs: field(int32),
  status: nullable(array(Status)),
  activeTasks: nullable(array(StreamsGroupHeartbeatResponseTaskIds), "0+", "0+", { default: null }),
  standbyTasks: nullable(array(StreamsGroupHeartbeatResponseTaskIds), "0+", "0+", { default: null }),
  warmupTasks: nullable(array(StreamsGroupHeartbeatResponseTaskIds), "0+", "0+", { default: null }),
  endpointInformationEpoch: field(int32),
  partitionsByUserEndpoint: nullable(array(EndpointToPartitions), "0+", "0+", { default: null })
})
export interface StreamsGroupHeartbeatResponse extends Value<typeof StreamsGroupHeartbeatResponse> {}

/**
 * Membership of a streams group (KIP-1071).
 */
export const StreamsGroupHeartbeat: Api<StreamsGroupHeartbeatRequest, StreamsGroupHeartbeatResponse> = api({
  name: "StreamsGroupHeartbeat",
  key: 88,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: StreamsGroupHeartbeatRequest,
  response: StreamsGroupHeartbeatResponse
})
