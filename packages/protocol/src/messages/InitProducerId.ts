import { type Api, api } from "../codec/Api.ts"
import { bool, field, int16, int32, int64, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const InitProducerIdRequest = struct("InitProducerIdRequest", {
  transactionalId: nullable(string),
  transactionTimeoutMs: field(int32),
  producerId: field(int64, "3+", { default: -1n }),
  producerEpoch: field(int16, "3+", { default: -1 }),
  enable2Pc: field(bool, "6+"),
  keepPreparedTxn: field(bool, "6+")
})
export interface InitProducerIdRequest extends Value<typeof InitProducerIdRequest> {}

export const InitProducerIdResponse = struct("InitProducerIdResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  producerId: field(int64, "0+", { default: -1n }),
  producerEpoch: field(int16),
  ongoingTxnProducerId: field(int64, "6+", { default: -1n }),
  ongoingTxnProducerEpoch: field(int16, "6+", { default: -1 })
})
export interface InitProducerIdResponse extends Value<typeof InitProducerIdResponse> {}

/**
 * Gives a producer its id and epoch (KIP-98).
 *
 * Version 2 is flexible, 3 lets a producer raise its own epoch (KIP-360), 4 has a new error (KIP-588), 5 tells of the
 * transactions of KIP-890, 6 two-phase commit (KIP-939; not yet released, so not advertised).
 */
export const InitProducerId: Api<InitProducerIdRequest, InitProducerIdResponse> = api({
  name: "InitProducerId",
  key: 22,
  versions: "0-6",
  flexible: "2+",
  advertised: [0, 5],
  request: InitProducerIdRequest,
  response: InitProducerIdResponse
})
