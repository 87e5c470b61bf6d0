import { objectRowsOf } from "@tusk/storage/memory/memoryObjects"
import { adoption } from "@tusk/storage/log/objects/adoption"
import { checkObjects } from "@tusk/storage/log/objects/checkObjects"
import { CollectorOptions } from "@tusk/storage/log/objects/CollectorOptions"
import { ObjectOptions } from "@tusk/storage/log/objects/ObjectOptions"
import { objectName } from "@tusk/storage/log/objects/ObjectNames"
import { MergeOptions } from "@tusk/storage/log/merging/MergeOptions"
import { UNKNOWN } from "@tusk/storage/port/counters"
import type { Unit } from "@tusk/storage/port/Write"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Chance } from "./Chance.ts"
import type { Database } from "./Database.ts"
import { ObjectFaults } from "./ObjectFaults.ts"
import { ObjectsHistory } from "./ObjectsHistory.ts"
import { keptInObjects, objectTopics } from "./ObjectTopics.ts"
import { SimObjects } from "./SimObjects.ts"
import type { TierWorld } from "./TierWorld.ts"
import { unusedSince } from "./units.ts"
import { START_MS } from "./World.ts"
import type { World } from "./World.ts"

/** In the place of an hour, of 70 minutes, and of a day. */
const POINTABLE_MS = 4000
const SETTLED_MS = 6000
const ORPHAN_MS = 8000
/** In the place of seven days: longer than a read takes of a broker that does not stand still. */
const DELETE_DELAYS_MS = [4000, 12_000]
const COLLECT_MS = 2000
/** How long what is left over may stay beyond its time. */
const SLACK_MS = 10_000
/** As much as what is a little older than the hour is older. */
const CLOCK_STEP_MS = 2000
/** How soon a broker looks again whose the objects are, and how long others wait for it. */
const LOOK_MS = 9000

/** Times and sizes of object topics so small that what they lead to happens within one run: some drawn low. */
const tightObjectLimits = (chance: Chance, deleteDelayMs: number) =>
  Layer.mergeAll(
    Layer.succeed(ObjectOptions, {
      lingerMs: chance.pick([-1, 1, 30, 250]),
      maxBytes: chance.pick([1, 300, 3000, 8 << 20]),
      uploads: chance.between(1, 4),
      grownBytes: chance.pick([1, 1000, 10_000, 64 << 20]),
      pointableMs: POINTABLE_MS
    }),
    Layer.succeed(CollectorOptions, {
      intervalMs: COLLECT_MS,
      deleteDelayMs,
      settledMs: SETTLED_MS,
      orphanMs: ORPHAN_MS,
      roundsPerSweep: chance.between(1, 5),
      rowsPerStep: chance.pick([20, 1000]),
      removedPerStep: chance.pick([1, 3, 100])
    }),
    Layer.succeed(MergeOptions, {
      intervalMs: chance.pick([1000, 3000]),
      leastAgeMs: chance.pick([0, 1000, 8000]),
      bytes: chance.pick([1000, 10_000, 1 << 20]),
      batches: chance.pick([3, 20, 1000]),
      batchesPerCommit: chance.pick([1, 5, 500]),
      objectsPerLook: chance.pick([10, 1000]),
      usesPerLook: chance.pick([1, 16])
    })
  )

/** The object store of a run, and who looks after it. */
export class ObjectWorld {
  readonly chance: Chance
  readonly store: SimObjects
  readonly history: ObjectsHistory
  /** Topics whose batches lie in objects from the beginning on. */
  readonly #topics: ReadonlyArray<string>
  /** Undefined: no topic is tiered. */
  readonly tiers: TierWorld | undefined
  /** By how much the clock of a broker is set. */
  readonly clockStepMs = CLOCK_STEP_MS
  /** `tusk.object.delete.delay.ms` */
  readonly #deleteDelayMs: number
  /** `tusk.object.cache.bytes` */
  readonly #cacheBytes: number
  readonly #world: World
  readonly #violate: (invariant: string, text: string) => void
  readonly #troubled: (forMs: number) => void

