import type { StoredCompaction } from "../../port/Write.ts"
import type { CompactionPolicy } from "./CompactionPlan.ts"

/** A partition as it was when it was not due. */
interface Rest {
  readonly policy: CompactionPolicy
  readonly highWatermark: bigint
  readonly logStartOffset: bigint
  /** When time alone may have made it due. */
  readonly until: bigint
}

type Ends = Pick<Rest, "highWatermark" | "logStartOffset">

const MOST_REST_MS = 600_000

/** A tenth of the shortest time that records wait for by this policy: by so much compaction may be late. */
const restMs = ({ maxLagMs, minLagMs, segmentMs }: CompactionPolicy): bigint => {
  const shortest = Math.min(maxLagMs, segmentMs, minLagMs > 0 ? minLagMs : Infinity)
  return BigInt(Math.min(MOST_REST_MS, Math.floor(shortest / 10)))
}

/** Partitions that were looked at and not due: they are left alone for a while, if nothing changes of them. */
export class Resting {
  readonly #rests = new Map<number, Rest>()

  begin(partitionId: number, { highWatermark, logStartOffset }: Ends, policy: CompactionPolicy, nowMs: bigint): void {
    this.#rests.set(partitionId, { policy, highWatermark, logStartOffset, until: nowMs + restMs(policy) })
  }

  /** Nothing has changed of a partition that was not due, and no tombstone's time has come. */
  has(
    partitionId: number,
    end: Ends,
    policy: CompactionPolicy,
    compaction: StoredCompaction | null,
    nowMs: bigint
  ): boolean {
    const known = this.#rests.get(partitionId)
    if (known === undefined || known.policy !== policy || nowMs >= known.until) return false
    if (known.highWatermark !== end.highWatermark || known.logStartOffset !== end.logStartOffset) return false
    const horizon = compaction?.deleteHorizon ?? -1n
    return horizon < 0n || nowMs < horizon
  }

  /** Forgets partitions that are gone. */
  keepOnly(isThere: (partitionId: number) => boolean): void {
    for (const partitionId of this.#rests.keys()) if (!isThere(partitionId)) this.#rests.delete(partitionId)
  }

  clear(): void {
    this.#rests.clear()
  }
}
