/** Codecs written by hand on Buffer's own methods, one per message, without any layer between: the yardstick. */
import type { ApiVersionsResponse } from "@tusk/protocol/messages/ApiVersions"
import type { FetchResponse } from "@tusk/protocol/messages/Fetch"
import type { MetadataResponse } from "@tusk/protocol/messages/Metadata"
import type { ProduceRequest } from "@tusk/protocol/messages/Produce"

const scratch = Buffer.allocUnsafe(1 << 20)
const ZERO = "AAAAAAAAAAAAAAAAAAAAAA"

let b: Buffer = scratch
let p = 0

const uvarint = (): number => {
  let value = 0
  for (let shift = 0; shift < 35; shift += 7) {
    const byte = b.readUInt8(p++)
    value |= (byte & 127) << shift
    if (byte < 128) return value >>> 0
  }
  throw new RangeError("varint")
}
const string = (): string => {
  const size = uvarint() - 1
  if (size < 0 || p + size > b.length) throw new RangeError("string")
  p += size
  return b.toString("utf8", p - size, p)
}
const nullableString = (): string | null => {
  const size = uvarint() - 1
  if (size < 0) return null
  if (p + size > b.length) throw new RangeError("string")
  p += size
  return b.toString("utf8", p - size, p)
}
const bytes = (): Uint8Array | null => {
  const size = uvarint() - 1
  if (size < 0) return null
  if (p + size > b.length) throw new RangeError("bytes")
  p += size
  return b.subarray(p - size, p)
}
const count = (): number => {
  const n = uvarint() - 1
  if (n > b.length - p) throw new RangeError("array")
  return n
}
const uuid = (): string => {
  p += 16
  return b.toString("base64url", p - 16, p)
}
const tags = (): void => {
  for (let n = uvarint(); n > 0; n--) {
    uvarint()
    p += uvarint()
  }
}
const int32s = (): Array<number> => {
  const n = count()
  const values = new Array<number>(n)
  for (let i = 0; i < n; i++) {
    values[i] = b.readInt32BE(p)
    p += 4
  }
  return values
}

const putUvarint = (value: number): void => {
  let rest = value
  while (rest > 127) {
    b[p++] = (rest & 127) | 128
    rest >>>= 7
  }
  b[p++] = rest
}
const putString = (text: string | null): void => {
  if (text === null) {
    b[p++] = 0
    return
  }
  const size = Buffer.byteLength(text)
  putUvarint(size + 1)
  p += b.write(text, p, "utf8")
}
const putUuid = (text: string): void => {
  if (text === ZERO) b.fill(0, p, p + 16)
  else b.write(text, p, "base64url")
  p += 16
}
const putInt32s = (values: ReadonlyArray<number>): void => {
  putUvarint(values.length + 1)
  for (let i = 0; i < values.length; i++) p = b.writeInt32BE(values[i]!, p)
}
/** The bytes written, copied out of the scratch buffer as they have to outlive it. */
const taken = (from = 0): Buffer => Buffer.from(b.subarray(from, p))

export const decodeProduce = (buffer: Buffer): ProduceRequest => {
  b = buffer
  p = 0
  const transactionalId = nullableString()
  const acks = b.readInt16BE(p)
  const timeoutMs = b.readInt32BE(p + 2)
  p += 6
  const topics = count()
  const topicData = new Array(topics)
  for (let i = 0; i < topics; i++) {
    const name = string()
    const n = count()
    const partitionData = new Array(n)
    for (let j = 0; j < n; j++) {
      const index = b.readInt32BE(p)
      p += 4
      const records = bytes()
      tags()
      partitionData[j] = { index, records }
    }
    tags()
    topicData[i] = { name, topicId: ZERO, partitionData }
  }
  tags()
  return { transactionalId, acks, timeoutMs, topicData }
}

export const encodeProduce = (value: ProduceRequest): ReadonlyArray<Uint8Array> => {
  b = scratch
  p = 0
  let from = 0
  const chunks: Array<Uint8Array> = []
  putString(value.transactionalId)
  p = b.writeInt16BE(value.acks, p)
  p = b.writeInt32BE(value.timeoutMs, p)
  putUvarint(value.topicData.length + 1)
  for (const topic of value.topicData) {
    putString(topic.name)
    putUvarint(topic.partitionData.length + 1)
    for (const partition of topic.partitionData) {
      p = b.writeInt32BE(partition.index, p)
      if (partition.records === null) b[p++] = 0
      else {
        putUvarint(partition.records.length + 1)
        chunks.push(taken(from), partition.records)
        from = p
      }
      b[p++] = 0
    }
    b[p++] = 0
  }
  b[p++] = 0
  chunks.push(taken(from))
  return chunks
}

