import { type Api, api } from "../codec/Api.ts"
import { bool, field, int16, int32, int64, string, struct, type Value } from "../codec/Declare.ts"

export const EndTxnRequest = struct("EndTxnRequest", {
  transactionalId: field(string),
  producerId: field(int64),
  producerEpoch: field(int16),
  committed: field(bool)
})
export interface EndTxnRequest extends Value<typeof EndTxnRequest> {}

export const EndTxnResponse = struct("EndTxnResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  producerId: field(int64, "5+", { default: -1n, ignorable: true }),
  producerEpoch: field(int16, "5+", { default: -1, ignorable: true })
})
export interface EndTxnResponse extends Value<typeof EndTxnResponse> {}

/**
 * Commits or aborts a transaction (KIP-98).
 *
 * Version 3 is flexible, 5 answers the producer's next id and epoch (KIP-890).
 */
export const EndTxn: Api<EndTxnRequest, EndTxnResponse> = api({
  name: "EndTxn",
  key: 26,
  versions: "0-5",
  flexible: "3+",
  advertised: [0, 5],
  request: EndTxnRequest,
  response: EndTxnResponse
})
