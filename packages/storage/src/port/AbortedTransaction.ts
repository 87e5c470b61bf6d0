/** A transaction as it lies in one partition, once it has ended: what a reader of committed records passes over if it was aborted. */
export interface AbortedTransaction {
  readonly producerId: bigint
  /** Of its first record. */
  readonly firstOffset: bigint
  /** Of its marker. */
  readonly lastOffset: bigint
  /** Where the first transaction began that was open then, or behind the marker: none that ends later begins below it. */
  readonly lastStableOffset: bigint
}
