import { NotLeaderOrFollower } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import type { Active } from "@tusk/storage/commit/Active"
import type { Committer } from "@tusk/storage/commit/Committer"
import type { BatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { isOutboxOffset } from "@tusk/storage/port/Outbox"
import type { Outbox, OutboxOffset, OutboxRecord, OutboxRow } from "@tusk/storage/port/Outbox"
import type { StoreError } from "@tusk/storage/port/StoreError"
import * as Effect from "effect/Effect"
import type { ServerCounts } from "../request/ServerCounts.ts"
import type { TopicSettings } from "../topics/TopicSettings.ts"
import { misdirected } from "../topics/misdirected.ts"
import { DrainUnit } from "./DrainUnit.ts"
import type { DrainPorts, DrainRows } from "./DrainUnit.ts"
import { batchesOf, GONE } from "./OutboxBatches.ts"
import type { PartitionRows } from "./OutboxBatches.ts"

export interface DrainParts extends DrainPorts {
  readonly outbox: Outbox
  readonly active: Pick<Active["Service"], "reign" | "nowMs">
  readonly committer: Pick<Committer["Service"], "submit">
  readonly topicSettings: TopicSettings["Service"]
  readonly codec: BatchCodec
  readonly counts: ServerCounts
  /** Milliseconds since 1970. */
  readonly timeMs: () => number
}

/** Keys whose rows are asked for at once. */
const ROWS_AT_A_TIME = 2000
/** How long a partition that takes nothing is left alone: at first, and at most. */
const REST_MS = 1000
const LONGEST_REST_MS = 10_000

interface Resting {
  /** Undefined: it is asked for again. */
  readonly untilMs: number | undefined
  readonly forMs: number
}

/** Takes what became visible in the outbox into the log, pass after pass, of one reign. */
export class Drain {
  readonly #parts: DrainParts
  readonly #reign: number
  /** Undefined: the next pass looks at everything. */
  #since: string | undefined
  /** Partitions that took nothing: what is for them is left where it is, and holds nothing else up. */
  readonly #resting = new Map<number, Resting>()

  constructor(parts: DrainParts, reign: number) {
    this.#parts = parts
    this.#reign = reign
  }

  /** Whether anything was there. Fails if this broker may not be the writer any more: then a new reign looks anew. */
  readonly pass: Effect.Effect<boolean, StoreError | KafkaError> = Effect.gen({ self: this }, function* () {
    const { outbox } = this.#parts
    this.#wake()
    const since = this.#since
    const { isWhole, rows, snapshot } = yield* outbox.pass({ since, except: this.#except() })
    if (rows.length > 0) yield* this.#store(rows)
    if (!isWhole) yield* this.#rest(since, snapshot)
    this.#since = snapshot
    return rows.length > 0
  })

  /** How long until something has to be looked at that nobody tells of. */
  get restMs(): number {
    let atMs = Infinity
    for (const { untilMs } of this.#resting.values()) atMs = Math.min(atMs, untilMs ?? Infinity)
    return Math.max(0, atMs - this.#parts.active.nowMs())
  }

  /** What one pass did not tell: only what its snapshot sees, before what became visible since. */
  readonly #rest = Effect.fnUntraced({ self: this }, function* (since: string | undefined, within: string) {
    const { outbox } = this.#parts
    while (true) {
      const keys = yield* outbox.keys({ since, within, except: this.#except() })
      for (let at = 0; at < keys.length;) {
        const part = yield* outbox.rows(keys.slice(at, at + ROWS_AT_A_TIME))
        if (part.rows.length > 0) yield* this.#store(part.rows)
        at += part.count
      }
      if (keys.length < outbox.maxKeys) return
    }
  })

  /** All of it in one commit; if that fails, each partition in one of its own. */
  readonly #store = Effect.fnUntraced({ self: this }, function* (rows: ReadonlyArray<OutboxRow>) {
    // What comes behind something that was left where it is, is left as well.
    const resting = new Set(this.#except())
    const all = yield* this.#prepared(rows.filter(({ partitionId }) => !resting.has(partitionId)))
    const error = yield* this.#submit(all)
    if (error === undefined) {
      this.#count(rows)
      for (const { partitionId } of all.partitions) this.#resting.delete(partitionId)
      return
    }
    for (const [partitionId, one] of apart(all)) {
      const own = yield* this.#submit(one)
      if (own === undefined) {
        this.#resting.delete(partitionId)
        this.#count(rows.filter((row) => row.partitionId === partitionId))
      } else yield* this.#lay(partitionId, own)
    }
  })

  #count(rows: ReadonlyArray<OutboxRow>): void {
    const { counts, timeMs } = this.#parts
    const nowMs = timeMs()
    counts.drainedRows += rows.length
    for (const { timestamp } of rows) counts.drainSeconds.observe(Math.max(0, nowMs - Number(timestamp)) / 1000)
  }

  readonly #prepared = Effect.fnUntraced({ self: this }, function* (rows: ReadonlyArray<OutboxRow>) {
    const { codec, timeMs, topicSettings, topics } = this.#parts
    const offsets: Array<OutboxOffset> = []
    const records = new Map<number, Array<OutboxRecord>>()
    for (const row of rows) {
      if (isOutboxOffset(row)) offsets.push(row)
      else if (records.has(row.partitionId)) records.get(row.partitionId)!.push(row)
      else records.set(row.partitionId, [row])
    }
    const partitions: Array<PartitionRows> = []
    for (const [partitionId, own] of records) {
      const found = topics.ofPartition(partitionId)
      const config = found === undefined ? undefined : topicSettings.of(found.topic.name)
      const none = { partitionId, batches: [], refused: [] }
      partitions.push(
        config === undefined
          ? { ...none, refused: own.map((row) => ({ row, reason: GONE })) }
          : config.importing
            ? { ...none, waiting: misdirected(found!.topic.name, true) }
            : yield* batchesOf(partitionId, own, config, codec, timeMs())
      )
    }
    return { partitions, offsets }
  })

  /** Why nothing of it is stored; fails if that is not a matter of these rows. */
  readonly #submit = Effect.fnUntraced({ self: this }, function* (rows: DrainRows) {
    const { active, committer } = this.#parts
    const elsewhere = new NotLeaderOrFollower({ message: "the cluster was taken over meanwhile" })
    // What was read in one reign is not stored in another, which has read anew.
    if (active.reign() !== this.#reign) return yield* elsewhere
    const error = yield* Effect.match(committer.submit(new DrainUnit(this.#parts, rows), Infinity), {
      onFailure: (failed) => failed,
      onSuccess: () => undefined
    })
    if (error !== undefined && active.reign() !== this.#reign) return yield* elsewhere
    return error
  })

  #lay(partitionId: number, error: KafkaError): Effect.Effect<void> {
    const before = this.#resting.get(partitionId)
    const forMs = before === undefined ? REST_MS : Math.min(2 * before.forMs, LONGEST_REST_MS)
    this.#resting.set(partitionId, { untilMs: this.#parts.active.nowMs() + forMs, forMs })
    if (before !== undefined) return Effect.void
    return Effect.logWarning(`records of kafka.produce wait, as their partition takes none: ${error.message}`, {
      partitionId
    })
  }

  /** A partition that has rested is asked for again, with all that was left for it. */
  #wake(): void {
    const nowMs = this.#parts.active.nowMs()
    for (const [partitionId, { forMs, untilMs }] of this.#resting) {
      if (untilMs === undefined || untilMs > nowMs) continue
      this.#resting.set(partitionId, { untilMs: undefined, forMs })
      this.#since = undefined
    }
  }

  #except(): ReadonlyArray<number> {
    return Array.from(this.#resting).flatMap(([partitionId, { untilMs }]) =>
      untilMs === undefined ? [] : [partitionId]
    )
  }
}

/** The same, a partition each, its offsets with it. */
const apart = ({ offsets, partitions }: DrainRows): ReadonlyMap<number, DrainRows> => {
  const found = new Map<number, { partitions: Array<PartitionRows>; offsets: Array<OutboxOffset> }>()
  const of = (partitionId: number) => {
    let one = found.get(partitionId)
    if (one === undefined) found.set(partitionId, (one = { partitions: [], offsets: [] }))
    return one
  }
  for (const partition of partitions) of(partition.partitionId).partitions.push(partition)
  for (const offset of offsets) of(offset.partitionId).offsets.push(offset)
  return found
}
