import type { FrameWriter } from "./FrameWriter.ts"

/** A statement of constant text, prepared once a connection under its name. */
export interface Statement {
  /** ASCII, unique among the statements of a connection. */
  readonly name: string
  readonly sql: string
}

/** Statements by their names. */
export const statementsOf = <N extends string>(texts: Readonly<Record<N, string>>): Readonly<Record<N, Statement>> =>
  Object.fromEntries(
    Object.entries<string>(texts).map(([name, sql]): [string, Statement] => [name, { name, sql }])
  ) as Record<N, Statement>

const BIND = 0x42
const EXECUTE = 0x45
const COPY_DATA = 0x64
const COPY_DONE = 0x63
/** Of COPY's binary format: its signature, no flags, no extension. */
const COPY_HEADER = Buffer.from("PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", "latin1")
/** In the place of a row's number of columns: no row follows. */
const COPY_END = -1

/** Runs a prepared statement inside `send`: binary parameters, binary rows. */
export const run = (frame: FrameWriter, statement: Statement, parameterCount: number, parameters: () => void): void => {
  frame.message(BIND, () => {
    frame.name("")
    frame.name(statement.name)
    frame.int16(1)
    frame.int16(1)
    frame.int16(parameterCount)
    parameters()
    frame.int16(1)
    frame.int16(1)
  })
  frame.message(EXECUTE, () => {
    frame.name("")
    frame.int32(0)
  })
}

/**
 * Runs a prepared `copy … from stdin (format binary)` inside `send`: its rows go along, without waiting for the server to ask
 * for them. `values` writes a row's values, each with its length before it. A server that refuses skips what is left.
 */
export const copyIn = <R>(
  frame: FrameWriter,
  statement: Statement,
  columns: number,
  rows: ReadonlyArray<R>,
  values: (row: R) => void
): void => {
  run(frame, statement, 0, () => {})
  frame.message(COPY_DATA, () => {
    frame.raw(COPY_HEADER)
    for (const row of rows) {
      frame.int16(columns)
      values(row)
    }
    frame.int16(COPY_END)
  })
  frame.message(COPY_DONE, () => {})
}
