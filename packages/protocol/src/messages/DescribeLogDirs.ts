import { type Api, api } from "../codec/Api.ts"
import { array, bool, field, int16, int32, int64, nullable, string, struct, type Value } from "../codec/Declare.ts"

export const DescribableLogDirTopic = struct("DescribableLogDirTopic", {
  topic: field(string),
  partitions: field(array(int32))
})
export interface DescribableLogDirTopic extends Value<typeof DescribableLogDirTopic> {}

export const DescribeLogDirsRequest = struct("DescribeLogDirsRequest", {
  topics: nullable(array(DescribableLogDirTopic))
})
export interface DescribeLogDirsRequest extends Value<typeof DescribeLogDirsRequest> {}

export const DescribeLogDirsPartition = struct("DescribeLogDirsPartition", {
  partitionIndex: field(int32),
  partitionSize: field(int64),
  offsetLag: field(int64),
  isFutureKey: field(bool)
})
export interface DescribeLogDirsPartition extends Value<typeof DescribeLogDirsPartition> {}

export const DescribeLogDirsTopic = struct("DescribeLogDirsTopic", {
  name: field(string),
  partitions: field(array(DescribeLogDirsPartition))
})
export interface DescribeLogDirsTopic extends Value<typeof DescribeLogDirsTopic> {}

export const DescribeLogDirsResult = struct("DescribeLogDirsResult", {
  errorCode: field(int16),
  logDir: field(string),
  topics: field(array(DescribeLogDirsTopic)),
  totalBytes: field(int64, "4+", { default: -1n, ignorable: true }),
  usableBytes: field(int64, "4+", { default: -1n, ignorable: true }),
  isCordoned: field(bool, "5+", { ignorable: true })
})
export interface DescribeLogDirsResult extends Value<typeof DescribeLogDirsResult> {}

export const DescribeLogDirsResponse = struct("DescribeLogDirsResponse", {
  throttleTimeMs: field(int32),
  errorCode: field(int16, "3+", { ignorable: true }),
  results: field(array(DescribeLogDirsResult))
})
export interface DescribeLogDirsResponse extends Value<typeof DescribeLogDirsResponse> {}

/**
 * Directories of a broker with the sizes of partitions (KIP-113).
 *
 * Version 2 is flexible, 3 has an error for the whole answer, 4 the volume's size (KIP-827), 5 whether it is cordoned
 * (KIP-1066). Version 0 ended with Kafka 4.
 */
export const DescribeLogDirs: Api<DescribeLogDirsRequest, DescribeLogDirsResponse> = api({
  name: "DescribeLogDirs",
  key: 35,
  versions: "0-5",
  flexible: "2+",
  advertised: [1, 5],
  request: DescribeLogDirsRequest,
  response: DescribeLogDirsResponse
})
