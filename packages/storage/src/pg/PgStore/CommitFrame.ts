import type { StatementName, StatementWriter } from "../../writes/StatementWriter.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { copyIn, run, statementsOf } from "../connection/Statement.ts"
import type { Statement } from "../connection/Statement.ts"
import { commitTexts } from "../sql/bundle.ts"
import { escapeText } from "./escapeText.ts"

type CommitStatement = StatementName | "Relax" | "PutCommit"

/** What the session of commits prepares. What is missing here is a file in `../sql/statements/commit/`, and `npm run sql`. */
export const commitStatements: Readonly<Record<CommitStatement, Statement>> = statementsOf(commitTexts)

/** Writes a commit's statements for Postgres. */
export class CommitFrame implements StatementWriter {
  private readonly frame: FrameWriter

  constructor(frame: FrameWriter) {
    this.frame = frame
  }

  run(name: CommitStatement, count: number, parameters: () => void): void {
    run(this.frame, commitStatements[name], count, parameters)
  }

  copy<R>(name: CommitStatement, columns: number, rows: ReadonlyArray<R>, values: (row: R) => void): void {
    copyIn(this.frame, commitStatements[name], columns, rows, values)
  }

  int2(value: number): void {
    this.frame.int32(2)
    this.frame.int16(value)
  }
  int4(value: number): void {
    this.frame.int32(4)
    this.frame.int32(value)
  }
  int8(value: bigint): void {
    this.frame.int32(8)
    this.frame.int64(value)
  }
  bytea(value: Uint8Array): void {
    this.frame.int32(value.byteLength)
    this.frame.raw(value)
  }

  int4s<R>(rows: ReadonlyArray<R>, of: (row: R) => number): void {
    this.frame.int32Array(rows, of)
  }
  int8s<R>(rows: ReadonlyArray<R>, of: (row: R) => bigint): void {
    this.frame.int64Array(rows, of)
  }
  texts<R>(rows: ReadonlyArray<R>, of: (row: R) => string | null): void {
    this.frame.textArray(rows, (row) => {
      const text = of(row)
      return text === null ? null : escapeText(text)
    })
  }
  byteas<R>(rows: ReadonlyArray<R>, of: (row: R) => Uint8Array): void {
    this.frame.bytesArray(rows, of)
  }
}
