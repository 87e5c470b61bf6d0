import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int64, int8, string, struct, type Value } from "../codec/Declare.ts"

export const WritableTxnMarkerTopic = struct("WritableTxnMarkerTopic", {
  name: field(string),
  partitionIndexes: field(array(int32))
})
export interface WritableTxnMarkerTopic extends Value<typeof WritableTxnMarkerTopic> {}

export const WritableTxnMarker = struct("WritableTxnMarker", {
  producerId: field(int64),
  producerEpoch: field(int16),
  transactionResult: field(bool),
  topics: field(array(WritableTxnMarkerTopic)),
  coordinatorEpoch: field(int32),
  transactionVersion: field(int8, "2+", { ignorable: true })
})
export interface WritableTxnMarker extends Value<typeof WritableTxnMarker> {}

export const WriteTxnMarkersRequest = struct("WriteTxnMarkersRequest", {
  markers: field(array(WritableTxnMarker))
})
export interface WriteTxnMarkersRequest extends Value<typeof WriteTxnMarkersRequest> {}

export const WritableTxnMarkerPartitionResult = struct("WritableTxnMarkerPartitionResult", {
  partitionIndex: field(int32),
  errorCode: field(int16)
})
export interface WritableTxnMarkerPartitionResult extends Value<typeof WritableTxnMarkerPartitionResult> {}

export const WritableTxnMarkerTopicResult = struct("WritableTxnMarkerTopicResult", {
  name: field(string),
  partitions: field(array(WritableTxnMarkerPartitionResult))
})
export interface WritableTxnMarkerTopicResult extends Value<typeof WritableTxnMarkerTopicResult> {}

export const WritableTxnMarkerResult = struct("WritableTxnMarkerResult", {
  producerId: field(int64),
  topics: field(array(WritableTxnMarkerTopicResult))
})
export interface WritableTxnMarkerResult extends Value<typeof WritableTxnMarkerResult> {}

export const WriteTxnMarkersResponse = struct("WriteTxnMarkersResponse", {
  markers: field(array(WritableTxnMarkerResult))
})
export interface WriteTxnMarkersResponse extends Value<typeof WriteTxnMarkersResponse> {}

/**
 * Ends a transaction in the partitions themselves (KIP-98): between brokers, and by the admin client's abort.
 *
 * Version 1 is flexible, 2 carries the transaction's version (KIP-1228). Version 0 ended with Kafka 4.
 */
export const WriteTxnMarkers: Api<WriteTxnMarkersRequest, WriteTxnMarkersResponse> = api({
  name: "WriteTxnMarkers",
  key: 27,
  versions: "0-2",
  flexible: "1+",
  advertised: [1, 2],
  request: WriteTxnMarkersRequest,
  response: WriteTxnMarkersResponse
})
