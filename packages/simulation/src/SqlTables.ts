import type { Added, FollowedStep, FollowerPosition } from "@tusk/storage/port/FollowerRows"
import type { MaterialisedTable } from "@tusk/storage/port/MaterialisedTables"
import { rowsOf } from "./SqlBatches.ts"
import type { KeptRow } from "./SqlBatches.ts"
import { newVersion } from "./rowVersions.ts"

/** A table that holds the latest value of each key. */
export interface LatestTable extends MaterialisedTable {
  readonly positions: ReadonlyMap<number, FollowerPosition>
  /** By key. */
  readonly rows: ReadonlyMap<string, KeptRow>
  /** Its owner has made it so that values of an odd number do not fit. */
  readonly isStrict: boolean
}

/** What a statement makes of tables, on every server that hears of it. */
export type TableChange = (tables: SqlTables) => void

const fits = ({ isStrict }: LatestTable, { value }: KeptRow): boolean =>
  !isStrict || value === null || !/[13579]$/.test(value)

const isAt = (
  table: LatestTable | undefined,
  partitionId: number,
  { nextOffset, version }: FollowerPosition
): table is LatestTable => {
  const found = table?.positions.get(partitionId)
  return found?.nextOffset === nextOffset && found.version === version
}

const movedTo = (table: LatestTable, partitionId: number, nextOffset: bigint): LatestTable => ({
  ...table,
  positions: new Map(table.positions).set(partitionId, { nextOffset, version: newVersion() })
})

/** Tables of users that follow topics, of one server: what each statement of a follower would make of them. */
export class SqlTables {
  readonly #tables = new Map<number, LatestTable>()

  get all(): ReadonlyArray<LatestTable> {
    return Array.from(this.#tables.values())
  }

  of(id: number): LatestTable | undefined {
    return this.#tables.get(id)
  }

  put(table: LatestTable): TableChange {
    return (tables) => void tables.#tables.set(table.id, table)
  }

  drop(id: number): TableChange {
    return (tables) => void tables.#tables.delete(id)
  }

  begin(id: number, partitionId: number, nextOffset: bigint): TableChange | undefined {
    const table = this.#tables.get(id)
    if (table === undefined || table.positions.has(partitionId)) return undefined
    return this.put(movedTo(table, partitionId, nextOffset))
  }

  /** Undefined: the position is not where the step begins, or not in the version that is meant. */
  add(
    id: number,
    step: FollowedStep,
    version: bigint
  ): { readonly change: TableChange; readonly added: Added } | undefined {
    const { batches, from, partitionId, to } = step
    const table = this.#tables.get(id)
    if (!isAt(table, partitionId, { nextOffset: from, version })) return undefined
    const rows = new Map(table.rows)
    let nextOffset = to
    for (const record of batches.flatMap(rowsOf)) {
      if (record.offset < from || record.key === null) continue
      if (!fits(table, record)) {
        nextOffset = record.offset
        break
      }
      if (record.value === null) rows.delete(record.key)
      else rows.set(record.key, record)
    }
    const made = movedTo({ ...table, rows }, partitionId, nextOffset)
    const added = made.positions.get(partitionId)!
    return { change: this.put(made), added: nextOffset === to ? added : { ...added, refusal: "it does not fit" } }
  }

  /** Undefined: the position is not where `since` ends, or not in the version that is meant. */
  erase(id: number, key: string, since: FollowedStep, version: bigint): TableChange | undefined {
    const table = this.#tables.get(id)
    if (!isAt(table, since.partitionId, { nextOffset: since.to, version })) return undefined
    const rows = new Map(table.rows)
    rows.delete(key)
    const later = since.batches
      .flatMap(rowsOf)
      .findLast(({ key: other, offset }) => other === key && offset >= since.from && offset < since.to)
    if (later !== undefined && later.value !== null) rows.set(key, later)
    return this.put(movedTo({ ...table, rows }, since.partitionId, since.to))
  }

  end(id: number, partitionId: number): TableChange | undefined {
    const table = this.#tables.get(id)
    if (table === undefined) return undefined
    const positions = new Map(table.positions)
    positions.delete(partitionId)
    return this.put({ ...table, positions })
  }

  /** Undefined: it is another topic's. */
  clear(
    id: number,
    topicId: string | undefined,
    limit: number
  ): { readonly change: TableChange; readonly gone: number } | undefined {
    const table = this.#tables.get(id)
    if (table === undefined || table.topicId !== topicId) return undefined
    const left = Array.from(table.rows).slice(limit)
    return {
      change: this.put({ ...table, positions: new Map(), rows: new Map(left) }),
      gone: table.rows.size - left.length
    }
  }

  copy(): SqlTables {
    const copy = new SqlTables()
    for (const [id, table] of this.#tables) copy.#tables.set(id, table)
    return copy
  }
}
