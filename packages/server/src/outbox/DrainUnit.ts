import { NotLeaderOrFollower } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { join } from "@tusk/storage/commit/Participant"
import type { Participant, Verdict } from "@tusk/storage/commit/Participant"
import { isKafkaError } from "@tusk/storage/log/Log"
import type { Log } from "@tusk/storage/log/Log"
import type { CommittedOffset, Offsets } from "@tusk/storage/offsets/Offsets"
import type { SqlClaims } from "@tusk/storage/offsets/SqlClaims"
import type { OutboxKey, OutboxOffset } from "@tusk/storage/port/Outbox"
import type { StoreError } from "@tusk/storage/port/StoreError"
import type { Write } from "@tusk/storage/port/Write"
import type { Topics } from "@tusk/storage/topics/Topics"
import type * as Effect from "effect/Effect"
import { GONE } from "./OutboxBatches.ts"
import type { PartitionRows, RefusedRecord } from "./OutboxBatches.ts"

/** What a unit of the drain needs. */
export interface DrainPorts {
  readonly log: Pick<Log["Service"], "appending">
  readonly offsets: Pick<Offsets["Service"], "committing">
  readonly claims: Pick<SqlClaims["Service"], "claimed" | "released">
  readonly topics: Pick<Topics["Service"], "ofPartition">
}

/** Rows that are appended, noted or laid aside together. */
export interface DrainRows {
  readonly partitions: ReadonlyArray<PartitionRows>
  readonly offsets: ReadonlyArray<OutboxOffset>
}

interface Appending {
  readonly rows: PartitionRows
  readonly append: ReturnType<Log["Service"]["appending"]>
}

const unreadable = ({ message }: KafkaError) =>
  new NotLeaderOrFollower({ message: `the partition takes nothing now: ${message}` })

/** The newest offset that each group committed for each partition that is there. */
const committed = (
  rows: ReadonlyArray<OutboxOffset>,
  topics: DrainPorts["topics"]
): ReadonlyMap<string, ReadonlyArray<CommittedOffset>> => {
  const groups = new Map<string, Map<number, CommittedOffset>>()
  for (const { committedOffset, groupId, partitionId, timestamp } of rows) {
    if (committedOffset === null || committedOffset < 0n || topics.ofPartition(partitionId) === undefined) continue
    let offsets = groups.get(groupId)
    if (offsets === undefined) groups.set(groupId, (offsets = new Map()))
    const about = { leaderEpoch: -1, metadata: "", commitTimestamp: timestamp, expireTimestamp: -1n }
    offsets.set(partitionId, { partitionId, offset: committedOffset, ...about })
  }
  return new Map(Array.from(groups, ([groupId, offsets]) => [groupId, Array.from(offsets.values())]))
}

/**
 * Rows of the outbox become batches and offsets in the commit that takes them away: it has both or neither. What turns out
 * to have no place any more is laid aside in the same commit.
 */
export class DrainUnit implements Participant<void> {
  readonly bytes: number
  readonly prepare: Effect.Effect<void, StoreError> | undefined
  readonly partitionIds: ReadonlyArray<number>
  readonly #ports: DrainPorts
  readonly #rows: DrainRows
  readonly #appends: ReadonlyArray<Appending>
  #assembled: Array<Participant<unknown>> = []

  constructor(ports: DrainPorts, rows: DrainRows) {
    this.#ports = ports
    this.#rows = rows
    this.#appends = rows.partitions.map((partition) => ({
      rows: partition,
      append: ports.log.appending(partition.batches.map(({ request }) => request))
    }))
    const all = join(...this.#appends.map(({ append }) => append))
    this.bytes = all.bytes
    this.prepare = all.prepare
    this.partitionIds = all.partitionIds ?? []
  }

  assemble(writes: Array<Write>): Verdict {
    const { offsets, topics } = this.#ports
    const done: Array<OutboxKey> = this.#rows.offsets.slice()
    const refused: Array<RefusedRecord> = []
    for (const { append, rows } of this.#appends) {
      if (rows.waiting !== undefined) return unreadable(rows.waiting)
      refused.push(...rows.refused)
      this.#add(append, writes)
      const answers = append.answer()
      for (let i = 0; i < answers.length; i++) {
        const answer = answers[i]!
        const batch = rows.batches[i]!
        if (!isKafkaError(answer)) done.push(...batch.rows)
        // Nothing of it is stored: it comes again.
        else if (topics.ofPartition(rows.partitionId) !== undefined) return unreadable(answer)
        else refused.push(...batch.rows.map((row) => ({ row, reason: GONE })))
      }
    }
    for (const [groupId, entries] of committed(this.#rows.offsets, topics)) {
      this.#add(offsets.committing(groupId, entries), writes)
    }
    if (done.length > 0) writes.push({ _tag: "DeleteOutbox", keys: done.map(({ id, xid }) => ({ xid, id })) })
    for (const { reason, row } of refused) writes.push({ _tag: "RefuseOutbox", xid: row.xid, id: row.id, reason })
    return "Stored"
  }

  #add(part: Participant<unknown>, writes: Array<Write>): void {
    part.assemble(writes)
    this.#assembled.push(part)
  }

  retract(): void {
    for (const part of this.#assembled.reverse()) part.retract()
    this.#assembled = []
  }

  settle(error: StoreError | undefined): void {
    for (const part of this.#assembled) part.settle(error)
    if (error !== undefined) return
    const { claims } = this.#ports
    for (const { committedOffset, groupId, partitionId } of this.#rows.offsets) {
      if (committedOffset === null) claims.released(groupId, partitionId)
      else claims.claimed(groupId, partitionId)
    }
  }

  answer(): void {}
}
