import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, float64, int16, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const AlterClientQuotasRequestEntityData = struct("EntityData", {
  entityType: field(string),
  entityName: nullable(string)
})
export interface AlterClientQuotasRequestEntityData extends Value<typeof AlterClientQuotasRequestEntityData> {}

export const OpData = struct("OpData", {
  key: field(string),
  value: field(float64),
  remove: field(bool)
})
export interface OpData extends Value<typeof OpData> {}

export const AlterClientQuotasRequestEntryData = struct("EntryData", {
  entity: field(array(AlterClientQuotasRequestEntityData)),
  ops: field(array(OpData))
})
export interface AlterClientQuotasRequestEntryData extends Value<typeof AlterClientQuotasRequestEntryData> {}

export const AlterClientQuotasRequest = struct("AlterClientQuotasRequest", {
  entries: field(array(AlterClientQuotasRequestEntryData)),
  validateOnly: field(bool)
})
export interface AlterClientQuotasRequest extends Value<typeof AlterClientQuotasRequest> {}

export const AlterClientQuotasResponseEntityData = struct("EntityData", {
  entityType: field(string),
  entityName: nullable(string)
})
export interface AlterClientQuotasResponseEntityData extends Value<typeof AlterClientQuotasResponseEntityData> {}

export const AlterClientQuotasResponseEntryData = struct("EntryData", {
  errorCode: field(int16),
  errorMessage: nullable(string),
  entity: field(array(AlterClientQuotasResponseEntityData))
})
export interface AlterClientQuotasResponseEntryData extends Value<typeof AlterClientQuotasResponseEntryData> {}

export const AlterClientQuotasResponse = struct("AlterClientQuotasResponse", {
  throttleTimeMs: field(int32),
  entries: field(array(AlterClientQuotasResponseEntryData))
})
export interface AlterClientQuotasResponse extends Value<typeof AlterClientQuotasResponse> {}

/**
 * Changes quotas of clients and users (KIP-546).
 *
 * Version 1 is flexible.
 */
export const AlterClientQuotas: Api<AlterClientQuotasRequest, AlterClientQuotasResponse> = api({
  name: "AlterClientQuotas",
  key: 49,
  versions: "0-1",
  flexible: "1+",
  advertised: [0, 1],
  request: AlterClientQuotasRequest,
  response: AlterClientQuotasResponse
})
