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
  readonly start: () => void
  /** Ends it; with a word to the group, unless `leave` is false. Rejects with what went wrong before. */
  readonly stop: (leave?: boolean) => Promise<void>
}
