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
  uuid,
  type Value
} from "../codec/Declare.ts"

export const ShareAcknowledgeRequestAcknowledgementBatch = struct("AcknowledgementBatch", {
  firstOffset: field(int64),
  lastOffset: field(int64),
  acknowledgeTypes: field(array(int8))
})
export interface ShareAcknowledgeRequestAcknowledgementBatch extends Value<
  typeof ShareAcknowledgeRequestAcknowledgementBatch
> {}

export const AcknowledgePartition = struct("AcknowledgePartition", {
  partitionIndex: field(int32),
  acknowledgementBatches: field(array(ShareAcknowledgeRequestAcknowledgementBatch))
})
export interface AcknowledgePartition extends Value<typeof AcknowledgePartition> {}

export const AcknowledgeTopic = struct("AcknowledgeTopic", {
  topicId: field(uuid),
  partitions: field(array(AcknowledgePartition))
})
export interface AcknowledgeTopic extends Value<typeof AcknowledgeTopic> {}

export const ShareAcknowledgeRequest = struct("ShareAcknowledgeRequest", {
  groupId: nullable(string, "0+", "0+", { default: null }),
  memberId: nullable(string),
  shareSessionEpoch: field(int32),
  isRenewAck: field(bool, "2+"),
  topics: field(array(AcknowledgeTopic))
})
export interface ShareAcknowledgeRequest extends Value<typeof ShareAcknowledgeRequest> {}

export const ShareAcknowledgeResponseLeaderIdAndEpoch = struct("LeaderIdAndEpoch", {
  leaderId: field(int32),
  leaderEpoch: field(int32)
})
export interface ShareAcknowledgeResponseLeaderIdAndEpoch extends Value<
  typeof ShareAcknowledgeResponseLeaderIdAndEpoch
> {}

export const ShareAcknowledgeResponsePartitionData = struct("PartitionData", {
  partitionIndex: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  currentLeader: field(ShareAcknowledgeResponseLeaderIdAndEpoch)
})
export interface ShareAcknowledgeResponsePartitionData extends Value<typeof ShareAcknowledgeResponsePartitionData> {}

export const ShareAcknowledgeTopicResponse = struct("ShareAcknowledgeTopicResponse", {
  topicId: field(uuid),
  partitions: field(array(ShareAcknowledgeResponsePartitionData))
})
export interface ShareAcknowledgeTopicResponse extends Value<typeof ShareAcknowledgeTopicResponse> {}

export const ShareAcknowledgeResponseNodeEndpoint = struct("NodeEndpoint", {
  nodeId: field(int32),
  host: field(string),
  port: field(int32),
  rack: nullable(string, "0+", "0+", { default: null })
})
export interface ShareAcknowledgeResponseNodeEndpoint extends Value<typeof ShareAcknowledgeResponseNodeEndpoint> {}

export const ShareAcknowledgeResponse = struct("ShareAcknowledgeResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  acquisitionLockTimeoutMs: field(int32, "2+", { ignorable: true }),
  responses: field(array(ShareAcknowledgeTopicResponse)),
  nodeEndpoints: field(array(ShareAcknowledgeResponseNodeEndpoint))
})
export interface ShareAcknowledgeResponse extends Value<typeof ShareAcknowledgeResponse> {}

/**
 * Acknowledges records of a share group (KIP-932).
 *
 * Version 0 was a preview; 2 brought renewing of acquisition (KIP-1222).
 */
export const ShareAcknowledge: Api<ShareAcknowledgeRequest, ShareAcknowledgeResponse> = api({
  name: "ShareAcknowledge",
  key: 79,
  versions: "0-2",
  flexible: "0+",
  advertised: [1, 2],
  request: ShareAcknowledgeRequest,
  response: ShareAcknowledgeResponse
})
