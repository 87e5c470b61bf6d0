import { type Api, api } from "../codec/Api.ts"
import {
  array,
  field,
  int16,
  int32,
  int64,
  nullable,
  records,
  string,
  struct,
  uuid,
  type Value
} from "../codec/Declare.ts"

export const PartitionProduceData = struct("PartitionProduceData", {
  index: field(int32),
  records: nullable(records)
})
export interface PartitionProduceData extends Value<typeof PartitionProduceData> {}

export const TopicProduceData = struct("TopicProduceData", {
  name: field(string, "0-12", { ignorable: true }),
  topicId: field(uuid, "13+", { ignorable: true }),
  partitionData: field(array(PartitionProduceData))
})
export interface TopicProduceData extends Value<typeof TopicProduceData> {}

export const ProduceRequest = struct("ProduceRequest", {
  transactionalId: nullable(string, "3+", "3+", { default: null }),
  acks: field(int16),
  timeoutMs: field(int32),
  topicData: field(array(TopicProduceData))
})
export interface ProduceRequest extends Value<typeof ProduceRequest> {}

export const BatchIndexAndErrorMessage = struct("BatchIndexAndErrorMessage", {
  batchIndex: field(int32, "8+"),
  batchIndexErrorMessage: nullable(string, "8+", "8+", { default: null })
})
export interface BatchIndexAndErrorMessage extends Value<typeof BatchIndexAndErrorMessage> {}

export const ProduceResponseLeaderIdAndEpoch = struct("LeaderIdAndEpoch", {
  leaderId: field(int32, "10+", { default: -1 }),
  leaderEpoch: field(int32, "10+", { default: -1 })
})
export interface ProduceResponseLeaderIdAndEpoch extends Value<typeof ProduceResponseLeaderIdAndEpoch> {}

export const PartitionProduceResponse = struct("PartitionProduceResponse", {
  index: field(int32),
  errorCode: field(int16),
  baseOffset: field(int64),
  logAppendTimeMs: field(int64, "2+", { default: -1n, ignorable: true }),
  logStartOffset: field(int64, "5+", { default: -1n, ignorable: true }),
  recordErrors: field(array(BatchIndexAndErrorMessage), "8+", { ignorable: true }),
  errorMessage: nullable(string, "8+", "8+", { default: null, ignorable: true }),
  currentLeader: field(ProduceResponseLeaderIdAndEpoch, "10+", { tag: 0 })
})
export interface PartitionProduceResponse extends Value<typeof PartitionProduceResponse> {}

export const TopicProduceResponse = struct("TopicProduceResponse", {
  name: field(string, "0-12", { ignorable: true }),
  topicId: field(uuid, "13+", { ignorable: true }),
  partitionResponses: field(array(PartitionProduceResponse))
})
export interface TopicProduceResponse extends Value<typeof TopicProduceResponse> {}

export const ProduceResponseNodeEndpoint = struct("NodeEndpoint", {
  nodeId: field(int32, "10+"),
  host: field(string, "10+"),
  port: field(int32, "10+"),
  rack: nullable(string, "10+", "10+", { default: null })
})
export interface ProduceResponseNodeEndpoint extends Value<typeof ProduceResponseNodeEndpoint> {}

export const ProduceResponse = struct("ProduceResponse", {
  responses: field(array(TopicProduceResponse)),
  throttleTimeMs: field(int32, "1+", { ignorable: true }),
  nodeEndpoints: field(array(ProduceResponseNodeEndpoint), "10+", { tag: 0 })
})
export interface ProduceResponse extends Value<typeof ProduceResponse> {}

/**
 * Appends record batches to partitions.
 *
 * Version 3 brought transactions (KIP-98), 5 the log start offset, 8 errors of single records (KIP-467), 9 the flexible
 * encoding, 10 the new leader in an answer (KIP-951), 12 transactions without AddPartitionsToTxn (KIP-890), 13 topic ids
 * (KIP-516). Versions 0 to 2 carry message sets; Kafka 4 advertises them and refuses them.
 */
export const Produce: Api<ProduceRequest, ProduceResponse> = api({
  name: "Produce",
  key: 0,
  versions: "0-13",
  flexible: "9+",
  advertised: [0, 13],
  request: ProduceRequest,
  response: ProduceResponse
})