  constructor(
    world: World,
    chance: Chance,
    tiers: TierWorld | undefined,
    violate: (invariant: string, text: string) => void,
    troubled: (forMs: number) => void
  ) {
    this.#world = world
    this.tiers = tiers
    this.#violate = violate
    this.#troubled = troubled
    this.chance = chance
    const topics = objectTopics(chance)
    this.#topics = tiers?.without(topics) ?? topics
    this.#deleteDelayMs = chance.pick(DELETE_DELAYS_MS)
    this.#cacheBytes = chance.pick([0, 2000, 64 << 20])
    this.store = new SimObjects(world, new ObjectFaults(chance.fork()), chance.permille(500), {
      puts: (...told) => this.history.puts(...told),
      stores: (...told) => this.history.stores(...told),
      appends: (...told) => this.history.appends(...told),
      removes: (...told) => this.history.removes(...told),
      troubled
    })
    this.history = new ObjectsHistory(violate, this.store.data.objects, {
      unusedMs: this.#deleteDelayMs,
      orphanMs: ORPHAN_MS - CLOCK_STEP_MS
    })
  }

  /** What is a setting of every broker. */
  get settings() {
    return { objectCacheBytes: this.#cacheBytes }
  }

  /** Limits of one broker. */
  get limits() {
    const limits = tightObjectLimits(this.chance.fork(), this.#deleteDelayMs)
    return this.tiers === undefined ? limits : Layer.merge(limits, this.tiers.limits)
  }

  /** What a topic that is there in every run is made with. */
  configsOf(topic: string): Readonly<Record<string, string>> {
    return { ...(this.#topics.includes(topic) && keptInObjects), ...this.tiers?.configsOf(topic) }
  }

  /** The same, of those that are made and deleted. */
  get madeConfigs(): Readonly<Record<string, string>> {
    return this.tiers?.madeConfigs ?? keptInObjects
  }

  /** What lay there before: a part is left over, another part is nobody's. */
  leaveBehind(clusterId: string): void {
    const put = (name: string) => this.store.data.objects.set(name, Buffer.from("left behind"))
    for (let number = this.chance.below(4); number > 0; number--) {
      const name = objectName(clusterId, { incarnation: "formerly", number, timeMs: START_MS - ORPHAN_MS })
      this.history.puts("somebody", name, Buffer.from("left behind"))
      put(name)
    }
    put(`${clusterId}/notes.txt`)
    put(objectName("AnotherClusterAAAAAAAA", { incarnation: "formerly", number: 1, timeMs: START_MS - 2 * ORPHAN_MS }))
  }

  /** What it says to be unused may be removed by now: no failover goes so far back. */
  isSettled(units: ReadonlyArray<Unit>): boolean {
    return unusedSince(units) + this.#deleteDelayMs <= this.#world.nowMs
  }

  /** Somebody who says whose the objects are once another server has taken over, sooner or later. */
  adopter(database: Database, isCalm: () => boolean): Effect.Effect<never> {
    const { chance } = this
    const { store } = this
    const look = Effect.gen({ self: this }, function* () {
      const { clusterId, epoch, systemIdentifier, timeline } = database.server.data
      const server = { systemIdentifier, timeline, place: UNKNOWN }
      const { adopt, from, isAnother } = yield* adoption(store.memory, { clusterId, epoch, server })
      if (from === undefined || !isAnother) return
      this.#troubled(0)
      if (!isCalm() && chance.permille(700)) return
      this.#world.log(`the objects are those of timeline ${timeline} from now on`)
      yield* adopt
      this.#troubled(LOOK_MS)
    })
    return Effect.forever(Effect.andThen(Effect.sleep(500), Effect.orDie(look)))
  }

  /** Until what nobody points to is gone; then everything is looked at. */
  collected({ server }: Database): Effect.Effect<void> {
    const { history, store } = this
    const due = history.unused
    const limitMs = SETTLED_MS + this.#deleteDelayMs + ORPHAN_MS + SLACK_MS
    return Effect.gen({ self: this }, function* () {
      for (let waitedMs = 0; waitedMs < limitMs && history.left(due).length > 0; waitedMs += 500) {
        yield* Effect.sleep(500)
      }
      for (const name of history.left(due)) this.#violate("O1", `${name} is there, and nobody points to it`)
      const { clusterId } = server.data
      const found = yield* checkObjects({
        clusterId,
        rows: objectRowsOf(server.data),
        store: store.memory,
        isDeep: true,
        orphansBefore: this.#world.nowMs - ORPHAN_MS - SLACK_MS,
        found: ({ kind, name, offset, partitionId, seen }) =>
          Effect.sync(() => this.#violate("O1", `${name} of ${partitionId}@${offset}: ${kind}, ${seen}`))
      }).pipe(Effect.orDie)
      this.#world.log(`objects: ${found.objects} hold ${found.batches} batches`)
    })
  }
}
