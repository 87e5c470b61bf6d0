import { isRelaxed } from "../../port/Write.ts"
import type { Unit } from "../../port/Write.ts"
import { definitionOfKind, KINDS } from "../../writes/Writes.ts"
import type { FrameWriter } from "../connection/FrameWriter.ts"
import { CommitFrame } from "./CommitFrame.ts"
import { planCommit } from "./CommitPlan.ts"
import { OffsetRows } from "./OffsetRows.ts"
import type { OffsetRowsDraft } from "./OffsetRows.ts"
import { CommitRows, witnessOf } from "./Witness.ts"
import type { Witness } from "./Witness.ts"

/** Of a commit that touches none. */
const NO_OFFSETS = new OffsetRows([]).draft()
const NO_ROWS = new CommitRows(0, [])

/** As `encodeCommit`, of units of appends and what goes with them (`Participant.isPlain`). */
export const encodeAppends = (frame: FrameWriter, units: ReadonlyArray<Unit>): Witness | undefined =>
  encodeCommit(frame, units, NO_OFFSETS, NO_ROWS)

/** Writes a commit as statements to be closed by one Sync: one transaction, one round trip, one fsync. */
export const encodeCommit = (
  frame: FrameWriter,
  units: ReadonlyArray<Unit>,
  offsetRows: OffsetRowsDraft,
  commitRows: CommitRows
): Witness | undefined => {
  const out = new CommitFrame(frame)
  if (isRelaxed(units)) out.run("Relax", 0, () => {})
  const segments = planCommit(units)
  for (const { kinds } of segments) {
    for (const kind of KINDS) {
      const writes = kinds.get(kind)
      if (writes !== undefined) definitionOfKind(kind).store(out, writes, offsetRows)
    }
  }
  const witness = witnessOf(segments, offsetRows, commitRows)
  if (witness?._tag === "Row") {
    out.run("PutCommit", 2, () => {
      out.int8(witness.commitId)
      out.int8s(witness.former, (commitId) => commitId)
    })
  }
  return witness
}
