import type { ShadowRows } from "@tusk/storage/port/ShadowRows"
import { Recurring } from "@tusk/storage/Recurring"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { Fillers } from "./Fillers.ts"
import { Budget } from "./Flight.ts"
import { GroupMirror } from "./mirrorGroups.ts"
import { TopicMirror } from "./mirrorTopics.ts"
import type { MirroredTopic } from "./mirrorTopics.ts"
import { Progress } from "./Progress.ts"
import type { PartitionLag } from "./Progress.ts"
import { ShadowedPartition } from "./ShadowedPartition.ts"
import type { ShadowParts } from "./ShadowedPartition.ts"
import { ShadowStop } from "./ShadowPorts.ts"
import type { ShadowError, ShadowSource, ShadowTarget } from "./ShadowPorts.ts"

/** What a shadow goes by. */
export interface ShadowOptions {
  /** Which topics. */
  readonly wants: (topic: string) => boolean
  /** Whether filler records stand at the target where the source has none; else offsets are mapped. */
  readonly fills: boolean
  /** Bytes of batches in memory: half of them read, half on their way. */
  readonly bufferBytes: number
  /** What a batch may expand to where it has to be opened. */
  readonly openBytes: number
  /** Most entries of a partition's map of offsets. */
  readonly mapMost: number
  /** How often topics, configs and groups are looked at. */
  readonly intervalMs: number
}

/** What it stands between, and where it keeps how far it is. */
export interface ShadowEnds {
  readonly source: ShadowSource
  readonly target: ShadowTarget
  readonly rows: ShadowRows
}

const READ_BYTES = 1024 * 1024
const BEGINNINGS = 16
const NOTE_MS = 1000
const AGAIN_MS = 5000

interface Running {
  readonly topic: MirroredTopic
  readonly fibers: Array<Fiber.Fiber<never>>
}

/** Forwards the source's topics to the target, without end. */
export class Shadow {
  readonly #ends: ShadowEnds
  readonly #options: ShadowOptions
  /** Of partitions; and of what is mirrored, which is over once a look has none. */
  readonly #trouble = new Recurring("shadow")
  readonly #mirrorTrouble = new Recurring("shadow")
  #mirrorTroubles = 0
  #progress = new Progress()
  #isComplete = false
  #refused: ReadonlyMap<string, string> = new Map()
  #groups: GroupMirror | undefined

  constructor(ends: ShadowEnds, options: ShadowOptions) {
    this.#ends = ends
    this.#options = options
  }

  /** How far all partitions are that were found. */
  readonly lags = (): ReadonlyArray<PartitionLag> => this.#progress.lags()
  /** Whether `lags` has all partitions, but for topics that the target refuses. */
  readonly isComplete = (): boolean => this.#isComplete
  /** Topics that the target refuses for good, and why. */
  readonly refused = (): ReadonlyMap<string, string> => this.#refused