export const decodeFetch = (buffer: Buffer): FetchResponse => {
  b = buffer
  p = 0
  const throttleTimeMs = b.readInt32BE(p)
  const errorCode = b.readInt16BE(p + 4)
  const sessionId = b.readInt32BE(p + 6)
  p += 10
  const topics = count()
  const responses = new Array(topics)
  for (let i = 0; i < topics; i++) {
    const topicId = uuid()
    const n = count()
    const partitions = new Array(n)
    for (let j = 0; j < n; j++) {
      const partitionIndex = b.readInt32BE(p)
      const errorCode = b.readInt16BE(p + 4)
      const highWatermark = b.readBigInt64BE(p + 6)
      const lastStableOffset = b.readBigInt64BE(p + 14)
      const logStartOffset = b.readBigInt64BE(p + 22)
      p += 30
      const m = count()
      let abortedTransactions: Array<{ producerId: bigint; firstOffset: bigint }> | null = null
      if (m >= 0) {
        abortedTransactions = new Array(m)
        for (let k = 0; k < m; k++) {
          abortedTransactions[k] = { producerId: b.readBigInt64BE(p), firstOffset: b.readBigInt64BE(p + 8) }
          p += 16
          tags()
        }
      }
      const preferredReadReplica = b.readInt32BE(p)
      p += 4
      const records = bytes()
      tags()
      partitions[j] = {
        partitionIndex,
        errorCode,
        highWatermark,
        lastStableOffset,
        logStartOffset,
        divergingEpoch: { epoch: -1, endOffset: -1n },
        currentLeader: { leaderId: -1, leaderEpoch: -1 },
        snapshotId: { endOffset: -1n, epoch: -1 },
        abortedTransactions,
        preferredReadReplica,
        records: records === null ? null : [records]
      }
    }
    tags()
    responses[i] = { topic: "", topicId, partitions }
  }
  tags()
  return { throttleTimeMs, errorCode, sessionId, responses, nodeEndpoints: [] }
}

export const encodeFetch = (value: FetchResponse): ReadonlyArray<Uint8Array> => {
  b = scratch
  p = 0
  let from = 0
  const chunks: Array<Uint8Array> = []
  p = b.writeInt32BE(value.throttleTimeMs, p)
  p = b.writeInt16BE(value.errorCode, p)
  p = b.writeInt32BE(value.sessionId, p)
  putUvarint(value.responses.length + 1)
  for (const topic of value.responses) {
    putUuid(topic.topicId)
    putUvarint(topic.partitions.length + 1)
    for (const partition of topic.partitions) {
      p = b.writeInt32BE(partition.partitionIndex, p)
      p = b.writeInt16BE(partition.errorCode, p)
      p = b.writeBigInt64BE(partition.highWatermark, p)
      p = b.writeBigInt64BE(partition.lastStableOffset, p)
      p = b.writeBigInt64BE(partition.logStartOffset, p)
      if (partition.abortedTransactions === null) b[p++] = 0
      else {
        putUvarint(partition.abortedTransactions.length + 1)
        for (const aborted of partition.abortedTransactions) {
          p = b.writeBigInt64BE(aborted.producerId, p)
          p = b.writeBigInt64BE(aborted.firstOffset, p)
          b[p++] = 0
        }
      }
      p = b.writeInt32BE(partition.preferredReadReplica, p)
      if (partition.records === null) b[p++] = 0
      else {
        let size = 0
        for (const chunk of partition.records) size += chunk.length
        putUvarint(size + 1)
        chunks.push(taken(from), ...partition.records)
        from = p
      }
      b[p++] = 0
    }
    b[p++] = 0
  }
  b[p++] = 0
  chunks.push(taken(from))
  return chunks
}

