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
  recordChunks,
  string,
  struct,
  uuid,
  type Value
} from "../codec/Declare.ts"

export const ShareFetchRequestAcknowledgementBatch = struct("AcknowledgementBatch", {
  firstOffset: field(int64),
  lastOffset: field(int64),
  acknowledgeTypes: field(array(int8))
})
export interface ShareFetchRequestAcknowledgementBatch extends Value<typeof ShareFetchRequestAcknowledgementBatch> {}

export const ShareFetchRequestFetchPartition = struct("FetchPartition", {
  partitionIndex: field(int32),
  partitionMaxBytes: field(int32, "0"),
  acknowledgementBatches: field(array(ShareFetchRequestAcknowledgementBatch))
})
export interface ShareFetchRequestFetchPartition extends Value<typeof ShareFetchRequestFetchPartition> {}

export const ShareFetchRequestFetchTopic = struct("FetchTopic", {
  topicId: field(uuid),
  partitions: field(array(ShareFetchRequestFetchPartition))
})
export interface ShareFetchRequestFetchTopic extends Value<typeof ShareFetchRequestFetchTopic> {}

export const ShareFetchRequestForgottenTopic = struct("ForgottenTopic", {
  topicId: field(uuid),
  partitions: field(array(int32))
})
export interface ShareFetchRequestForgottenTopic extends Value<typeof ShareFetchRequestForgottenTopic> {}

export const ShareFetchRequest = struct("ShareFetchRequest", {
  groupId: nullable(string, "0+", "0+", { default: null }),
  memberId: nullable(string),
  shareSessionEpoch: field(int32),
  maxWaitMs: field(int32),
  minBytes: field(int32),
  maxBytes: field(int32, "0+", { default: 2147483647 }),
  maxRecords: field(int32, "1+"),
  batchSize: field(int32, "1+"),
  shareAcquireMode: field(int8, "2+", { ignorable: true }),
  isRenewAck: field(bool, "2+"),
  topics: field(array(ShareFetchRequestFetchTopic)),
  forgottenTopicsData: field(array(ShareFetchRequestForgottenTopic))
})
export interface ShareFetchRequest extends Value<typeof ShareFetchRequest> {}

export const ShareFetchResponseLeaderIdAndEpoch = struct("LeaderIdAndEpoch", {
  leaderId: field(int32),
  leaderEpoch: field(int32)
})
export interface ShareFetchResponseLeaderIdAndEpoch extends Value<typeof ShareFetchResponseLeaderIdAndEpoch> {}

export const AcquiredRecords = struct("AcquiredRecords", {
  firstOffset: field(int64),
  lastOffset: field(int64),
  deliveryCount: field(int16)
})
export interface AcquiredRecords extends Value<typeof AcquiredRecords> {}

export const ShareFetchResponsePartitionData = struct("PartitionData", {
  partitionIndex: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  acknowledgeErrorCode: field(int16),
  acknowledgeErrorMessage: nullable(string, "0+", "0+", { default: null }),
  currentLeader: field(ShareFetchResponseLeaderIdAndEpoch),
  records: nullable(recordChunks, "0+", "0"),
  acquiredRecords: field(array(AcquiredRecords))
})
export interface ShareFetchResponsePartitionData extends Value<typeof ShareFetchResponsePartitionData> {}

export const ShareFetchableTopicResponse = struct("ShareFetchableTopicResponse", {
  topicId: field(uuid),
  partitions: field(array(ShareFetchResponsePartitionData))
})
export interface ShareFetchableTopicResponse extends Value<typeof ShareFetchableTopicResponse> {}

export const ShareFetchResponseNodeEndpoint = struct("NodeEndpoint", {
  nodeId: field(int32),
  host: field(string),
  port: field(int32),
  rack: nullable(string, "0+", "0+", { default: null })
})
export interface ShareFetchResponseNodeEndpoint extends Value<typeof ShareFetchResponseNodeEndpoint> {}

export const ShareFetchResponse = struct("ShareFetchResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  acquisitionLockTimeoutMs: field(int32, "1+"),
  responses: field(array(ShareFetchableTopicResponse)),
  nodeEndpoints: field(array(ShareFetchResponseNodeEndpoint))
})
export interface ShareFetchResponse extends Value<typeof ShareFetchResponse> {}

/**
 * Acquires records for a share group and acknowledges others (KIP-932).
 *
 * Version 0 was a preview; 1 brought limits by record count and batch size, 2 renewing of acquisition (KIP-1222) and the
 * acquisition mode (KIP-1206).
 */
export const ShareFetch: Api<ShareFetchRequest, ShareFetchResponse> = api({
  name: "ShareFetch",
  key: 78,
  versions: "0-2",
  flexible: "0+",
  advertised: [1, 2],
  request: ShareFetchRequest,
  response: ShareFetchResponse
})
