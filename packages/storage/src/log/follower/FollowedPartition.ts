import { isKafkaError, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type * as Semaphore from "effect/Semaphore"
import type { Recurring } from "../../Recurring.ts"
import type { ErasedKey, FollowerPosition } from "../../port/FollowerRows.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { UnpackedPosition, UnpackedRows } from "../../port/UnpackedRows.ts"
import type { Log } from "../Log.ts"
import { Patience } from "./Patience.ts"
import type { ReadStep } from "./readStep.ts"

/** Rows that one statement deletes. */
const TRIM_ROWS = 10_000

/** What rows are kept with. */
export interface RowPorts {
  readonly rows: UnpackedRows
  readonly log: Pick<Log["Service"], "ends" | "awaitBytes">
  readonly readStep: ReadStep
  /** One step at a time has its batches in memory. */
  readonly turns: Semaphore.Semaphore
  readonly paceMs: number
  /** Another one: what is stored of rows may be less than it was, after a crash of the database. */
  readonly reign: () => number | undefined
  readonly trouble: Recurring
}

type Failure = KafkaError | StoreError

/** The rows of one partition. */
export class FollowedPartition {
  readonly #ports: RowPorts
  readonly #partitionId: number
  readonly #patience: Patience
  /** Rows below are gone. */
  #trimmed = 0n
  /** Where it goes on; undefined: it is to be looked up. */
  #at: FollowerPosition | undefined

  constructor(ports: RowPorts, partitionId: number, name: string) {
    this.#ports = ports
    this.#partitionId = partitionId
    this.#patience = new Patience(name, ports.trouble)
  }

  /** How far it has come, as far as it knows. */
  get nextOffset(): bigint | undefined {
    return this.#at?.nextOffset
  }

  /** Adds what is appended, without end. */
  get follow(): Effect.Effect<never> {
    return Effect.forever(this.#insist(this.#run))
  }

  /** Takes all rows away, however long that takes. */
  get retire(): Effect.Effect<void> {
    const gone = Effect.andThen(this.#ports.rows.end(this.#partitionId), this.#clear)
    const retire = (): Effect.Effect<void> =>
      Effect.flatMap(this.#insist(Effect.as(gone, true)), (done) => (done === true ? Effect.void : retire()))
    return Effect.suspend(retire)
  }

  /** Takes away what retention, DeleteRecords and compaction took. */
  readonly upkeep = Effect.fnUntraced({ self: this }, function* (position: UnpackedPosition) {
    const { logStartOffset } = yield* this.#end()
    if (logStartOffset > this.#trimmed) yield* this.#trim(logStartOffset)
    if (logStartOffset > this.#trimmed) this.#trimmed = logStartOffset
    if (position.compacted !== undefined) yield* this.#sift(position.compacted.cleanedOffset, position)
  })

  /** Between steps: none has read batches that were replaced meanwhile. */
  readonly erase = Effect.fnUntraced({ self: this }, function* (erased: ErasedKey) {
    const { rows, turns } = this.#ports
    yield* turns.withPermits(1)(rows.erase(erased))
  })

  /** What fails is told, and waited for; a bug ends one try. */
  #insist<A>(work: Effect.Effect<A, Failure>): Effect.Effect<A | undefined> {
    return work.pipe(
      Effect.catch((error) => Effect.as(this.#patience.after(error.message), undefined)),
      Effect.catchDefect((defect) => Effect.as(this.#patience.after(`defect: ${String(defect)}`), undefined))
    )
  }

  /** From the position that is stored, step by step. */
  readonly #run: Effect.Effect<void, Failure> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      const reign = this.#ports.reign()
      this.#at = undefined
      while (this.#ports.reign() === reign) {
        const at = (this.#at ??= yield* this.#begin())
        if (at === undefined || !(yield* this.#step(at))) {
          return yield* this.#patience.after("the position is not where this broker left it")
        }
      }
    })
  )

  readonly #begin = Effect.fnUntraced({ self: this }, function* () {
    const { rows } = this.#ports
    const known = yield* rows.position(this.#partitionId)
    if (known !== undefined) return known
    // Rows without a position are those of a time when the topic was followed before.
    yield* this.#clear
    const { logStartOffset } = yield* this.#end()
    yield* rows.begin(this.#partitionId, logStartOffset)
    return yield* rows.position(this.#partitionId)
  })

  /** False: the position is another one than it was. */
  readonly #step = Effect.fnUntraced({ self: this }, function* ({ nextOffset }: FollowerPosition) {
    const { log, paceMs, turns } = this.#ports
    const { lastStableOffset, logStartOffset } = yield* this.#end()
    if (nextOffset >= lastStableOffset) {
      const position = {
        partitionId: this.#partitionId,
        bound: "LastStableOffset",
        readableEnd: lastStableOffset
      } as const
      yield* log.awaitBytes([position], 1)
      return true
    }
    if (!(yield* turns.withPermits(1)(this.#advance(logStartOffset, lastStableOffset)))) return false
    yield* this.#patience.reset
    if (this.#at !== undefined && this.#at.nextOffset >= lastStableOffset) yield* Effect.sleep(paceMs)
    return true
  })

  readonly #advance = Effect.fnUntraced({ self: this }, function* (start: bigint, end: bigint) {
    // Upkeep has written it meanwhile.
    if (this.#at === undefined) return true
    const { readStep, rows } = this.#ports
    const partitionId = this.#partitionId
    const { nextOffset: from, version } = this.#at
    const step = from < start ? { partitionId, from, to: start, batches: [] } : yield* readStep(partitionId, from, end)
    this.#at = yield* rows.add(step, version)
    return this.#at !== undefined
  })

  /** Rows go that no batch holds any more, below the offset up to which the log is compacted. */
  readonly #sift = Effect.fnUntraced({ self: this }, function* (cleanedOffset: bigint, position: UnpackedPosition) {
    const { readStep, rows, turns } = this.#ports
    const end = yield* this.#end()
    const below = cleanedOffset < position.nextOffset ? cleanedOffset : position.nextOffset
    let from = end.logStartOffset
    while (from < below) {
      const sifted = Effect.tap(readStep(this.#partitionId, from, end.lastStableOffset), rows.sift)
      from = (yield* turns.withPermits(1)(sifted)).to
    }
    if (position.compacted === undefined) return
    const noted = Effect.tap(rows.noteCompaction(this.#partitionId, position.compacted), () =>
      Effect.sync(() => (this.#at = undefined))
    )
    yield* turns.withPermits(1)(noted)
  })

  readonly #clear: Effect.Effect<void, StoreError> = Effect.suspend(() =>
    Effect.gen({ self: this }, function* () {
      while ((yield* this.#ports.rows.clear(this.#partitionId, TRIM_ROWS)) === TRIM_ROWS);
    })
  )

  readonly #trim = Effect.fnUntraced({ self: this }, function* (below: bigint) {
    while ((yield* this.#ports.rows.trim(this.#partitionId, below, TRIM_ROWS)) === TRIM_ROWS);
  })

  readonly #end = Effect.fnUntraced({ self: this }, function* () {
    const [end] = yield* this.#ports.log.ends([this.#partitionId])
    if (end === undefined) return yield* new UnknownTopicOrPartition()
    return isKafkaError(end) ? yield* end : end
  })
}