  /** Mirrors what groups have committed now, beside the looks. */
  get mirrorGroups(): Effect.Effect<void, ShadowError> {
    return Effect.suspend(() => this.#groups?.look ?? Effect.void)
  }

  get run(): Effect.Effect<never> {
    const once = Effect.scoped(this.#forward).pipe(
      Effect.catchDefect((defect) => Effect.fail({ message: `a defect: ${String(defect)}` })),
      Effect.catch(({ message }) => this.#trouble.seen(`the shadow begins again: ${message}`)),
      Effect.andThen(Effect.sleep(AGAIN_MS))
    )
    return Effect.forever(once)
  }

  /** As long as the target is the same cluster. */
  get #forward(): Effect.Effect<void, ShadowError | ShadowStop, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const { rows, source, target } = this.#ends
      this.#progress = new Progress()
      this.#isComplete = false
      const clusterId = yield* target.clusterId
      if (clusterId === (yield* source.clusterId)) {
        return yield* new ShadowStop({ message: `the target is the source itself, cluster ${clusterId}` })
      }
      const sender =
        (yield* rows.producer(clusterId)) ?? (yield* rows.putProducer(clusterId, yield* target.newProducer))
      const parts = this.#parts(clusterId, sender)
      const topics = new TopicMirror(target, this.#tell)
      const groups = (this.#groups = new GroupMirror(parts, this.#tell))
      const running = new Map<string, Running>()
      yield* Effect.forkScoped(this.#noting(parts))
      const look = Effect.gen({ self: this }, function* () {
        if ((yield* target.clusterId) !== clusterId) return false
        const before = this.#mirrorTroubles
        const wanted = yield* this.#wanted
        yield* this.#settle(running, yield* topics.look(wanted), parts)
        this.#refused = topics.refused()
        this.#isComplete = wanted.every(({ name }) => running.has(name) || this.#refused.has(name))
        yield* groups.look
        if (this.#mirrorTroubles === before) yield* this.#mirrorTrouble.over("topics and groups are mirrored")
        return true
      })
      // Partitions go on meanwhile, each as far as it can.
      const told = Effect.catch(look, ({ message }) =>
        Effect.as(this.#tell(`topics and groups are mirrored later: ${message}`), true)
      )
      while (yield* told) yield* Effect.sleep(this.#options.intervalMs)
      yield* Effect.logWarning(`the target is another cluster than ${clusterId}: its shadow begins anew`)
    })
  }

  readonly #tell = (message: string): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.#mirrorTroubles++
      return this.#mirrorTrouble.seen(message)
    })

  get #wanted() {
    return Effect.map(this.#ends.source.topics, (all) => all.filter(({ name }) => this.#options.wants(name)))
  }

  #parts(clusterId: string, sender: ShadowParts["sender"]): ShadowParts {
    const { bufferBytes, fills, mapMost, openBytes } = this.#options
    const half = Math.ceil(bufferBytes / 2)
    return {
      ...this.#ends,
      clusterId,
      sender,
      fills,
      openBytes,
      mapMost,
      readBytes: Math.min(READ_BYTES, half),
      turns: Semaphore.makeUnsafe(Math.max(1, Math.floor(half / READ_BYTES))),
      beginnings: Semaphore.makeUnsafe(BEGINNINGS),
      budget: new Budget(half),
      progress: this.#progress,
      trouble: this.#trouble,
      fillers: new Fillers()
    }
  }

  /** Each partition that is there now has a fiber, and no other. */
  readonly #settle = Effect.fnUntraced(
    { self: this },
    function* (running: Map<string, Running>, topics: ReadonlyArray<MirroredTopic>, parts: ShadowParts) {
      const now = new Map(topics.map((topic) => [topic.name, topic]))
      for (const [name, { fibers, topic }] of running) {
        if (isSame(now.get(name), topic)) continue
        yield* Fiber.interruptAll(fibers)
        running.delete(name)
        for (const partition of fibers.keys()) parts.progress.forget({ topic: name, partition })
      }
      for (const topic of topics) {
        const fibers: Running["fibers"] = running.get(topic.name)?.fibers ?? []
        for (let partition = fibers.length; partition < topic.partitions; partition++) {
          parts.progress.expect({ topic: topic.name, partition })
          fibers.push(yield* Effect.forkScoped(new ShadowedPartition(parts, topic, partition).run))
        }
        running.set(topic.name, { topic, fibers })
      }
    }
  )

  /** Notes how far all are, now and then, and at the end. */
  #noting({ clusterId, progress, rows }: ShadowParts): Effect.Effect<never> {
    const note = Effect.suspend(() => {
      const moved = progress.take()
      if (moved.length === 0) return Effect.void
      return Effect.catch(rows.note(clusterId, moved), ({ message }) => {
        progress.again(moved)
        return this.#trouble.seen(`how far the shadow is, is noted later: ${message}`)
      })
    })
    return Effect.ensuring(Effect.forever(Effect.andThen(Effect.sleep(NOTE_MS), note)), note)
  }
}

/** Whether partitions go on as they are: more of them may have come. */
const isSame = (now: MirroredTopic | undefined, before: MirroredTopic): boolean =>
  now !== undefined &&
  now.sourceTopicId === before.sourceTopicId &&
  now.targetTopicId === before.targetTopicId &&
  now.isCompacted === before.isCompacted &&
  now.maxMessageBytes === before.maxMessageBytes
