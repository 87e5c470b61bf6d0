import { type Api, api } from "../codec/Api.ts"
import {
  array,
  bool,
  field,
  int16,
  int32,
  int64,
  nullable,
  string,
  struct,
  uint16,
  type Value
} from "../codec/Declare.ts"

export const StreamsGroupDescribeRequest = struct("StreamsGroupDescribeRequest", {
  groupIds: field(array(string)),
  includeAuthorizedOperations: field(bool)
})
export interface StreamsGroupDescribeRequest extends Value<typeof StreamsGroupDescribeRequest> {}

export const StreamsGroupDescribeResponseKeyValue = struct("KeyValue", {
  key: field(string),
  value: field(string)
})
export interface StreamsGroupDescribeResponseKeyValue extends Value<typeof StreamsGroupDescribeResponseKeyValue> {}

export const StreamsGroupDescribeResponseTopicInfo = struct("TopicInfo", {
  name: field(string),
  partitions: field(int32),
  replicationFactor: field(int16),
  topicConfigs: field(array(StreamsGroupDescribeResponseKeyValue))
})
export interface StreamsGroupDescribeResponseTopicInfo extends Value<typeof StreamsGroupDescribeResponseTopicInfo> {}

export const StreamsGroupDescribeResponseSubtopology = struct("Subtopology", {
  subtopologyId: field(string),
  sourceTopics: field(array(string)),
  repartitionSinkTopics: field(array(string)),
  stateChangelogTopics: field(array(StreamsGroupDescribeResponseTopicInfo)),
  repartitionSourceTopics: field(array(StreamsGroupDescribeResponseTopicInfo))
})
export interface StreamsGroupDescribeResponseSubtopology extends Value<
  typeof StreamsGroupDescribeResponseSubtopology
> {}

export const StreamsGroupDescribeResponseTopology = struct("Topology", {
  epoch: field(int32),
  subtopologies: nullable(array(StreamsGroupDescribeResponseSubtopology), "0+", "0+", { default: null })
})
export interface StreamsGroupDescribeResponseTopology extends Value<typeof StreamsGroupDescribeResponseTopology> {}

export const StreamsGroupDescribeResponseEndpoint = struct("Endpoint", {
  host: field(string),
  port: field(uint16)
})
export interface StreamsGroupDescribeResponseEndpoint extends Value<typeof StreamsGroupDescribeResponseEndpoint> {}

export const StreamsGroupDescribeResponseTaskOffset = struct("TaskOffset", {
  subtopologyId: field(string),
  partition: field(int32),
  offset: field(int64)
})
export interface StreamsGroupDescribeResponseTaskOffset extends Value<typeof StreamsGroupDescribeResponseTaskOffset> {}

export const StreamsGroupDescribeResponseTaskIds = struct("TaskIds", {
  subtopologyId: field(string),
  partitions: field(array(int32))
})
export interface StreamsGroupDescribeResponseTaskIds extends Value<typeof StreamsGroupDescribeResponseTaskIds> {}

export const StreamsGroupDescribeResponseAssignment = struct("Assignment", {
  activeTasks: field(array(StreamsGroupDescribeResponseTaskIds)),
  standbyTasks: field(array(StreamsGroupDescribeResponseTaskIds)),
  warmupTasks: field(array(StreamsGroupDescribeResponseTaskIds))
})
export interface StreamsGroupDescribeResponseAssignment extends Value<typeof StreamsGroupDescribeResponseAssignment> {}

export const StreamsGroupDescribeResponseMember = struct("Member", {
  memberId: field(string),
  memberEpoch: field(int32),
  instanceId: nullable(string, "0+", "0+", { default: null }),
  rackId: nullable(string, "0+", "0+", { default: null }),
  clientId: field(string),
  clientHost: field(string),
  topologyEpoch: field(int32),
  processId: field(string),
  userEndpoint: nullable(StreamsGroupDescribeResponseEndpoint, "0+", "0+", { default: null }),
  clientTags: field(array(StreamsGroupDescribeResponseKeyValue)),
  taskOffsets: field(array(StreamsGroupDescribeResponseTaskOffset)),
  taskEndOffsets: field(array(StreamsGroupDescribeResponseTaskOffset)),
  assignment: field(StreamsGroupDescribeResponseAssignment),
  targetAssignment: field(StreamsGroupDescribeResponseAssignment),
  isClassic: field(bool)
})
export interface StreamsGroupDescribeResponseMember extends Value<typeof StreamsGroupDescribeResponseMember> {}

export const StreamsGroupDescribeResponseDescribedGroup = struct("DescribedGroup", {
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  groupId: field(string),
  groupState: field(string),
  groupEpoch: field(int32),
  assignmentEpoch: field(int32),
  topology: nullable(StreamsGroupDescribeResponseTopology, "0+", "0+", { default: null }),
  members: field(array(StreamsGroupDescribeResponseMember)),
  authorizedOperations: field(int32, "0+", { default: -2147483648 })
})
export interface StreamsGroupDescribeResponseDescribedGroup extends Value<
  typeof StreamsGroupDescribeResponseDescribedGroup
> {}

export const StreamsGroupDescribeResponse = struct("StreamsGroupDescribeResponse", {
  throttleTimeMs: field(int32),
  groups: field(array(StreamsGroupDescribeResponseDescribedGroup))
})
export interface StreamsGroupDescribeResponse extends Value<typeof StreamsGroupDescribeResponse> {}

/**
 * State and members of streams groups (KIP-1071).
 */
export const StreamsGroupDescribe: Api<StreamsGroupDescribeRequest, StreamsGroupDescribeResponse> = api({
  name: "StreamsGroupDescribe",
  key: 89,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: StreamsGroupDescribeRequest,
  response: StreamsGroupDescribeResponse
})
