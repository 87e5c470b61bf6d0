import { RetentionOptions } from "@tusk/storage/log/retention/RetentionOptions"
import { TierOptions } from "@tusk/storage/log/tiering/TierOptions"
import { isCold } from "@tusk/storage/log/tiering/TierPlan"
import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import type { MemoryPartition } from "@tusk/storage/writes/MemoryPartition"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Chance } from "./Chance.ts"
import type { Database } from "./Database.ts"
import { GUARDED_TOPICS } from "./History.ts"
import { keptInObjects } from "./ObjectTopics.ts"
import { TRANSACTIONS_TOPIC } from "./TransactionalProducer.ts"
import { TIERED_TOPIC, TOPIC } from "./topicNames.ts"
import type { World } from "./World.ts"

type Configs = Readonly<Record<string, string>>

/** What stays in the database. */
const LOCAL: ReadonlyArray<Configs> = [
  { "local.retention.ms": "0" },
  { "local.retention.ms": "500" },
  { "local.retention.ms": "3000" },
  { "local.retention.bytes": "0" },
  { "local.retention.bytes": "800" },
  { "local.retention.ms": "4000", "local.retention.bytes": "500" }
]
/** What stays at all: nothing is so short that local retention could be longer. */
const TOTAL: ReadonlyArray<Configs> = [{}, { "retention.ms": "8000" }, { "retention.bytes": "1000" }]
/** How long batches may take to move once nothing is in their way. */
const MOVE_MS = 60_000
/** How long made topics live on, so that something of them moves. */
export const LINGER_MS = 4000

/** Which topics are tiered in a run, and how soon their batches move. */
export class TierWorld {
  readonly chance: Chance
  /** Of those that are there in every run. */
  readonly topics: ReadonlyArray<string>
  /** What a topic is made with to be tiered. */
  readonly configs: Configs
  /** The same, of the topic that is made shorter. */
  readonly shortConfigs: Configs
  /** That topic is tiered no more now and then, and what has moved is given up. */
  readonly switches: boolean
  readonly #world: World
  readonly #violate: (invariant: string, text: string) => void

  constructor(world: World, chance: Chance, violate: (invariant: string, text: string) => void) {
    this.#world = world
    this.#violate = violate
    this.chance = chance
    const all = [TOPIC, TRANSACTIONS_TOPIC, ...GUARDED_TOPICS]
    const first = chance.pick(all)
    this.topics = all.filter((topic) => topic === first || chance.permille(600))
    this.configs = { "remote.storage.enable": "true", ...chance.pick(LOCAL) }
    this.shortConfigs = { "remote.storage.enable": "true", ...chance.pick(LOCAL), ...chance.pick(TOTAL) }
    this.switches = chance.permille(500)
  }

  /** Every tiered topic; where keys are erased, what is left of a batch lies in its row. */
  watched(erases: boolean): ReadonlyMap<string, { readonly mayLieInRows: boolean }> {
    return new Map([
      ...this.topics.map((topic) => [topic, { mayLieInRows: erases && !GUARDED_TOPICS.includes(topic) }] as const),
      [TIERED_TOPIC, { mayLieInRows: false }]
    ])
  }

  /** What a topic that is there in every run is made with. Times of records are of no age, so that nothing else is made shorter. */
  configsOf(topic: string): Configs {
    if (topic === TIERED_TOPIC) return this.shortConfigs
    return { "retention.ms": "-1", ...(this.topics.includes(topic) && this.configs) }
  }

  /** Which of these topics keep all in objects: of the tiered ones few. */
  without(topics: ReadonlyArray<string>): ReadonlyArray<string> {
    return topics.filter((topic) => !this.topics.includes(topic) || this.chance.permille(200))
  }

  /** Of topics that are made and deleted. */
  get madeConfigs(): Configs {
    return this.chance.permille(300) ? { ...this.configs, ...keptInObjects } : this.configs
  }

  /** Limits of one broker. */
  get limits() {
    const chance = this.chance.fork()
    return Layer.mergeAll(
      Layer.succeed(TierOptions, {
        intervalMs: chance.pick([200, 1000, 3000]),
        objectBytes: chance.pick([1, 300, 3000, 1 << 20]),
        objectBatches: chance.pick([1, 5, 1000]),
        bytesPerCommit: chance.pick([1, 300, 1 << 20]),
        batchesPerCommit: chance.pick([1, 5, 500]),
        bytesPerSecond: chance.pick([3000, 3000, 2 ** 40])
      }),
      Layer.succeed(RetentionOptions, {
        intervalMs: 1000,
        checkIntervalMs: chance.pick([300, 2000]),
        batchesPerStep: chance.pick([1, 3, 500]),
        bytesPerStep: chance.pick([1, 300, 1 << 20])
      })
    )
  }

  /** Until what is to move has moved, and what is given up is gone. */
  moved(database: Database): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const left = () => this.#left(database.server.data)
      for (let waitedMs = 0; waitedMs < MOVE_MS && left().length > 0; waitedMs += 500) yield* Effect.sleep(500)
      for (const text of left().slice(0, 3)) this.#violate("O4", text)
    })
  }

  #left(data: MemoryData): ReadonlyArray<string> {
    const nowMs = this.#world.nowMs
    const found: Array<string> = []
    for (const topic of [...this.topics, TIERED_TOPIC]) {
      const configs = data.configs.get(2)?.get(topic)
      const isTiered = configs?.get("remote.storage.enable") === "true"
      const { partitionIds } = Array.from(data.topics.values()).find(({ name }) => name === topic)!
      for (const partitionId of partitionIds) {
        const log = data.partitions.get(partitionId)!
        if (!isTiered && log.logStartOffset < log.localStartOffset) {
          found.push(
            `${partitionId} begins at ${log.logStartOffset}, and what is below ${log.localStartOffset} has moved`
          )
        }
        if (!isTiered || configs.get("remote.log.copy.disable") === "true") continue
        const offset = staysCold(log, configs, nowMs)
        if (offset !== undefined) found.push(`${partitionId}@${offset} has not moved, and there is no trouble any more`)
      }
    }
    return found
  }
}

/** The first batch that is to move, behind where others have; undefined: there is none. */
const staysCold = (log: MemoryPartition, configs: ReadonlyMap<string, string>, nowMs: number): bigint | undefined => {
  const limit = (name: string) => Number(configs.get(name) ?? -2)
  const limits = { localMs: limit("local.retention.ms"), localBytes: limit("local.retention.bytes") }
  const ends = {
    cumulativeBytes: log.cumulativeBytes,
    highWatermark: log.endOffset,
    lastStableOffset: Array.from(log.openTransactions.keys()).reduce((a, b) => (a < b ? a : b), log.endOffset),
    localStartOffset: log.localStartOffset,
    logStartOffset: log.logStartOffset,
    timestampHigh: log.timestampHigh
  }
  const from = log.localStartOffset > log.logStartOffset ? log.localStartOffset : log.logStartOffset
  return log.batches
    .slice(log.first)
    .find((batch) => batch.baseOffset >= from && isCold(batch, ends, limits, BigInt(nowMs)))?.baseOffset
}
