import type { WriteTag } from "../port/Write.ts"

/** The statements of a SQL backend: each kind of write has one of its name, a few have a second one. */
export type StatementName =
  WriteTag | "AppendOne" | "AppendPointers" | "DeleteConfig" | "RemoveBatches" | "ReplacePointers"

/** What a commit's statements are written to. */
export interface StatementWriter {
  /** Runs a statement with `count` parameters; `parameters` writes them, in order. */
  run(name: StatementName, count: number, parameters: () => void): void
  /** Runs a statement that copies rows into a table; `values` writes a row's values, `columns` of them, in order. */
  copy<R>(name: StatementName, columns: number, rows: ReadonlyArray<R>, values: (row: R) => void): void
  int2(value: number): void
  int4(value: number): void
  int8(value: bigint): void
  bytea(value: Uint8Array): void
  /** Arrays: a value of each row. */
  int4s<R>(rows: ReadonlyArray<R>, of: (row: R) => number): void
  int8s<R>(rows: ReadonlyArray<R>, of: (row: R) => bigint): void
  texts<R>(rows: ReadonlyArray<R>, of: (row: R) => string | null): void
  byteas<R>(rows: ReadonlyArray<R>, of: (row: R) => Uint8Array): void
}

/** One parameter of a statement over rows: an array with a value of each row. */
export type Column<R> = (out: StatementWriter, rows: ReadonlyArray<R>) => void

export const int4 =
  <R>(of: (row: R) => number): Column<R> =>
  (out, rows) =>
    out.int4s(rows, of)

export const int8 =
  <R>(of: (row: R) => bigint): Column<R> =>
  (out, rows) =>
    out.int8s(rows, of)

export const text =
  <R>(of: (row: R) => string | null): Column<R> =>
  (out, rows) =>
    out.texts(rows, of)

export const bytea =
  <R>(of: (row: R) => Uint8Array): Column<R> =>
  (out, rows) =>
    out.byteas(rows, of)

/** A statement over rows; not run if there is none. */
export const over =
  <R>(name: StatementName, ...columns: ReadonlyArray<Column<NoInfer<R>>>): Column<R> =>
  (out, rows) => {
    if (rows.length === 0) return
    out.run(name, columns.length, () => {
      for (const column of columns) column(out, rows)
    })
  }

type Key<W> = (write: W) => string | number

/** Of writes that set the same thing, the last: `insert … on conflict` takes a row once. */
export const lastByKey = <W>(writes: ReadonlyArray<W>, key: Key<W>): ReadonlyArray<W> => {
  if (writes.length < 2) return writes
  const found = new Map<string | number, W>()
  for (const write of writes) found.set(key(write), write)
  return found.size === writes.length ? writes : Array.from(found.values())
}

/** A statement over the last write of each key. */
export const overLast =
  <W>(key: Key<NoInfer<W>>, statement: Column<NoInfer<W>>): Column<W> =>
  (out, writes) =>
    statement(out, lastByKey(writes, key))
