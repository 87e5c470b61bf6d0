import { type Api, api } from "../codec/Api.ts"
import { array, field, int16, int32, int64, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const ListTransactionsRequest = struct("ListTransactionsRequest", {
  stateFilters: field(array(string)),
  producerIdFilters: field(array(int64)),
  durationFilter: field(int64, "1+", { default: -1n }),
  transactionalIdPattern: nullable(string, "2+", "2+", { default: null })
})
export interface ListTransactionsRequest extends Value<typeof ListTransactionsRequest> {}

export const ListTransactionsResponseTransactionState = struct("TransactionState", {
  transactionalId: field(string),
  producerId: field(int64),
  transactionState: field(string)
})
export interface ListTransactionsResponseTransactionState extends Value<
  typeof ListTransactionsResponseTransactionState
> {}

export const ListTransactionsResponse = struct("ListTransactionsResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  unknownStateFilters: field(array(string)),
  transactionStates: field(array(ListTransactionsResponseTransactionState))
})
export interface ListTransactionsResponse extends Value<typeof ListTransactionsResponse> {}

/**
 * Transactions a coordinator knows (KIP-664).
 *
 * Version 1 filters by duration (KIP-994), 2 by a pattern of the id (KIP-1152).
 */
export const ListTransactions: Api<ListTransactionsRequest, ListTransactionsResponse> = api({
  name: "ListTransactions",
  key: 66,
  versions: "0-2",
  flexible: "0+",
  advertised: [0, 2],
  request: ListTransactionsRequest,
  response: ListTransactionsResponse
})
