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
