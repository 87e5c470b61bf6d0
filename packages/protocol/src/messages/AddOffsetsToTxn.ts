import { type Api, api } from "../codec/Api.ts"
import { field, int16, int32, int64, string, struct, type Value } from "../codec/Declare.ts"

export const AddOffsetsToTxnRequest = struct("AddOffsetsToTxnRequest", {
  transactionalId: field(string),
  producerId: field(int64),
  producerEpoch: field(int16),
  groupId: field(string)
})
export interface AddOffsetsToTxnRequest extends Value<typeof AddOffsetsToTxnRequest> {}

export const AddOffsetsToTxnResponse = struct("AddOffsetsToTxnResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16)
})
export interface AddOffsetsToTxnResponse extends Value<typeof AddOffsetsToTxnResponse> {}

/**
 * Enters a group's offsets into a transaction (KIP-98).
 *
 * Version 3 is flexible, 4 has a new error code (KIP-890).
 */
export const AddOffsetsToTxn: Api<AddOffsetsToTxnRequest, AddOffsetsToTxnResponse> = api({
  name: "AddOffsetsToTxn",
  key: 25,
  versions: "0-4",
  flexible: "3+",
  advertised: [0, 4],
  request: AddOffsetsToTxnRequest,
  response: AddOffsetsToTxnResponse
})
