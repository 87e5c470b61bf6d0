/**
 * How far a reader of a log may go: to the high watermark, which is the end of what is stored, or to the last stable
 * offset, which is where the first open transaction begins, or the high watermark if none is open.
 */
export type Bound = "HighWatermark" | "LastStableOffset"

/** The bound of an isolation level, by Kafka's own words for it. */
export const boundOf = (isolation: "read_committed" | "read_uncommitted"): Bound =>
  isolation === "read_committed" ? "LastStableOffset" : "HighWatermark"

/** Where the bounds of a partition are. */
export interface Bounds {
  readonly highWatermark: bigint
  readonly lastStableOffset: bigint
}

/** The offset behind the last record that a reader by this bound may have. */
export const offsetOf = (bound: Bound, { highWatermark, lastStableOffset }: Bounds): bigint =>
  bound === "HighWatermark" ? highWatermark : lastStableOffset
