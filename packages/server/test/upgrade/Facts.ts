export type KnownRecord = readonly [offset: number, key: string | null, value: string | null]

/** What clients knew of a broker when its database was dumped: the second file of a fixture. */
export interface Facts {
  /** Of what the data was made. */
  readonly made: string
  /** The steps that the schema had taken. */
  readonly steps: ReadonlyArray<string>
  /** What read_committed finds, by topic and partition. */
  readonly records: Readonly<Record<string, ReadonlyArray<ReadonlyArray<KnownRecord>>>>
  /** Ends of the partitions, by topic. */
  readonly ends: Readonly<Record<string, ReadonlyArray<number>>>
  readonly groups: ReadonlyArray<KnownGroup>
  /** The idempotent producer, whose batches lie in partition 0 of `orders`. */
  readonly producer: KnownProducer
  /** A transactional id with a transaction that is open. */
  readonly open?: { readonly transactionalId: string; readonly topic: string }
  /** Values for partition 0 of `orders` that SQL sessions produced and no broker had appended. */
  readonly outbox?: ReadonlyArray<string>
}

export interface KnownGroup {
  readonly groupId: string
  readonly type: "classic" | "consumer" | "share" | "streams"
  /** Of the members that were in it. */
  readonly members: ReadonlyArray<string>
  /** Committed offsets in the partitions of `orders`; of a share group where it goes on. */
  readonly committed: ReadonlyArray<number>
}

export interface KnownProducer {
  readonly id: string
  readonly epoch: number
  /** Of its last batch. */
  readonly sequence: number
  readonly offset: number
}
