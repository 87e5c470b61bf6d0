import { isAnotherServer } from "../../port/counters.ts"
import type { ServerIdentity } from "../../port/CommitStore.ts"
import { databaseOf } from "./OwnerRecord.ts"
import type { OwnerRecord } from "./OwnerRecord.ts"

/** What a reign says of itself. */
export interface OwnerClaim {
  readonly clusterId: string
  readonly server: ServerIdentity
  readonly epoch: number
  /** This process, by a word of its own. */
  readonly writer: string
}

/** Whether the objects are this database's. */
export type OwnerState =
  | { readonly _tag: "Idle" }
  /** `why`: what the last look failed by. */
  | { readonly _tag: "Looking"; readonly claim: OwnerClaim; readonly why: string | undefined }
  /** `tag`: of the owner object as this reign wrote it. */
  | { readonly _tag: "Owned"; readonly claim: OwnerClaim; readonly tag: string }
  | { readonly _tag: "Refused"; readonly claim: OwnerClaim; readonly why: string }

export type OwnerEvent =
  /** The lock is taken. */
  | { readonly _tag: "Claimed"; readonly claim: OwnerClaim }
  /** There is no owner object. `knowsObjects`: the database has objects all the same. */
  | { readonly _tag: "NoOwner"; readonly knowsObjects: boolean }
  /** `record` undefined: it cannot be read. */
  | { readonly _tag: "Read"; readonly record: OwnerRecord | undefined; readonly tag: string }
  /** The owner object was put in the place of the state that was read, or another state is there by now. */
  | { readonly _tag: "Written" }
  /** The store or the database could not be asked. */
  | { readonly _tag: "Failed"; readonly why: string }

/** What is to be done next: the owner object is read, or put in the place of what was read. */
export type OwnerAction =
  { readonly _tag: "Look" } | { readonly _tag: "Write"; readonly tag: string | undefined } | { readonly _tag: "Rest" }

const LOOK: OwnerAction = { _tag: "Look" }
const REST: OwnerAction = { _tag: "Rest" }

/** What an owner object means for a claim. `Takes`: the claim may take its place. */
type Verdict = "Mine" | "Takes" | { readonly why: string }

const ADOPT = "if the objects are to be this database's: tusk object adopt"

/** A standby that was promoted, or a backup that was restored in the place of what it was taken of: another timeline of the same. */
const isSamePlace = (a: ServerIdentity, b: ServerIdentity): boolean =>
  !isAnotherServer({ ...a, timeline: b.timeline }, b)

const judge = (claim: OwnerClaim, record: OwnerRecord | undefined): Verdict => {
  if (record === undefined || record.clusterId !== claim.clusterId) {
    return { why: `the owner object of cluster ${claim.clusterId} cannot be read: ${ADOPT}` }
  }
  const isMine = record.writer === claim.writer
  if (isAnotherServer(record, claim.server)) {
    // This very process wrote it for the database as it was before the failover.
    if (isMine && isSamePlace(record, claim.server)) return "Takes"
    return {
      why: `the objects are another database's (${databaseOf(record)}), and this one (${databaseOf(claim.server)}) may be a copy: ${ADOPT}`
    }
  }
  if (record.epoch < claim.epoch) return "Takes"
  if (record.epoch === claim.epoch && isMine) return "Mine"
  return {
    why: `the database is at epoch ${claim.epoch}, and owned the objects at epoch ${record.epoch}: it was restored, or it has a copy: ${ADOPT}`
  }
}

/**
 * Whose the objects are: pure. A reign claims them; the owner object decides.
 *
 * | state | event | next | to do |
 * |---|---|---|---|
 * | any | Claimed | Looking | Look |
 * | any but Idle | NoOwner, the database knows no object | Looking | Write, where none is |
 * | | NoOwner, it knows some | Refused: the wrong store? | Rest |
 * | | Read, as this reign wrote it | Owned | Rest |
 * | | Read, of this database at a lower epoch, or by `tusk object adopt` | Looking | Write, in its place |
 * | | Read, of another timeline, written by this very process | Looking | Write, in its place: a failover that it lived through |
 * | | Read, of another database, or a higher epoch, or not to be read | Refused | Rest |
 * | | Written | as it is | Look |
 * | Looking | Failed | Looking, with why | Rest |
 * | Owned, Refused | Failed | as it is | Rest |
 *
 * Objects are read and written while Owned. What is at Rest is looked at again: often while not Owned, and before each round of
 * removals.
 */
export const afterEvent = (state: OwnerState, event: OwnerEvent): readonly [OwnerState, OwnerAction] => {
  if (event._tag === "Claimed") return [{ _tag: "Looking", claim: event.claim, why: undefined }, LOOK]
  if (state._tag === "Idle") return [state, REST]
  const { claim } = state
  const takes = (tag: string | undefined) =>
    [
      { _tag: "Looking", claim, why: undefined },
      { _tag: "Write", tag }
    ] as const
  switch (event._tag) {
    case "Written":
      return [state, LOOK]
    case "Failed":
      return [state._tag === "Looking" ? { ...state, why: event.why } : state, REST]
    case "NoOwner": {
      if (!event.knowsObjects) return takes(undefined)
      const why = `the object store has no owner object of cluster ${claim.clusterId}, though the database knows objects: is it the right store? ${ADOPT}`
      return [{ _tag: "Refused", claim, why }, REST]
    }
    case "Read": {
      const verdict = judge(claim, event.record)
      if (verdict === "Mine") return [{ _tag: "Owned", claim, tag: event.tag }, REST]
      if (verdict === "Takes") return takes(event.tag)
      return [{ _tag: "Refused", claim, why: verdict.why }, REST]
    }
  }
}

/** What a reign that owns the objects writes. */
export const recordOf = ({ clusterId, epoch, server, writer }: OwnerClaim, writtenAt: number): OwnerRecord => ({
  clusterId,
  systemIdentifier: server.systemIdentifier,
  timeline: server.timeline,
  place: server.place,
  epoch,
  writer,
  writtenAt
})
