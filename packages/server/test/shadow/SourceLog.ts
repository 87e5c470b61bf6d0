/** A log of the source as a test draws it, and what is to come of it. */
import { LZ4, UNCOMPRESSED } from "@tusk/protocol/record/Compression"
import { encodeBatch } from "@tusk/protocol/record/RecordBatch"
import * as Schema from "effect/Schema"
import type { SourceRead } from "../../src/shadow/Plan.ts"

/** A part of a log: so many offsets, of which compaction has taken those where `holes` says so. */
export const Part = Schema.Struct({
  kind: Schema.Literals(["data", "packed", "transactional", "aborted", "marker", "gap"]),
  offsets: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 6 })),
  holes: Schema.Array(Schema.Boolean)
})
export type Part = typeof Part.Type

export interface SourceLog {
  readonly batches: ReadonlyArray<Uint8Array>
  readonly aborted: ReadonlySet<Uint8Array>
  readonly end: bigint
  /** Offsets of records that readers of committed records are given, and their values. */
  readonly committed: ReadonlyMap<bigint, string>
}

/** The log of these parts, from an offset on. */
export const logOf = (parts: ReadonlyArray<Part>, start: bigint): SourceLog => {
  const batches: Array<Uint8Array> = []
  const aborted = new Set<Uint8Array>()
  const committed = new Map<bigint, string>()
  let at = start
  for (const { holes, kind, offsets } of parts) {
    const end = at + BigInt(offsets)
    if (kind !== "gap") {
      const kept = Array.from({ length: offsets }, (_, i) => i).filter((i) => kind === "marker" || holes[i] !== true)
      const records = kept.map((i) => {
        const offset = at + BigInt(i)
        const [key, value] = [Buffer.from(`k${offset}`), Buffer.from(`v${offset}`)]
        return { offset, timestamp: 1000n + offset, key, value, headers: [{ key: "h", value: Buffer.from([i]) }] }
      })
      const batch = encodeBatch(records, {
        baseOffset: at,
        lastOffset: end - 1n,
        offsets: "kept",
        baseTimestamp: 1000n,
        partitionLeaderEpoch: 3,
        producerId: 7n,
        producerEpoch: 0,
        baseSequence: 0,
        compression: kind === "packed" ? LZ4 : UNCOMPRESSED,
        isTransactional: kind === "transactional" || kind === "aborted" || kind === "marker",
        isControl: kind === "marker"
      })
      batches.push(batch)
      if (kind === "aborted") aborted.add(batch)
      else if (kind !== "marker") for (const { offset, value } of records) committed.set(offset, value.toString())
    }
    at = end
  }
  return { batches, aborted, end: at, committed }
}

/** What a reader is given from an offset on, so many batches. */
export const readOf = (log: SourceLog, from: bigint, count: number, logStartOffset: bigint): SourceRead => {
  const behind = log.batches.filter((batch) => endOf(batch) > from)
  return {
    batches: behind.slice(0, count),
    isAborted: (batch) => log.aborted.has(batch),
    logStartOffset,
    emptyUntil: log.end,
    lastStableOffset: log.end
  }
}

const endOf = (batch: Uint8Array): bigint => {
  const view = new DataView(batch.buffer, batch.byteOffset)
  return view.getBigInt64(0) + BigInt(view.getInt32(23)) + 1n
}
