import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import type { FollowedStep, FollowerPosition } from "@tusk/storage/port/FollowerRows"
import type { CompactedTo, UnpackedPosition } from "@tusk/storage/port/UnpackedRows"
import { rowsOf } from "./SqlBatches.ts"
import type { KeptRow } from "./SqlBatches.ts"
import { newVersion } from "./rowVersions.ts"
import { SqlTables } from "./SqlTables.ts"
import type { TableChange } from "./SqlTables.ts"

interface KeptPosition extends FollowerPosition {
  readonly compacted: CompactedTo | null
}

/** What one statement makes of a partition's rows. */
export interface RowChange {
  readonly partitionId: number
  /** Offsets of rows that go, and rows that come behind that. */
  readonly gone: ReadonlyArray<bigint>
  readonly come: ReadonlyArray<KeptRow>
  /** Null: it goes. Undefined: it stays. */
  readonly position: KeptPosition | null | undefined
}

/** A statement that a database refuses. */
export class RowRefused extends Error {}

const recordsOf = ({ batches, from }: FollowedStep): ReadonlyArray<KeptRow> =>
  batches.flatMap(rowsOf).filter(({ offset }) => offset >= from)

/** `kafka.unpacked` and `kafka.unpacked_positions` of one server: what each statement of a follower would make of them. */
export class SqlRows {
  readonly #rows = new Map<number, Map<bigint, KeptRow>>()
  readonly #positions = new Map<number, KeptPosition>()
  /** Tables of users beside them. */
  readonly tables: SqlTables

  constructor(tables = new SqlTables()) {
    this.tables = tables
  }

  /** In order of offsets. */
  rowsOf(partitionId: number): ReadonlyArray<KeptRow> {
    const rows = Array.from(this.#rows.get(partitionId)?.values() ?? [])
    return rows.sort((a, b) => (a.offset < b.offset ? -1 : 1))
  }

  position(partitionId: number): FollowerPosition | undefined {
    const found = this.#positions.get(partitionId)
    return found && { nextOffset: found.nextOffset, version: found.version }
  }

  positions({ partitions }: MemoryData): ReadonlyArray<UnpackedPosition> {
    return Array.from(this.#positions, ([partitionId, { compacted, nextOffset }]) => {
      const log = partitions.get(partitionId)?.compaction
      const isOther =
        log != null && (log.cleanedOffset !== compacted?.cleanedOffset || log.deleteHorizon !== compacted.deleteHorizon)
      return { partitionId, nextOffset, compacted: isOther ? log : undefined }
    })
  }

  /** Of which there are rows, or a position. */
  get partitionIds(): ReadonlyArray<number> {
    return [...this.#rows.keys(), ...this.#positions.keys()]
  }

  get leftOver(): ReadonlyArray<number> {
    return Array.from(this.#rows.keys()).filter((partitionId) => !this.#positions.has(partitionId))
  }

  begin(partitionId: number, nextOffset: bigint, { partitions }: MemoryData): RowChange {
    const log = partitions.get(partitionId)
    const isThere = log !== undefined && !this.#positions.has(partitionId)
    const position = isThere ? { nextOffset, version: newVersion(), compacted: log.compaction } : undefined
    return { partitionId, gone: [], come: [], position }
  }

  /** Undefined: the position is not where the step begins, or not in the version that is meant. */
  add(step: FollowedStep, version: bigint): (RowChange & { readonly position: KeptPosition }) | undefined {
    const { partitionId, from, to } = step
    const position = this.#positions.get(partitionId)
    if (position?.nextOffset !== from || position.version !== version) return undefined
    const come = recordsOf(step)
    const twice = come.find(({ offset }) => this.#rows.get(partitionId)?.has(offset))
    if (twice !== undefined)
      throw new RowRefused(`a row of ${twice.offset} of partition ${partitionId} is there already`)
    return { partitionId, gone: [], come, position: { ...position, nextOffset: to, version: newVersion() } }
  }

  /** Its rows, wherever the position is: for broken brokers. */
  addLate(step: FollowedStep): RowChange {
    return { partitionId: step.partitionId, gone: [], come: recordsOf(step), position: undefined }
  }

  /** Rows of these keys go. */
  erase(partitionId: number, keys: ReadonlySet<string>, from: bigint, below: bigint): RowChange {
    const gone = this.rowsOf(partitionId).filter(
      ({ key, offset }) => key !== null && keys.has(key) && offset >= from && offset < below
    )
    return { partitionId, gone: gone.map(({ offset }) => offset), come: [], position: undefined }
  }

  sift(step: FollowedStep): RowChange {
    const { from, partitionId, to } = step
    const left = new Set(recordsOf(step).map(({ offset }) => offset))
    const offsets = Array.from(this.#rows.get(partitionId)?.keys() ?? [])
    const gone = offsets.filter((offset) => offset >= from && offset < to && !left.has(offset))
    return { partitionId, gone, come: [], position: undefined }
  }

  noteCompaction(partitionId: number, compacted: CompactedTo): RowChange {
    const position = this.#positions.get(partitionId)
    return { partitionId, gone: [], come: [], position: position && { ...position, compacted, version: newVersion() } }
  }

  /** Nothing where there is a position. */
  clear(partitionId: number, limit: number): RowChange {
    const old = this.#positions.has(partitionId) ? [] : this.rowsOf(partitionId)
    return { partitionId, gone: old.slice(0, limit).map(({ offset }) => offset), come: [], position: undefined }
  }

  trim(partitionId: number, below: bigint, limit: number): RowChange {
    const old = this.rowsOf(partitionId).filter(({ offset }) => offset < below)
    return { partitionId, gone: old.slice(0, limit).map(({ offset }) => offset), come: [], position: undefined }
  }

  apply(change: RowChange | TableChange): void {
    if (typeof change === "function") return change(this.tables)
    const { come, gone, partitionId, position } = change
    const rows = this.#rows.get(partitionId) ?? new Map<bigint, KeptRow>()
    for (const offset of gone) rows.delete(offset)
    for (const row of come) rows.set(row.offset, row)
    if (rows.size === 0) this.#rows.delete(partitionId)
    else this.#rows.set(partitionId, rows)
    if (position === null) this.#positions.delete(partitionId)
    else if (position !== undefined) this.#positions.set(partitionId, position)
  }

  copy(): SqlRows {
    const copy = new SqlRows(this.tables.copy())
    for (const [partitionId, rows] of this.#rows) copy.#rows.set(partitionId, new Map(rows))
    for (const [partitionId, position] of this.#positions) copy.#positions.set(partitionId, position)
    return copy
  }
}
