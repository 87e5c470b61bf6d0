import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, string, struct, type Value } from "../codec/Declare.ts"

export const DescribeTransactionsRequest = struct("DescribeTransactionsRequest", {
  transactionalIds: field(array(string))
})
export interface DescribeTransactionsRequest extends Value<typeof DescribeTransactionsRequest> {}

export const DescribeTransactionsResponseTopicData = struct("TopicData", {
  topic: field(string),
  partitions: field(array(int32))
})
export interface DescribeTransactionsResponseTopicData extends Value<typeof DescribeTransactionsResponseTopicData> {}

export const DescribeTransactionsResponseTransactionState = struct("TransactionState", {
  errorCode: field(int16),
  transactionalId: field(string),
  transactionState: field(string),
  transactionTimeoutMs: field(int32),
  transactionStartTimeMs: field(int64),
  producerId: field(int64),
  producerEpoch: field(int16),
  topics: field(array(DescribeTransactionsResponseTopicData))
})
export interface DescribeTransactionsResponseTransactionState extends Value<
  typeof DescribeTransactionsResponseTransactionState
> {}

export const DescribeTransactionsResponse = struct("DescribeTransactionsResponse", {
  throttleTimeMs: field(int32),
  transactionStates: field(array(DescribeTransactionsResponseTransactionState))
})
export interface DescribeTransactionsResponse extends Value<typeof DescribeTransactionsResponse> {}

/**
 * State of transactions (KIP-664).
 */
export const DescribeTransactions: Api<DescribeTransactionsRequest, DescribeTransactionsResponse> = api({
  name: "DescribeTransactions",
  key: 65,
  versions: "0",
  flexible: "0+",
  advertised: [0, 0],
  request: DescribeTransactionsRequest,
  response: DescribeTransactionsResponse
})
