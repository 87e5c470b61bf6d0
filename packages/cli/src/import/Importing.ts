/** An import from its beginning, or from where another one stopped, to its end. */
import { alterConfigs } from "@tusk/client/admin/Configs"
import { deleteRecords, LATEST, listOffsets } from "@tusk/client/admin/Offsets"
import { isRetriable, Refused } from "@tusk/client/ClientError"
import { leaderOf } from "@tusk/client/leaders"
import type { ClusterMetadata } from "@tusk/client/Metadata"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { IMPORT } from "./configsOf.ts"
import { followLeader } from "./following.ts"
import { GroupMirror, placeOf } from "./groupOffsets.ts"
import { lagOf } from "./ImportedPartition.ts"
import type { ImportedPartition, ImportedTopic } from "./ImportedPartition.ts"
import { prepare } from "./preparing.ts"
import type { Tell } from "./preparing.ts"
import { settle, Unsettled } from "./settling.ts"
import type { Trouble } from "./settling.ts"
import { at } from "./Sides.ts"
import type { Sides } from "./Sides.ts"

/** What is imported, and until when. */
export interface ImportOptions {
  readonly isTopicWanted: (name: string) => boolean
  readonly isGroupWanted: (name: string) => boolean
  /** For ever; until the lag is zero; the same, and then the topics are ordinary ones. */
  readonly until: "stopped" | "noLag" | "finished"
  /** How long may pass without any progress while something is wrong that may pass. */
  readonly retryMs: number
}

/** Whom it tells what. */
export interface ImportReport {
  readonly tell: Tell
  /** Offsets that are there, and that there will be. */
  readonly progress: (done: bigint, total: bigint) => Effect.Effect<void>
}

/** How often is looked whether leaders or topics are others now, log starts have risen, groups have committed. */
const WATCH_MS = 5000
/** While the source is written to, the lag is zero again and again. */
const AGAIN_MS = 60_000
const FIRST_PAUSE_MS = 100
const LONGEST_PAUSE_MS = 5000

const passes = (error: Trouble): boolean => error instanceof Unsettled || isRetriable(error)

/** Who leads what, as a text to compare. */
const leadersOf = (clusters: ReadonlyArray<ClusterMetadata>, names: ReadonlyArray<string>): string =>
  JSON.stringify(
    clusters.map(({ topics }) =>
      names.map((name) => {
        const topic = topics.get(name)
        return [topic?.topicId, topic?.error?.code, topic?.partitions.map(({ leader }) => leader)]
      })
    )
  )

/** What an import knows while it runs. */
export class Importing {
  readonly #sides: Sides
  readonly #options: ImportOptions
  readonly #report: ImportReport
  readonly #mirror: GroupMirror
  readonly #ahead = new Map<ImportedPartition, number>()
  readonly #toldHalted = new Set<string>()
  #topics: ReadonlyMap<string, ImportedTopic> = new Map()
  #hasWorked = false
  #toldMs = -Infinity
  #toldOfGroups = ""

  constructor(sides: Sides, options: ImportOptions, report: ImportReport) {
    this.#sides = sides
    this.#options = options
    this.#report = report
    this.#mirror = new GroupMirror(sides, options.isGroupWanted, report.tell)
  }

