import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { apply } from "@tusk/storage/memory/memoryWrites"
import { bytesOf as sizeOf } from "@tusk/storage/writes/MemoryPartition"
import type { MemoryBatch } from "@tusk/storage/writes/MemoryPartition"
import type { OutboxRow } from "@tusk/storage/port/Outbox"
import type { Unit } from "@tusk/storage/port/Write"
import { SqlClaims } from "./SqlClaims.ts"
import type { ClaimRow } from "./SqlClaims.ts"
import { SqlErasures } from "./SqlErasures.ts"
import type { ErasureChange } from "./SqlErasures.ts"
import { SqlRows } from "./SqlRows.ts"
import type { RowChange } from "./SqlRows.ts"
import type { TableChange } from "./SqlTables.ts"
import { SqlServer } from "./SqlServer.ts"
import { appendsOf } from "./units.ts"

/** Changes that a standby may not have heard of yet, at most. */
const MOST_BEHIND = 8

/** What is written without waiting for the disk is there after so long. */
const FLUSH_MS = 600

/**
 * What replication carries: units of a commit, the counters that a take-over raised, rows that SQL sessions wrote, rows that
 * a follower keeps, or what is noted of erasures.
 */
type Change =
  | { readonly units: ReadonlyArray<Unit> }
  | { readonly counters: Counters }
  | { readonly rows: ReadonlyArray<OutboxRow>; readonly claims: Claimed }
  | { readonly kept: RowChange | TableChange }
  | { readonly erases: ErasureChange }

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
  /** How many of them are no followers' rows: these do not count. */
  #countedBehind = 0
  /** Rows that followers keep: as they are, as a crash would leave them, and as the standby has them. */
  #kept: SqlRows
  #flushedKept: SqlRows
  readonly #standbyKept: SqlRows
  #unflushed: Array<RowChange | TableChange> = []
  #unflushedSinceMs = 0
  /** Until then another session has the tables of followers locked. */
  rowsLockedUntilMs = -Infinity
  /** Nobody reaches it any more. */
  isGone = false

  readonly erasures: SqlErasures
  readonly #standbyErasures: SqlErasures

  /** What lies in the object store, by name. */
  readonly #objects: ReadonlyMap<string, Uint8Array>
  /** Batches that were read out of objects. */
  readonly #opened = new WeakMap<MemoryBatch, Uint8Array>()

  constructor(
    data: MemoryData,
    objects: ReadonlyMap<string, Uint8Array> = new Map(),
    claims: ReadonlyMap<number, ClaimRow> = new Map(),
    kept = new SqlRows(),
    erasures = new SqlErasures()
  ) {
    this.data = data
    this.#objects = objects
    this.erasures = erasures
    this.#standbyErasures = erasures.copy()
    this.#kept = kept
    this.#flushedKept = kept.copy()
    this.#standbyKept = kept.copy()
    this.claims = new SqlClaims(claims)
    this.#standbyClaims = new Map(claims)
    this.sql = new SqlServer(data)
    this.#standby = data.copy()
  }

  /** The bytes of a batch, in its row or in an object: offsets, epoch and the time of the append are the row's. */
  bytesOf(batch: MemoryBatch): Uint8Array {
    if (batch.records !== undefined) return batch.records
    const known = this.#opened.get(batch)
    if (known !== undefined) return known
    const { baseOffset, leaderEpoch, maxTimestamp, stored } = batch
    const { name } = this.data.objects.get(stored!.objectId)!
    const found = this.#objects.get(name)!.slice(stored!.position, stored!.position + sizeOf(batch))
    RecordBatch.setOffsets(found, baseOffset, leaderEpoch)
    if (RecordBatch.timestampType(found) === "LogAppendTime") RecordBatch.setLogAppendTime(found, maxTimestamp)
    this.#opened.set(batch, found)
    return found
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

  /** What is noted of erasures waits for the disk and for the standby. */
  erases(change: ErasureChange | undefined): void {
    if (change === undefined) return
    change(this.erasures, this.data)
    this.#replicate({ erases: change })
  }

  get rows(): SqlRows {
    return this.#kept
  }

  /** A statement of a follower: it does not wait for the disk (`synchronous_commit=off`). */
  keepsRows(change: RowChange | TableChange | undefined, nowMs: number): void {
    if (change === undefined) return
    if (nowMs - this.#unflushedSinceMs > FLUSH_MS) this.#flush()
    if (this.#unflushed.length === 0) this.#unflushedSinceMs = nowMs
    this.#kept.apply(change)
    this.#unflushed.push(change)
  }

  /** It crashes and is back: rows that were not on disk are as they were before. */
  losesUnflushed(): void {
    this.#kept = this.#flushedKept.copy()
    this.#unflushed = []
  }

  #flush(): void {
    for (const kept of this.#unflushed) {
      this.#flushedKept.apply(kept)
      this.#behind.push({ kept })
    }
    this.#unflushed = []
  }

  #replicate(change: Change): void {
    // What waits for the disk takes all along that was written before.
    this.#flush()
    this.#behind.push(change)
    this.#countedBehind++
    let first = 0
    while (this.#countedBehind > MOST_BEHIND) if (!("kept" in this.#behind[first++]!)) this.#countedBehind--
    this.#catchUp(first)
  }

  #catchUp(changes: number): void {
    for (const change of this.#behind.splice(0, changes)) {
      if ("counters" in change) Object.assign(this.#standby, change.counters)
      else if ("erases" in change) change.erases(this.#standbyErasures, this.#standby)
      else if ("kept" in change) this.#standbyKept.apply(change.kept)
      else if ("rows" in change) {
        for (const row of change.rows) this.#standby.outbox.set(row.id, row)
        for (const [partition, row] of change.claims) this.#standbyClaims.set(partition, row)
      } else for (const unit of change.units) for (const write of unit) apply(this.#standby, write)
    }
  }

  /**
   * The standby takes over, with another timeline, and lacks at most `most` of the newest changes: no more than `leap`
   * offsets of any partition, and nothing that it may not miss.
   */
  promote(
    most: number,
    leap: number,
    mayMiss: (units: ReadonlyArray<Unit>) => boolean
  ): { readonly server: Server; readonly lost: Lost } {
    const behind = this.#behind
    let left = behind.length
    let missing = 0
    const offsets = new Map<number, bigint>()
    while (most > 0 && left > 0) {
      const change = behind[left - 1]!
      // What followers wrote goes with all that was written since.
      if (!("kept" in change)) {
        if (missing === most || !this.#mayMiss(change, offsets, leap, mayMiss)) break
        missing++
      }
      left--
    }
    this.#catchUp(left)
    const data = this.#standby
    data.timeline = String(Number(data.timeline) + 1).padStart(8, "0")
    this.isOld = true
    const commits = behind.flatMap((change) => ("units" in change ? [change.units] : []))
    const rows = behind.flatMap((change) => ("rows" in change ? change.rows : []))
    return { server: this.#standbyServer(), lost: { commits, rows, data } }
  }

  #standbyServer(): Server {
    return new Server(this.#standby, this.#objects, this.#standbyClaims, this.#standbyKept, this.#standbyErasures)
  }

  #mayMiss(
    change: Change,
    offsets: Map<number, bigint>,
    leap: number,
    mayMiss: (units: ReadonlyArray<Unit>) => boolean
  ): boolean {
    // What a take-over raised behind a failover is with every standby before one of them takes over in its turn.
    if ("counters" in change) return change.counters.epoch !== change.counters.failoverEpoch
    if ("rows" in change || "kept" in change || "erases" in change) return true
    for (const { baseOffset, lastOffset, partitionId } of appendsOf(change.units)) {
      const lost = (offsets.get(partitionId) ?? 0n) + lastOffset - baseOffset + 1n
      if (lost > BigInt(leap)) return false
      offsets.set(partitionId, lost)
    }
    return mayMiss(change.units)
  }
}
