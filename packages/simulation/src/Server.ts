import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { apply } from "@tusk/storage/memory/memoryWrites"
import type { OutboxRow } from "@tusk/storage/port/Outbox"
import type { Unit } from "@tusk/storage/port/Write"
import { SqlClaims } from "./SqlClaims.ts"
import type { ClaimRow } from "./SqlClaims.ts"
import { SqlServer } from "./SqlServer.ts"
import { appendsOf, foundsTopic } from "./units.ts"

/** Changes that a standby may not have heard of yet, at most. */
const MOST_BEHIND = 8

/** What replication carries: units of a commit, the counters that a take-over raised, or rows that SQL sessions wrote. */
type Change =
  | { readonly units: ReadonlyArray<Unit> }
  | { readonly counters: Counters }
  | { readonly rows: ReadonlyArray<OutboxRow>; readonly claims: Claimed }

type Claimed = ReadonlyArray<readonly [partition: number, row: ClaimRow]>

type Counters = Pick<MemoryData, "epoch" | "failoverEpoch" | "nextProducerId" | "nextPartitionId" | "noted">

const countersOf = ({ epoch, failoverEpoch, nextPartitionId, nextProducerId, noted }: MemoryData): Counters => ({
  epoch,
  failoverEpoch,
  nextPartitionId,
  nextProducerId,
  noted
})

/** What a standby lacks that takes over. */
export interface Lost {
  readonly commits: ReadonlyArray<ReadonlyArray<Unit>>
  readonly rows: ReadonlyArray<OutboxRow>
  /** Of the server that takes over. */
  readonly data: MemoryData
}

/** A database server, and its standby, which is some changes behind. */
export class Server {
  readonly data: MemoryData
  /** Until then a write waits: the synchronous standby does not answer. */
  awayUntilMs = -Infinity
  /** Another one is the cluster's now: what is written here never returns. */
  isOld = false
  /** Transactions of SQL sessions. */
  readonly sql: SqlServer
  /** What groups have claimed in SQL. */
  readonly claims: SqlClaims
  readonly #standby: MemoryData
  readonly #standbyClaims: Map<number, ClaimRow>
  readonly #behind: Array<Change> = []

  constructor(data: MemoryData, claims: ReadonlyMap<number, ClaimRow> = new Map()) {
    this.data = data
    this.claims = new SqlClaims(claims)
    this.#standbyClaims = new Map(claims)
    this.sql = new SqlServer(data)
    this.#standby = data.copy()
  }

  commits(units: ReadonlyArray<Unit>): void {
    this.#replicate({ units })
  }

  commitsRows(rows: ReadonlyArray<OutboxRow>, claims: Claimed = []): void {
    this.#replicate({ rows, claims })
  }

  takenOver(): void {
    this.#replicate({ counters: countersOf(this.data) })
  }

  #replicate(change: Change): void {
    this.#behind.push(change)
    if (this.#behind.length > MOST_BEHIND) this.#catchUp(this.#behind.length - MOST_BEHIND)
  }

  #catchUp(changes: number): void {
    for (const change of this.#behind.splice(0, changes)) {
      if ("counters" in change) Object.assign(this.#standby, change.counters)
      else if ("rows" in change) {
        for (const row of change.rows) this.#standby.outbox.set(row.id, row)
        for (const [partition, row] of change.claims) this.#standbyClaims.set(partition, row)
      } else for (const unit of change.units) for (const write of unit) apply(this.#standby, write)
    }
  }

  /**
   * The standby takes over, with another timeline, and lacks at most `most` of the newest changes: no more than `leap`
   * offsets of any partition, and no topic that has to be there.
   */
  promote(
    most: number,
    leap: number,
    isNeeded: (topic: string) => boolean
  ): { readonly server: Server; readonly lost: Lost } {
    const behind = this.#behind
    let missing = 0
    const offsets = new Map<number, bigint>()
    while (
      missing < Math.min(most, behind.length) &&
      this.#mayMiss(behind[behind.length - 1 - missing]!, offsets, leap, isNeeded)
    ) {
      missing++
    }
    this.#catchUp(behind.length - missing)
    const data = this.#standby
    data.timeline = String(Number(data.timeline) + 1).padStart(8, "0")
    this.isOld = true
    const commits = behind.flatMap((change) => ("units" in change ? [change.units] : []))
    const rows = behind.flatMap((change) => ("rows" in change ? change.rows : []))
    return { server: new Server(data, this.#standbyClaims), lost: { commits, rows, data } }
  }

  #mayMiss(change: Change, offsets: Map<number, bigint>, leap: number, isNeeded: (topic: string) => boolean): boolean {
    // What a take-over raised behind a failover is with every standby before one of them takes over in its turn.
    if ("counters" in change) return change.counters.epoch !== change.counters.failoverEpoch
    if ("rows" in change) return true
    for (const { baseOffset, lastOffset, partitionId } of appendsOf(change.units)) {
      const lost = (offsets.get(partitionId) ?? 0n) + lastOffset - baseOffset + 1n
      if (lost > BigInt(leap)) return false
      offsets.set(partitionId, lost)
    }
    return !foundsTopic(change.units, isNeeded)
  }
}
