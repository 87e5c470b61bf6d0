/** Offsets of the source at the target: pure. */
import type { MappedOffset, ShadowPartition } from "@tusk/storage/port/ShadowRows"

/**
 * The target's offset of one of the source: at the latest where the target ends. An offset without a record there is that
 * of the next record. Undefined: it lies before all that is known.
 */
export const targetOffset = (
  row: Pick<ShadowPartition, "difference" | "fills" | "targetStart">,
  mapped: ReadonlyArray<MappedOffset>,
  source: bigint,
  end: bigint,
  mostMapped: number
): bigint | undefined => {
  const first = { source: row.difference + row.targetStart, target: row.targetStart }
  if (source < first.source) return row.targetStart
  if (row.fills) return least(source - row.difference, end)
  const at = mapped.findLastIndex((entry) => entry.source <= source)
  // The oldest entries are gone then.
  if (at < 0 && mapped.length >= mostMapped) return undefined
  const entry = at >= 0 ? mapped[at]! : first
  const next = mapped[at + 1]
  const target = entry.target + source - entry.source
  return least(next === undefined ? target : least(target, next.target), end)
}

const least = (a: bigint, b: bigint): bigint => (a < b ? a : b)
