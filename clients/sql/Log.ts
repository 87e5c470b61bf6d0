import { Fetch } from "@tusk/protocol/messages/Fetch"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { batchesOf } from "../../bench/Fetched.ts"
import { LATEST, listOffset, retrying } from "../failover/Asking.ts"

/** A record as a consumer of committed records finds it. */
export interface Found {
  readonly offset: number
  /** "" if there is none. */
  readonly key: string
  readonly value: string
  readonly isTombstone: boolean
}

/** All of a partition from its beginning to its end; `gaps` counts offsets at which nothing lies. */
export const readPartition = (
  bootstrap: string,
  topic: string,
  partition: number
): Promise<{ readonly records: ReadonlyArray<Found>; readonly gaps: number }> =>
  retrying(
    bootstrap,
    `reading ${topic}-${partition}`,
    async (wire) => {
      const end = await listOffset(wire, topic, partition, LATEST)
      const records: Array<Found> = []
      let next = 0
      let gaps = 0
      while (next < end) {
        const answer = await wire.call(Fetch, 12, {
          ...{ replicaId: -1, maxWaitMs: 100, minBytes: 1, maxBytes: 8 << 20, sessionEpoch: -1, isolationLevel: 1 },
          topics: [{ topic, partitions: [{ partition, fetchOffset: BigInt(next), partitionMaxBytes: 8 << 20 }] }]
        })
        const code = answer.responses[0]?.partitions[0]?.errorCode ?? answer.errorCode
        if (code !== 0) throw new Error(`Fetch was answered ${code}`)
        for (const batch of batchesOf(answer.responses[0]!.partitions[0]!.records)) {
          const decoded = RecordBatch.decodeRecords(batch, { maxDecompressedBytes: 64 << 20 })
          if (!Array.isArray(decoded)) throw new Error("a batch that cannot be read")
          for (const { key, offset, value } of decoded as ReadonlyArray<RecordBatch.DecodedRecord>) {
            if (Number(offset) < next) continue
            gaps += Number(offset) - next
            next = Number(offset) + 1
            records.push({
              offset: Number(offset),
              key: Buffer.from(key ?? []).toString(),
              value: Buffer.from(value ?? []).toString(),
              isTombstone: value === null
            })
          }
        }
      }
      return { records, gaps }
    },
    60_000,
    60_000
  )
