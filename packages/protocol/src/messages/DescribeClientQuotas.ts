import { type Api, api } from "../codec/Api.ts"
import {
  array,
  bool,
  field,
  float64,
  int16,
  int32,
  int8,
  nullable,
  string,
  struct,
  type Value
} from "../codec/Declare.ts"

export const ComponentData = struct("ComponentData", {
  entityType: field(string),
  matchType: field(int8),
  match: nullable(string)
})
export interface ComponentData extends Value<typeof ComponentData> {}

export const DescribeClientQuotasRequest = struct("DescribeClientQuotasRequest", {
  components: field(array(ComponentData)),
  strict: field(bool)
})
export interface DescribeClientQuotasRequest extends Value<typeof DescribeClientQuotasRequest> {}

export const DescribeClientQuotasResponseEntityData = struct("EntityData", {
  entityType: field(string),
  entityName: nullable(string)
})
export interface DescribeClientQuotasResponseEntityData extends Value<typeof DescribeClientQuotasResponseEntityData> {}

export const ValueData = struct("ValueData", {
  key: field(string),
  value: field(float64)
})
export interface ValueData extends Value<typeof ValueData> {}

export const DescribeClientQuotasResponseEntryData = struct("EntryData", {
  entity: field(array(DescribeClientQuotasResponseEntityData)),
  values: field(array(ValueData))
})
export interface DescribeClientQuotasResponseEntryData extends Value<typeof DescribeClientQuotasResponseEntryData> {}

export const DescribeClientQuotasResponse = struct("DescribeClientQuotasResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string),
  entries: nullable(array(DescribeClientQuotasResponseEntryData))
})
export interface DescribeClientQuotasResponse extends Value<typeof DescribeClientQuotasResponse> {}

/**
 * Quotas of clients and users (KIP-546).
 *
 * Version 1 is flexible.
 */
export const DescribeClientQuotas: Api<DescribeClientQuotasRequest, DescribeClientQuotasResponse> = api({
  name: "DescribeClientQuotas",
  key: 48,
  versions: "0-1",
  flexible: "1+",
  advertised: [0, 1],
  request: DescribeClientQuotasRequest,
  response: DescribeClientQuotasResponse
})
