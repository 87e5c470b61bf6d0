/** A transaction as it lies in one partition, once it has ended: what a reader of committed records passes over if it was aborted. */
export interface AbortedTransaction {
  readonly producerId: bigint
  /** Of its first record. */
  readonly firstOffset: bigint
  /** Of its marker. */
  readonly lastOffset: bigint
  /** Start of the first transaction open then, or the offset behind the marker: none that ends later begins below. */
  readonly lastStableOffset: bigint
}