  /** All topics, those that were halted too. */
  get topics(): ReadonlyArray<ImportedTopic> {
    return [...this.#topics.values()]
  }

  /** Groups of which something was committed. */
  get groups(): number {
    return this.#mirror.groups
  }

  /** Returns when it is over; fails with what did not pass. */
  run(): Effect.Effect<void, Trouble> {
    return Effect.gen({ self: this }, function* () {
      let [pause, sum, goodAt, told] = [FIRST_PAUSE_MS, -1n, yield* Clock.currentTimeMillis, ""]
      for (;;) {
        const outcome = yield* Effect.result(this.#session())
        if (outcome._tag === "Success" && outcome.success) return
        const now = yield* Clock.currentTimeMillis
        const before = sum
        sum = this.#open().reduce((all, { targetEnd }) => all + targetEnd, 0n)
        if (sum > before || outcome._tag === "Success") [goodAt, pause, told] = [now, FIRST_PAUSE_MS, ""]
        if (outcome._tag === "Success") continue
        const error = outcome.failure
        if (!passes(error) || now - goodAt > this.#patienceMs) return yield* Effect.fail(error)
        if (told !== error.message) yield* this.#report.tell(`${error.message}; it is tried again`)
        told = error.message
        yield* Effect.sleep(pause)
        pause = Math.min(2 * pause, LONGEST_PAUSE_MS)
      }
    })
  }

  /** An address that is wrong is wrong from the beginning on. */
  get #patienceMs(): number {
    const { retryMs } = this.#options
    return this.#hasWorked ? retryMs : Math.min(retryMs, this.#sides.target.options.requestTimeoutMs)
  }

  #open(): ReadonlyArray<ImportedPartition> {
    return this.topics.flatMap(({ halted, partitions }) => (halted === undefined ? partitions : []))
  }

  /** As long as nothing changes; tells whether the import is over. */
  #session(): Effect.Effect<boolean, Trouble> {
    return Effect.gen({ self: this }, function* () {
      const { isTopicWanted, until } = this.#options
      const sides = this.#sides
      this.#topics = yield* prepare(sides, isTopicWanted, this.#topics, this.#report.tell)
      yield* settle(sides, this.#topics, this.#open(), this.#ahead)
      this.#hasWorked = true
      yield* this.#raiseStarts()
      const over = yield* Deferred.make<void>()
      yield* this.#moved(over)
      const names = [...new Set(this.#open().map(({ topic }) => topic))]
      const clusters = yield* this.#clusters(names)
      const following = this.#following(clusters, over)
      const changed = this.#watching(clusters, names)
      const reached = Effect.as(Deferred.await(over), true)
      if (names.length > 0 && !(yield* Effect.raceFirst(reached, Effect.raceFirst(changed, following)))) return false
      return until === "stopped" || (yield* this.#ended())
    })
  }

  #clusters(names: ReadonlyArray<string>) {
    const { source, target } = this.#sides
    return Effect.all([source.metadata(names), target.metadata(names)])
  }

  #following([source, target]: ReadonlyArray<ClusterMetadata>, over: Deferred.Deferred<void>) {
    return Effect.gen({ self: this }, function* () {
      const byLeader = new Map<number, Array<ImportedPartition>>()
      for (const part of this.#open()) {
        const leader = leaderOf(source!, part)
        if (leader instanceof Refused) return yield* leader
        byLeader.set(leader, [...(byLeader.get(leader) ?? []), part])
      }
      const ports = {
        sides: this.#sides,
        topics: this.#topics,
        targetCluster: target!,
        settle: (parts: ReadonlyArray<ImportedPartition>) => settle(this.#sides, this.#topics, parts, this.#ahead),
        moved: Effect.suspend(() => this.#moved(over))
      }
      yield* Effect.forEach(byLeader, ([leader, parts]) => followLeader(ports, leader, parts), {
        concurrency: "unbounded",
        discard: true
      })
      return yield* Effect.never
    })
  }

  /** Returns once leaders or topics are others; meanwhile log starts and groups follow. */
  #watching(clusters: ReadonlyArray<ClusterMetadata>, names: ReadonlyArray<string>): Effect.Effect<boolean, Trouble> {
    return Effect.gen({ self: this }, function* () {
      const before = leadersOf(clusters, names)
      for (;;) {
        yield* Effect.sleep(WATCH_MS)
        yield* this.#raiseStarts()
        yield* this.#mirrored()
        const { topics } = yield* this.#sides.source.metadata(null)
        const isNew = [...topics.values()].some(
          ({ isInternal, name }) => !isInternal && !this.#topics.has(name) && this.#options.isTopicWanted(name)
        )
        if (isNew || leadersOf(yield* this.#clusters(names), names) !== before) return false
      }
    })
  }

  /** Records come on, whatever is with groups. */
  #mirrored(): Effect.Effect<void> {
    return Effect.catch(this.#mirror.run(this.#ends()), (error) => {
      if (this.#toldOfGroups === error.message) return Effect.void
      this.#toldOfGroups = error.message
      return this.#report.tell(`offsets of groups come later: ${error.message}`)
    }).pipe(Effect.asVoid)
  }

  #ends(): ReadonlyMap<string, bigint> {
    return new Map(this.#open().map((part) => [placeOf(part), part.targetEnd]))
  }

  /** The target's logs begin where those of the source do. */
  #raiseStarts(): Effect.Effect<void, Trouble> {
    return Effect.gen({ self: this }, function* () {
      const low = this.#open().filter(
        ({ sourceStart, targetEnd, targetStart }) => targetStart < sourceStart && sourceStart <= targetEnd
      )
      if (low.length === 0) return
      const { target } = this.#sides
      const wanted = low.map(({ partition, sourceStart: offset, topic }) => ({ topic, partition, offset }))
      for (const [i, { result }] of (yield* at(
        target,
        deleteRecords(wanted, target.options.requestTimeoutMs)
      )).entries()) {
        if (result instanceof Refused) return yield* result
        low[i]!.targetStart = result.lowWatermark
      }
    })
  }

  /** Something has moved: it is told, and it may have been the last. */
  #moved(over: Deferred.Deferred<void>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const open = this.#open()
      for (const { halted, name } of this.topics) {
        if (halted === undefined || this.#toldHalted.has(name)) continue
        this.#toldHalted.add(name)
        yield* this.#report.tell(halted.message)
      }
      const lag = open.reduce((sum, part) => sum + (lagOf(part) < 0n ? 0n : lagOf(part)), 0n)
      const done = open.reduce((sum, { sourceStart, targetEnd }) => {
        return targetEnd > sourceStart ? sum + targetEnd - sourceStart : sum
      }, 0n)
      yield* this.#report.progress(done, done + lag)
      const isKnown = open.every(({ sourceStable }) => sourceStable >= 0n)
      const caughtUp = isKnown && lag === 0n && open.length > 0
      const now = yield* Clock.currentTimeMillis
      if (caughtUp && now - this.#toldMs > AGAIN_MS) {
        this.#toldMs = now
        yield* this.#report.tell(`the lag is zero: ${done} offsets are there`)
      }
      if (open.length === 0 || (caughtUp && this.#options.until !== "stopped")) yield* Deferred.succeed(over, undefined)
    })
  }

  /** What is to be done when the lag is zero. Tells whether it still was. */
  #ended(): Effect.Effect<boolean, Trouble> {
    return Effect.gen({ self: this }, function* () {
      const open = this.#open()
      yield* this.#raiseStarts()
      yield* this.#mirror.run(this.#ends())
      if (this.#options.until !== "finished" || open.length === 0) return true
      for (const [i, { result }] of (yield* at(this.#sides.source, listOffsets(open, LATEST))).entries()) {
        if (result instanceof Refused) return yield* result
        if (result.offset !== open[i]!.targetEnd) return false
      }
      // One that does not fit is looked at first: a cut-over is of all of them.
      if (this.topics.some(({ halted }) => halted !== undefined)) return true
      for (const { name } of this.topics) {
        yield* at(this.#sides.target, alterConfigs({ type: "topic", name }, new Map(), [IMPORT]))
      }
      yield* this.#report.tell(`the import is finished: the topics are written to as any others`)
      return true
    })
  }
}
