import { AddPartitionsToTxn } from "@tusk/protocol/messages/AddPartitionsToTxn"
import { EndTxn } from "@tusk/protocol/messages/EndTxn"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import type { DecodedRecord, EncodeOptions } from "@tusk/protocol/record/RecordBatch"
import { randomBytes } from "node:crypto"
import { batchesOf } from "../../bench/Fetched.ts"
import type { Wire } from "../../bench/groups/Wire.ts"
import { LATEST, listOffset } from "../failover/Asking.ts"

const KEYS = 50
/** How keys begin of which all records are to go. */
export const KEY_PREFIX = "erase-"

/** Values that cannot be compressed: those that are to go begin with one mark, all others with another. */
export class Marked {
  readonly gone = randomBytes(16)
  readonly stays = randomBytes(16)
  /** Keys of which all records are to go. */
  readonly keys: ReadonlyArray<string>
  #count = 0

  constructor(keys: number) {
    this.keys = Array.from({ length: keys }, () => `${KEY_PREFIX}${randomBytes(8).toString("hex")}`)
  }

  /** So many records, one of four of them of a key that is to go; in turn tombstones and headers. */
  records(count: number, bytes = 1000) {
    return Array.from({ length: count }, () => {
      const i = this.#count++
      const isGone = i % 4 === 0
      const key = isGone ? this.keys[(i / 4) % this.keys.length]! : `key-${i % KEYS}`
      const value = Buffer.concat([isGone ? this.gone : this.stays, randomBytes(bytes)])
      return {
        key: Buffer.from(key),
        value: i % 17 === 0 ? null : value,
        timestamp: BigInt(Date.now()),
        headers: i % 5 === 0 ? [{ key: "h", value: isGone ? this.gone : this.stays }] : []
      }
    })
  }
}

const produce = async (wire: Wire, topic: string, partition: number, batch: Uint8Array, transactionalId?: string) => {
  const answer = await wire.call(Produce, 9, {
    transactionalId: transactionalId ?? null,
    acks: -1,
    timeoutMs: 30_000,
    topicData: [{ name: topic, partitionData: [{ index: partition, records: batch }] }]
  })
  const code = answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
  if (code !== 0) throw new Error(`Produce was answered ${code}`)
}

/** Batches of every codec. */
export const fill = async (wire: Wire, topic: string, partition: number, marked: Marked, batches: number) => {
  for (let i = 0; i < batches; i++) {
    await produce(wire, topic, partition, RecordBatch.encodeBatch(marked.records(40), { compression: i % 5 }))
  }
}

/** A transaction of a few batches. */
export const transact = async (wire: Wire, topic: string, partition: number, marked: Marked, committed: boolean) => {
  const transactionalId = `t-${randomBytes(6).toString("hex")}`
  const { producerEpoch, producerId } = await wire.call(InitProducerId, 4, {
    ...{ transactionalId, transactionTimeoutMs: 60_000, producerId: -1n, producerEpoch: -1 }
  })
  await wire.call(AddPartitionsToTxn, 3, {
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: producerId,
    v3AndBelowProducerEpoch: producerEpoch,
    v3AndBelowTopics: [{ name: topic, partitions: [partition] }]
  })
  for (let i = 0; i < 3; i++) {
    const options: EncodeOptions = {
      ...{ producerId, producerEpoch, baseSequence: i * 20, isTransactional: true, compression: i }
    }
    await produce(wire, topic, partition, RecordBatch.encodeBatch(marked.records(20), options), transactionalId)
  }
  const { errorCode } = await wire.call(EndTxn, 3, { transactionalId, producerId, producerEpoch, committed })
  if (errorCode !== 0) throw new Error(`EndTxn was answered ${errorCode}`)
}

export interface Read {
  readonly batches: ReadonlyMap<bigint, Uint8Array>
  readonly records: ReadonlyMap<bigint, DecodedRecord>
}

/** All of a partition by its offsets; with `every`, a Fetch at each of them. */
export const readLog = async (wire: Wire, topic: string, partition: number, every = false): Promise<Read> => {
  const end = BigInt(await listOffset(wire, topic, partition, LATEST))
  const batches = new Map<bigint, Uint8Array>()
  const records = new Map<bigint, DecodedRecord>()
  let next = 0n
  while (next < end) {
    const bytes = every ? 1 : 4 << 20
    const answer = await wire.call(Fetch, 12, {
      ...{ replicaId: -1, maxWaitMs: 100, minBytes: 1, maxBytes: bytes, sessionEpoch: -1, isolationLevel: 0 },
      topics: [{ topic, partitions: [{ partition, fetchOffset: next, partitionMaxBytes: bytes }] }]
    })
    const code = answer.responses[0]?.partitions[0]?.errorCode ?? answer.errorCode
    if (code !== 0) throw new Error(`Fetch was answered ${code}`)
    for (const batch of batchesOf(answer.responses[0]!.partitions[0]!.records)) {
      if (!every) next = RecordBatch.lastOffset(batch) + 1n
      const base = RecordBatch.baseOffset(batch)
      if (batches.has(base) && Buffer.compare(batches.get(base)!, batch) === 0) continue
      if (!RecordBatch.isCrcValid(batch)) throw new Error(`the batch at ${base} has a wrong CRC`)
      batches.set(base, batch)
      if (RecordBatch.isControl(batch)) continue
      const decoded = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 64 << 20 })
      if (!Array.isArray(decoded)) throw new Error("a batch that cannot be read")
      for (const record of decoded as ReadonlyArray<DecodedRecord>) records.set(record.offset, record)
    }
    if (every) next++
  }
  return { batches, records }
}

/** What a record is, but for what compaction may change of its batch. */
export const faceOf = ({ headers, key, timestamp, value }: DecodedRecord): string =>
  JSON.stringify([
    key === null ? null : Buffer.from(key).toString("hex"),
    value === null ? null : Buffer.from(value).toString("hex"),
    String(timestamp),
    headers.map((header) => [header.key, header.value === null ? null : Buffer.from(header.value).toString("hex")])
  ])
