import type { OffsetKey, OffsetRowIds, WrittenOffset } from "../../writes/WriteDefinition.ts"

/** Partition id to the id of the row that holds what the group committed for it. */
type Rows = Map<number, number>

/** A row of `kafka.offsets` without what was committed. */
export interface OffsetRow {
  readonly groupId: string
  readonly partitionId: number
  readonly commitId: number
}

/**
 * Which row of `kafka.offsets` holds a group's offset of a partition, by ids that only the broker gives. A commit inserts
 * a row and deletes the former one by its id: nothing is looked up by group and partition, as under an open snapshot
 * all versions that there ever were would lie in the way (0.45x of the rate, and falling; by id it stays).
 *
 * One commit at a time: what it changes is kept in a draft, and counts once it is stored.
 */
export class OffsetRows {
  private readonly groups = new Map<string, Rows>()
  private nextId = 1

  /** Of all rows; of two for the same thing, the later one is taken. */
  constructor(rows: Iterable<OffsetRow>) {
    for (const { commitId, groupId, partitionId } of rows) {
      if (commitId >= this.nextId) this.nextId = commitId + 1
      if (commitId > (this.find(groupId, partitionId) ?? 0)) this.set(groupId, partitionId, commitId)
    }
  }

  draft(): OffsetRowsDraft {
    return new OffsetRowsDraft(this)
  }

  find(groupId: string, partitionId: number): number | undefined {
    return this.groups.get(groupId)?.get(partitionId)
  }
  of(groupId: string): ReadonlyMap<number, number> | undefined {
    return this.groups.get(groupId)
  }

  /** Ids of commits that failed are not given again. */
  take(): number {
    return this.nextId++
  }

  set(groupId: string, partitionId: number, commitId: number): void {
    const rows = this.groups.get(groupId)
    if (rows === undefined) this.groups.set(groupId, new Map([[partitionId, commitId]]))
    else rows.set(partitionId, commitId)
  }
  remove(groupId: string, partitionId: number): void {
    const rows = this.groups.get(groupId)
    if (rows?.delete(partitionId) === true && rows.size === 0) this.groups.delete(groupId)
  }
  removeGroup(groupId: string): void {
    this.groups.delete(groupId)
  }
  removePartitions(partitionIds: ReadonlySet<number>): void {
    for (const [groupId, rows] of this.groups) {
      for (const partitionId of rows.keys()) if (partitionIds.has(partitionId)) rows.delete(partitionId)
      if (rows.size === 0) this.groups.delete(groupId)
    }
  }
}

/** What one commit does to the rows, in the order in which its statements are carried out. */
export class OffsetRowsDraft implements OffsetRowIds {
  /** Rows that the commit deletes. */
  superseded = 0
  /** The id of the last row that the commit inserts. */
  lastPut: number | undefined
  private readonly rows: OffsetRows
  /** By group; undefined if there is no row any more. */
  private readonly changed = new Map<string, Map<number, number | undefined>>()
  private readonly cleared = new Set<string>()
  private readonly dropped = new Set<number>()

  constructor(rows: OffsetRows) {
    this.rows = rows
  }

  put<W extends OffsetKey>(write: W): WrittenOffset<W> {
    const { groupId, partitionId } = write
    const former = this.find(groupId, partitionId)
    const commitId = this.rows.take()
    this.change(groupId, partitionId, commitId)
    this.lastPut = commitId
    if (former !== undefined) this.superseded++
    return { write, commitId, former }
  }

  remove(groupId: string, partitionId: number): number | undefined {
    const former = this.find(groupId, partitionId)
    if (former === undefined) return undefined
    this.change(groupId, partitionId, undefined)
    this.superseded++
    return former
  }

  removeGroup(groupId: string): ReadonlyArray<number> {
    const changed = this.changed.get(groupId)
    const gone = Array.from(changed?.values() ?? []).filter((commitId) => commitId !== undefined)
    if (!this.cleared.has(groupId)) {
      for (const [partitionId, commitId] of this.rows.of(groupId) ?? []) {
        if (changed?.has(partitionId) !== true) gone.push(commitId)
      }
    }
    this.changed.delete(groupId)
    this.cleared.add(groupId)
    this.superseded += gone.length
    return gone
  }

  dropPartition(partitionId: number): void {
    this.dropped.add(partitionId)
  }

  /** The commit is stored. */
  settle(): void {
    for (const groupId of this.cleared) this.rows.removeGroup(groupId)
    for (const [groupId, changed] of this.changed) {
      for (const [partitionId, commitId] of changed) {
        if (commitId === undefined) this.rows.remove(groupId, partitionId)
        else this.rows.set(groupId, partitionId, commitId)
      }
    }
    if (this.dropped.size > 0) this.rows.removePartitions(this.dropped)
  }

  private find(groupId: string, partitionId: number): number | undefined {
    const changed = this.changed.get(groupId)
    if (changed?.has(partitionId) === true) return changed.get(partitionId)
    return this.cleared.has(groupId) ? undefined : this.rows.find(groupId, partitionId)
  }

  private change(groupId: string, partitionId: number, commitId: number | undefined): void {
    const changed = this.changed.get(groupId)
    if (changed === undefined) this.changed.set(groupId, new Map([[partitionId, commitId]]))
    else changed.set(partitionId, commitId)
  }
}
