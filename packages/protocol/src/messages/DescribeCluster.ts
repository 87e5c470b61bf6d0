import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int8, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const DescribeClusterRequest = struct("DescribeClusterRequest", {
  includeClusterAuthorizedOperations: field(bool),
  endpointType: field(int8, "1+", { default: 1 }),
  includeFencedBrokers: field(bool, "2+")
})
export interface DescribeClusterRequest extends Value<typeof DescribeClusterRequest> {}

export const DescribeClusterBroker = struct("DescribeClusterBroker", {
  brokerId: field(int32),
  host: field(string),
  port: field(int32),
  rack: nullable(string, "0+", "0+", { default: null }),
  isFenced: field(bool, "2+")
})
export interface DescribeClusterBroker extends Value<typeof DescribeClusterBroker> {}

export const DescribeClusterResponse = struct("DescribeClusterResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16),
  errorMessage: nullable(string, "0+", "0+", { default: null }),
  endpointType: field(int8, "1+", { default: 1 }),
  clusterId: field(string),
  controllerId: field(int32, "0+", { default: -1 }),
  brokers: field(array(DescribeClusterBroker)),
  clusterAuthorizedOperations: field(int32, "0+", { default: -2147483648 })
})
export interface DescribeClusterResponse extends Value<typeof DescribeClusterResponse> {}

/**
 * The cluster's brokers or controllers (KIP-700).
 *
 * Version 1 brought the choice of endpoints (KIP-919), 2 fenced brokers (KIP-1073).
 */
export const DescribeCluster: Api<DescribeClusterRequest, DescribeClusterResponse> = api({
  name: "DescribeCluster",
  key: 60,
  versions: "0-2",
  flexible: "0+",
  advertised: [0, 2],
  request: DescribeClusterRequest,
  response: DescribeClusterResponse
})
