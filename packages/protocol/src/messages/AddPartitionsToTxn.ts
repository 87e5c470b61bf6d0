import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int64, string, struct, type Value } from "../codec/Declare.ts"

export const AddPartitionsToTxnTopic = struct("AddPartitionsToTxnTopic", {
  name: field(string),
  partitions: field(array(int32))
})
export interface AddPartitionsToTxnTopic extends Value<typeof AddPartitionsToTxnTopic> {}

export const AddPartitionsToTxnTransaction = struct("AddPartitionsToTxnTransaction", {
  transactionalId: field(string, "4+"),
  producerId: field(int64, "4+"),
  producerEpoch: field(int16, "4+"),
  verifyOnly: field(bool, "4+"),
  topics: field(array(AddPartitionsToTxnTopic), "4+")
})
export interface AddPartitionsToTxnTransaction extends Value<typeof AddPartitionsToTxnTransaction> {}

export const AddPartitionsToTxnRequest = struct("AddPartitionsToTxnRequest", {
  transactions: field(array(AddPartitionsToTxnTransaction), "4+"),
  v3AndBelowTransactionalId: field(string, "0-3"),
  v3AndBelowProducerId: field(int64, "0-3"),
  v3AndBelowProducerEpoch: field(int16, "0-3"),
  v3AndBelowTopics: field(array(AddPartitionsToTxnTopic), "0-3")
})
export interface AddPartitionsToTxnRequest extends Value<typeof AddPartitionsToTxnRequest> {}

export const AddPartitionsToTxnPartitionResult = struct("AddPartitionsToTxnPartitionResult", {
  partitionIndex: field(int32),
  partitionErrorCode: field(int16)
})
export interface AddPartitionsToTxnPartitionResult extends Value<typeof AddPartitionsToTxnPartitionResult> {}

export const AddPartitionsToTxnTopicResult = struct("AddPartitionsToTxnTopicResult", {
  name: field(string),
  resultsByPartition: field(array(AddPartitionsToTxnPartitionResult))
})
export interface AddPartitionsToTxnTopicResult extends Value<typeof AddPartitionsToTxnTopicResult> {}

export const AddPartitionsToTxnResult = struct("AddPartitionsToTxnResult", {
  transactionalId: field(string, "4+"),
  topicResults: field(array(AddPartitionsToTxnTopicResult), "4+")
})
export interface AddPartitionsToTxnResult extends Value<typeof AddPartitionsToTxnResult> {}

export const AddPartitionsToTxnResponse = struct("AddPartitionsToTxnResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16, "4+", { ignorable: true }),
  resultsByTransaction: field(array(AddPartitionsToTxnResult), "4+"),
  resultsByTopicV3AndBelow: field(array(AddPartitionsToTxnTopicResult), "0-3")
})
export interface AddPartitionsToTxnResponse extends Value<typeof AddPartitionsToTxnResponse> {}

/**
 * Enters partitions into a transaction (KIP-98).
 *
 * Version 3 is flexible, 4 batches several transactions and is for brokers (KIP-890), 5 knows the transactions of KIP-890.
 */
export const AddPartitionsToTxn: Api<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse> = api({
  name: "AddPartitionsToTxn",
  key: 24,
  versions: "0-5",
  flexible: "3+",
  advertised: [0, 5],
  request: AddPartitionsToTxnRequest,
  response: AddPartitionsToTxnResponse
})
