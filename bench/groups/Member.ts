/** A model member of a group, of whichever protocol, that reads one topic. */
export interface Member {
  readonly memberId: string
  readonly owned: ReadonlyArray<number>
  /** Partitions it had to give up so far. */
  readonly revoked: number
  readonly heartbeats: number
  /** Whether it is a member and has nothing to do but to heartbeat. */
  readonly isSettled: boolean
  /** When what it owns changed last, as `performance.now()` counts. */
  readonly changedAt: number
  /** Answers other than success, by code. */
  readonly refusals: ReadonlyMap<number, number>
  /** The code of an answer that ended it. */
  readonly fencedBy: number | undefined
  /** The generation or the member epoch it is in; not above 0 while it is in none. */
  readonly epoch: number
  readonly start: () => void
  /** Commits offsets by partition; the code of each. Rejects when the connection is lost before the answer. */
  readonly commit: (offsets: ReadonlyMap<number, bigint>) => Promise<ReadonlyArray<number>>
  /** Ends it; with a word to the group, unless `leave` is false. Rejects with what went wrong before. */
  readonly stop: (leave?: boolean) => Promise<void>
}
