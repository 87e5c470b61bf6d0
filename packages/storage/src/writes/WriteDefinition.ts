import type { StoreError } from "../port/StoreError.ts"
import type { Write } from "../port/Write.ts"
import type { MemoryData } from "./MemoryData.ts"
import type { MemoryDraft } from "./MemoryDraft.ts"
import type { StatementWriter } from "./StatementWriter.ts"

type Key<W> = (write: W) => string | number

/** What a write takes beside its texts and values, about. */
export const FIXED_BYTES = 64

/**
 * The order of a write and the deletions before it in its commit. A backend carries a commit out kind by kind, but never
 * a write before a deletion that it follows.
 */
export interface Order<W> {
  /** What the write is about: it follows an earlier deletion of the same thing. */
  readonly after?: Key<W>
  /** What the write deletes. `all`: every later write follows it, but for kinds that come later in the table anyway. */
  readonly deletes?: Key<W> | "all"
}

/** Rows of committed offsets, by the ids of a SQL backend (`../pg/PgStore/OffsetRows.ts`). */
export interface OffsetRowIds {
  /** The id of the row to insert, and that of the row to delete. */
  put<W extends OffsetKey>(write: W): WrittenOffset<W>
  /** The id of the row to delete; undefined: there is none. */
  remove(groupId: string, partitionId: number): number | undefined
  /** The ids of all the group's rows. */
  removeGroup(groupId: string): ReadonlyArray<number>
  /** Its rows went with its topic. */
  dropPartition(partitionId: number): void
}

export interface OffsetKey {
  readonly groupId: string
  readonly partitionId: number
}

export interface WrittenOffset<W> {
  readonly write: W
  readonly commitId: number
  readonly former: number | undefined
}

/** All that is to be known of a kind of write. */
export interface WriteDefinition<W extends Write> {
  readonly order: Order<W>
  /** What a write of this kind may take away again, even if its own commit added it: that is no witness of the commit. */
  readonly takes: ReadonlyArray<"batches" | "offsets">
  /** Bytes of its texts and values, about: exact if they are many. */
  readonly bytes: (write: W) => number
  /** Writes the statements of SQL for all writes of this kind that a commit holds, in their order. */
  readonly store: (out: StatementWriter, writes: ReadonlyArray<W>, offsetRows: OffsetRowIds) => void
  /** Why memory refuses it, if it does: then nothing of its commit is applied. */
  readonly conflict?: (draft: MemoryDraft, write: W) => StoreError | undefined
  /** What it does in memory. Called when nothing of its commit is refused. */
  readonly apply: (data: MemoryData, write: W) => void
}
