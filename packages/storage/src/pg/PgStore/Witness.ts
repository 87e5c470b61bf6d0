import type { WriteTag } from "../../port/Write.ts"
import { definitionOfKind, KINDS } from "../../writes/Writes.ts"
import type { Segment } from "./CommitPlan.ts"
import type { OffsetRowsDraft } from "./OffsetRows.ts"

/**
 * A row that only one commit adds: if its outcome is unknown, the row tells. A batch is the first of its epoch at its
 * offset, an offset's row has an id of its own; what adds neither adds a row to say so.
 */
export type Witness =
  | { readonly _tag: "Batch"; readonly partitionId: number; readonly baseOffset: bigint; readonly leaderEpoch: number }
  | { readonly _tag: "Offset"; readonly commitId: number }
  | { readonly _tag: "Row"; readonly commitId: bigint; readonly former: ReadonlyArray<bigint> }

/** Kinds after which a batch that the same commit adds may be gone again; so with rows of offsets. */
const TAKE_BATCHES = KINDS.filter((kind) => definitionOfKind(kind).takes.includes("batches"))
const TAKE_OFFSETS = KINDS.filter((kind) => definitionOfKind(kind).takes.includes("offsets"))

const hasAny = (segments: ReadonlyArray<Segment>, tags: ReadonlyArray<WriteTag>): boolean =>
  segments.some(({ kinds }) => tags.some((tag) => kinds.has(tag)))

/** Undefined for a commit of nothing. */
export const witnessOf = (
  segments: ReadonlyArray<Segment>,
  { lastPut }: OffsetRowsDraft,
  commitRows: CommitRows
): Witness | undefined => {
  const holder = segments.find(({ kinds }) => kinds.has("Append"))
  if (holder !== undefined && !hasAny(segments, TAKE_BATCHES)) {
    const { baseOffset, leaderEpoch, partitionId } = holder.of("Append")[0]!
    return { _tag: "Batch", partitionId, baseOffset, leaderEpoch }
  }
  if (lastPut !== undefined && !hasAny(segments, TAKE_OFFSETS)) return { _tag: "Offset", commitId: lastPut }
  if (segments.every(({ kinds }) => kinds.size === 0)) return undefined
  return { _tag: "Row", ...commitRows.take() }
}

/** Looks for a witness: one row, true or false. A simple query, which takes no parameters. */
const lookFor = (witness: Witness): string => {
  switch (witness._tag) {
    case "Batch":
      return `select exists (select from kafka.batches where partition_id = ${witness.partitionId}
        and base_offset = ${witness.baseOffset} and leader_epoch = ${witness.leaderEpoch})`
    case "Offset":
      return `select exists (select from kafka.offsets where commit_id = ${witness.commitId})`
    case "Row":
      return `select exists (select from kafka.commits where commit_id = ${witness.commitId})`
  }
}

/** Ids of rows of `kafka.commits`, of one reign: the epoch and a number, so that none is given twice. */
export class CommitRows {
  private next: bigint
  private former: ReadonlyArray<bigint>

  /** `left`: rows that reigns before it left. */
  constructor(epoch: number, left: ReadonlyArray<bigint>) {
    this.next = BigInt(epoch) << 32n
    this.former = left
  }

  /** The id of a row to insert, and those of the rows to delete. */
  take(): { readonly commitId: bigint; readonly former: ReadonlyArray<bigint> } {
    return { commitId: ++this.next, former: this.former }
  }

  /** The commit that took it is stored. */
  settle(commitId: bigint): void {
    this.former = [commitId]
  }
}

/** What became of the last commit of this process, as long as that is not known. */
export class LastCommit {
  private unknown: { readonly witness: Witness | undefined; readonly epoch: number } | undefined
  private told: boolean | undefined

  /** A commit of the reign of `epoch` is sent: no take-over asks for the one before it any more. */
  begin(witness: Witness | undefined, epoch: number): void {
    this.unknown = { witness, epoch }
    this.told = undefined
  }

  /** Its outcome is known. `told`: to be told at the next take-over, as no caller was told yet. */
  settle(told?: boolean): void {
    this.unknown = undefined
    this.told = told
  }

  /** A statement that looks for it, if there is something to look for. */
  get lookup(): string | undefined {
    return this.unknown?.witness === undefined ? undefined : lookFor(this.unknown.witness)
  }

  /**
   * Whether it is stored. `found`: what `lookup` found, under the lock; `epoch`: that of the reign before. If that is
   * another one, another broker wrote since, and may have taken away what tells.
   */
  judge(found: boolean, epoch: number): boolean | undefined {
    if (this.unknown === undefined) return this.told
    if (this.unknown.witness === undefined) return false
    return found || epoch === this.unknown.epoch ? found : undefined
  }
}
