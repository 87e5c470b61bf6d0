import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const TxnOffsetCommitRequestPartition = struct("TxnOffsetCommitRequestPartition", {
  partitionIndex: field(int32),
  committedOffset: field(int64),
  committedLeaderEpoch: field(int32, "2+", { default: -1, ignorable: true }),
  committedMetadata: nullable(string)
})
export interface TxnOffsetCommitRequestPartition extends Value<typeof TxnOffsetCommitRequestPartition> {}

export const TxnOffsetCommitRequestTopic = struct("TxnOffsetCommitRequestTopic", {
  name: field(string),
  partitions: field(array(TxnOffsetCommitRequestPartition))
})
export interface TxnOffsetCommitRequestTopic extends Value<typeof TxnOffsetCommitRequestTopic> {}

export const TxnOffsetCommitRequest = struct("TxnOffsetCommitRequest", {
  transactionalId: field(string),
  groupId: field(string),
  producerId: field(int64),
  producerEpoch: field(int16),
  generationId: field(int32, "3+", { default: -1 }),
  memberId: field(string, "3+"),
  groupInstanceId: nullable(string, "3+", "3+", { default: null }),
  topics: field(array(TxnOffsetCommitRequestTopic))
})
export interface TxnOffsetCommitRequest extends Value<typeof TxnOffsetCommitRequest> {}

export const TxnOffsetCommitResponsePartition = struct("TxnOffsetCommitResponsePartition", {
  partitionIndex: field(int32),
  errorCode: field(int16)
})
export interface TxnOffsetCommitResponsePartition extends Value<typeof TxnOffsetCommitResponsePartition> {}

export const TxnOffsetCommitResponseTopic = struct("TxnOffsetCommitResponseTopic", {
  name: field(string),
  partitions: field(array(TxnOffsetCommitResponsePartition))
})
export interface TxnOffsetCommitResponseTopic extends Value<typeof TxnOffsetCommitResponseTopic> {}

export const TxnOffsetCommitResponse = struct("TxnOffsetCommitResponse", {
  throttleTimeMs: field(int32),
  topics: field(array(TxnOffsetCommitResponseTopic))
})
export interface TxnOffsetCommitResponse extends Value<typeof TxnOffsetCommitResponse> {}

/**
 * Commits a group's offsets within a transaction (KIP-98).
 *
 * Version 2 brought leader epochs (KIP-320), 3 members and generations (KIP-447) and the flexible encoding, 5 transactions
 * without AddOffsetsToTxn (KIP-890).
 */
export const TxnOffsetCommit: Api<TxnOffsetCommitRequest, TxnOffsetCommitResponse> = api({
  name: "TxnOffsetCommit",
  key: 28,
  versions: "0-5",
  flexible: "3+",
  advertised: [0, 5],
  request: TxnOffsetCommitRequest,
  response: TxnOffsetCommitResponse
})