export const decodeMetadata = (buffer: Buffer): MetadataResponse => {
  b = buffer
  p = 0
  const throttleTimeMs = b.readInt32BE(p)
  p += 4
  const brokerCount = count()
  const brokers = new Array(brokerCount)
  for (let i = 0; i < brokerCount; i++) {
    const nodeId = b.readInt32BE(p)
    p += 4
    const host = string()
    const port = b.readInt32BE(p)
    p += 4
    const rack = nullableString()
    tags()
    brokers[i] = { nodeId, host, port, rack }
  }
  const clusterId = nullableString()
  const controllerId = b.readInt32BE(p)
  p += 4
  const topicCount = count()
  const topics = new Array(topicCount)
  for (let i = 0; i < topicCount; i++) {
    const errorCode = b.readInt16BE(p)
    p += 2
    const name = nullableString()
    const topicId = uuid()
    const isInternal = b.readUInt8(p++) !== 0
    const n = count()
    const partitions = new Array(n)
    for (let j = 0; j < n; j++) {
      const errorCode = b.readInt16BE(p)
      const partitionIndex = b.readInt32BE(p + 2)
      const leaderId = b.readInt32BE(p + 6)
      const leaderEpoch = b.readInt32BE(p + 10)
      p += 14
      const replicaNodes = int32s()
      const isrNodes = int32s()
      const offlineReplicas = int32s()
      tags()
      partitions[j] = {
        errorCode,
        partitionIndex,
        leaderId,
        leaderEpoch,
        replicaNodes,
        isrNodes,
        offlineReplicas
      }
    }
    const topicAuthorizedOperations = b.readInt32BE(p)
    p += 4
    tags()
    topics[i] = { errorCode, name, topicId, isInternal, partitions, topicAuthorizedOperations }
  }
  tags()
  return {
    throttleTimeMs,
    brokers,
    clusterId,
    controllerId,
    topics,
    clusterAuthorizedOperations: -2147483648,
    errorCode: 0
  }
}

export const encodeMetadata = (value: MetadataResponse): ReadonlyArray<Uint8Array> => {
  b = scratch
  p = 0
  p = b.writeInt32BE(value.throttleTimeMs, p)
  putUvarint(value.brokers.length + 1)
  for (const broker of value.brokers) {
    p = b.writeInt32BE(broker.nodeId, p)
    putString(broker.host)
    p = b.writeInt32BE(broker.port, p)
    putString(broker.rack)
    b[p++] = 0
  }
  putString(value.clusterId)
  p = b.writeInt32BE(value.controllerId, p)
  putUvarint(value.topics.length + 1)
  for (const topic of value.topics) {
    p = b.writeInt16BE(topic.errorCode, p)
    putString(topic.name)
    putUuid(topic.topicId)
    b[p++] = topic.isInternal ? 1 : 0
    putUvarint(topic.partitions.length + 1)
    for (const partition of topic.partitions) {
      p = b.writeInt16BE(partition.errorCode, p)
      p = b.writeInt32BE(partition.partitionIndex, p)
      p = b.writeInt32BE(partition.leaderId, p)
      p = b.writeInt32BE(partition.leaderEpoch, p)
      putInt32s(partition.replicaNodes)
      putInt32s(partition.isrNodes)
      putInt32s(partition.offlineReplicas)
      b[p++] = 0
    }
    p = b.writeInt32BE(topic.topicAuthorizedOperations, p)
    b[p++] = 0
  }
  b[p++] = 0
  return [taken()]
}

export const decodeApiVersions = (buffer: Buffer): ApiVersionsResponse => {
  b = buffer
  p = 0
  const errorCode = b.readInt16BE(p)
  p += 2
  const n = count()
  const apiKeys = new Array(n)
  for (let i = 0; i < n; i++) {
    apiKeys[i] = { apiKey: b.readInt16BE(p), minVersion: b.readInt16BE(p + 2), maxVersion: b.readInt16BE(p + 4) }
    p += 6
    tags()
  }
  const throttleTimeMs = b.readInt32BE(p)
  p += 4
  tags()
  return {
    errorCode,
    apiKeys,
    throttleTimeMs,
    supportedFeatures: [],
    finalizedFeaturesEpoch: -1n,
    finalizedFeatures: [],
    zkMigrationReady: false
  }
}

export const encodeApiVersions = (value: ApiVersionsResponse): ReadonlyArray<Uint8Array> => {
  b = scratch
  p = 0
  p = b.writeInt16BE(value.errorCode, p)
  putUvarint(value.apiKeys.length + 1)
  for (const api of value.apiKeys) {
    p = b.writeInt16BE(api.apiKey, p)
    p = b.writeInt16BE(api.minVersion, p)
    p = b.writeInt16BE(api.maxVersion, p)
    b[p++] = 0
  }
  p = b.writeInt32BE(value.throttleTimeMs, p)
  b[p++] = 0
  return [taken()]
}
