import { isKafkaError } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { Store } from "../../port/Store.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Recurring } from "../../Recurring.ts"
import type { StorageCounts } from "../../StorageCounts.ts"
import type { Topic, Topics } from "../../topics/Topics.ts"
import type { Log, PartitionEnd } from "../Log.ts"
import { localStart } from "../partitions/Ends.ts"
import type { Rewriting, RewritingInReign } from "../rewriting/Rewriting.ts"
import { ColdBatches } from "./ColdBatches.ts"
import type { MoveCold } from "./moveCold.ts"
import type { TierOf, TierOptions } from "./TierOptions.ts"
import { countCold, isCold } from "./TierPlan.ts"
import type { LocalBatch, LocalLimits } from "./TierPlan.ts"

/** Heads of batches asked for at a time. */
const SIZES = 1000

export interface TieredTopicsPorts {
  readonly store: Pick<Store["Service"], "sizes">
  readonly log: Pick<Log["Service"], "ends" | "raiseLogStart">
  readonly topics: Pick<Topics["Service"], "all">
  readonly rewriting: Pick<Rewriting["Service"], "inReign">
  readonly policyOf: TierOf
  /** Undefined: there is no object store, and nothing moves. */
  readonly move: MoveCold | undefined
  readonly counts: StorageCounts
  readonly options: TierOptions
}

/** The first batch that stays, of a partition that was looked at. */
interface Resting {
  readonly from: bigint
  readonly first: LocalBatch
}

/** One look at all topics after the other. */
export class TieredTopics {
  readonly #ports: TieredTopicsPorts
  readonly #trouble = new Recurring("objects")
  #resting = new Map<number, Resting>()

  constructor(ports: TieredTopicsPorts) {
    this.#ports = ports
  }

  clear(): void {
    this.#resting.clear()
  }

  get check(): Effect.Effect<void> {
    return Effect.suspend(() => new Look(this.#ports, this.#resting).run).pipe(
      Effect.flatMap((resting) =>
        Effect.sync(() => {
          this.#resting = resting
        })
      ),
      Effect.andThen(this.#trouble.over("moving of old batches to objects goes on")),
      Effect.catch(({ message }: KafkaError | StoreError) =>
        Effect.suspend(() => {
          this.#ports.counts.tierFailures++
          return this.#trouble.seen(`moving of old batches to objects goes on later: ${message}`)
        })
      ),
      Effect.catchDefect((defect) => Effect.logError("defect in the moving of old batches", defect))
    )
  }
}

class Look {
  readonly #ports: TieredTopicsPorts
  readonly #before: ReadonlyMap<number, Resting>
  /** What is gone is not remembered. */
  readonly #resting = new Map<number, Resting>()
  readonly #reign: RewritingInReign
  #cold: ColdBatches

  constructor(ports: TieredTopicsPorts, before: ReadonlyMap<number, Resting>) {
    this.#ports = ports
    this.#before = before
    this.#reign = ports.rewriting.inReign()
    this.#cold = new ColdBatches(ports.options)
  }

  get run(): Effect.Effect<Map<number, Resting>, KafkaError | StoreError> {
    return Effect.gen({ self: this }, function* () {
      const { counts, move, policyOf, topics } = this.#ports
      counts.tierLagBytes = 0
      for (const topic of topics.all()) {
        const policy = policyOf(topic.name)
        if (policy?._tag === "Ends") yield* this.#end(topic)
        else if (policy !== undefined && move !== undefined) yield* this.#gather(topic, policy.limits, move)
      }
      if (move !== undefined) yield* this.#flush(move)
      return this.#resting
    })
  }

  /** What has moved is not readable any more; its deletion follows (`Retention`). */
  readonly #end = Effect.fnUntraced({ self: this }, function* (topic: Topic) {
    const ends = yield* this.#ports.log.ends(topic.partitionIds)
    for (const [i, partitionId] of topic.partitionIds.entries()) {
      const end = ends[i]!
      if (isKafkaError(end) || localStart(end) === end.logStartOffset) continue
      yield* this.#ports.log.raiseLogStart(partitionId, localStart(end))
    }
  })

  readonly #gather = Effect.fnUntraced({ self: this }, function* (topic: Topic, limits: LocalLimits, move: MoveCold) {
    const ends = yield* this.#ports.log.ends(topic.partitionIds)
    const nowMs = BigInt(yield* Clock.currentTimeMillis)
    for (const [i, partitionId] of topic.partitionIds.entries()) {
      const end = ends[i]!
      if (isKafkaError(end) || localStart(end) >= end.highWatermark) continue
      const known = this.#before.get(partitionId)
      const rests = known?.from === localStart(end) && !isCold(known.first, end, limits, nowMs)
      const first = rests ? known.first : yield* this.#gatherOf(partitionId, end, limits, nowMs, move)
      if (first !== undefined) this.#resting.set(partitionId, { from: localStart(end), first })
    }
  })

  /** Tells the first batch that stays, if that is the first of all that have not moved. */
  readonly #gatherOf = Effect.fnUntraced(
    { self: this },
    function* (partitionId: number, end: PartitionEnd, limits: LocalLimits, nowMs: bigint, move: MoveCold) {
      const { store } = this.#ports
      let from = localStart(end)
      for (let limit = 1; ; limit = SIZES) {
        const sizes = yield* store.sizes(partitionId, from, limit)
        const cold = sizes.slice(0, countCold(sizes, end, limits, nowMs))
        for (const { bytes, inObject } of cold) if (!inObject) this.#ports.counts.tierLagBytes += bytes
        let taken = 0
        while (taken < cold.length) {
          taken += this.#cold.take(partitionId, cold.slice(taken))
          if (this.#cold.isFull && !(yield* this.#flush(move))) return undefined
        }
        if (cold.length < sizes.length) return from === localStart(end) && cold.length === 0 ? sizes[0] : undefined
        if (sizes.length < limit) return undefined
        from = sizes.at(-1)!.lastOffset + 1n
      }
    }
  )

  /** Half of the time is others', and no more bytes move in a second than may. Tells whether all have moved. */
  readonly #flush = Effect.fnUntraced({ self: this }, function* (move: MoveCold) {
    const cold = this.#cold
    if (cold.isEmpty) return true
    this.#cold = new ColdBatches(this.#ports.options)
    const [took, { bytes, isAll }] = yield* Effect.timed(move(cold, this.#reign))
    this.#ports.counts.tierLagBytes -= bytes
    const tookMs = Duration.toMillis(took)
    const waitMs = Math.max(tookMs, (1000 * bytes) / this.#ports.options.bytesPerSecond - tookMs)
    if (waitMs >= 1) yield* Effect.sleep(waitMs)
    return isAll
  })
}
