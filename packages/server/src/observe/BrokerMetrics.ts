import { GroupCounts } from "@tusk/coordinator/group/shell/GroupCounts"
import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { Follower } from "@tusk/storage/log/follower/Follower"
import { Erase } from "@tusk/storage/log/erase/Erase"
import { Log } from "@tusk/storage/log/Log"
import { Collector } from "@tusk/storage/log/objects/Collector"
import { Owner } from "@tusk/storage/log/objects/Owner"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { Store } from "@tusk/storage/port/Store"
import { Counts } from "@tusk/storage/StorageCounts"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { Placement } from "../request/Placement.ts"
import { RequestCounts } from "../request/ServerCounts.ts"
import { ClientTelemetry } from "../telemetry/ClientTelemetry.ts"
import { ConsumeAge } from "./ConsumeAge.ts"
import { setGroups, setTransactions } from "./groupMetrics.ts"
import { HeldByServer } from "./HeldByServer.ts"
import { kafkaMetrics } from "./kafkaMetrics.ts"
import { inArea } from "./LogLines.ts"
import { registerObjects } from "./objectMetrics.ts"
import { registerOwn, registerSeen } from "./ownMetrics.ts"
import type { OwnSources } from "./ownMetrics.ts"
import { makeSetPostgres } from "./postgresMetrics.ts"
import { setMaterialised } from "./materialisedMetrics.ts"
import { Series } from "./Series.ts"
import { setShadow } from "./shadowMetrics.ts"
import { together } from "./together.ts"
import { setTopics } from "./topicMetrics.ts"
import { tuskMetrics } from "./tuskMetrics.ts"

/** A snapshot that nobody looked for begins a look if the last one is older. */
const FRESH_MS = 1000
/** A look that takes longer is given up: what it would have told stays as it was. */
const LIMIT_MS = 5000

/**
 * The broker in Effect's registry of metrics. What it counts is there as it is when somebody looks. What has to be looked
 * at (topics, groups, the database) is as `refresh` found it last; a snapshot without it tells of the look before, and
 * begins the next one.
 */
export class BrokerMetrics extends Context.Service<
  BrokerMetrics,
  {
    /** Looks at what does not tell its value itself. Returns in a bounded time. */
    readonly refresh: Effect.Effect<void>
    /** Why no client is served now; undefined: all are. */
    readonly unready: () => string | undefined
    /** The broker listens: as its clients reach it. */
    readonly listensAt: (address: string) => void
  }
>()("@tusk/server/observe/BrokerMetrics") {
  static readonly layer = Layer.effect(
    BrokerMetrics,
    Effect.gen(function* () {
      const context = yield* Effect.context<never>()
      const series = new Series(context)
      const placement = yield* Placement
      const { active, storage } = yield* register(series)
      const look = yield* makeLook(series)
      let lookedAtMs = Number.NEGATIVE_INFINITY
      let address: string | undefined

      const refresh = together(
        Effect.suspend(() => Effect.timeoutOption(look(address), LIMIT_MS)).pipe(
          Effect.catchDefect((defect) => Effect.logError("defect in metrics", defect)),
          Effect.andThen(
            Effect.sync(() => {
              lookedAtMs = active.nowMs()
            })
          ),
          inArea("start")
        )
      )
      const fork = Effect.runForkWith(context)
      const labels = [active.clusterId, String(placement.me), storage]
      const lookSoon = () => {
        if (active.nowMs() - lookedAtMs >= FRESH_MS) fork(refresh)
        return 1
      }
      series.live(tuskMetrics.info, lookSoon, ...labels)
      yield* Effect.addFinalizer(() => Effect.sync(() => series.close()))
      return BrokerMetrics.of({
        refresh,
        unready: () => unready(active),
        listensAt: (at) => {
          address = at
        }
      })
    })
  )
}

const unready = (active: Active["Service"]): string | undefined => {
  if (active.isServing()) return undefined
  return active.reign() === undefined
    ? "this broker takes the cluster's lock again, or another one has it"
    : "the database has not answered for 5 s"
}

/** What needs no look is registered at once. */
const register = Effect.fnUntraced(function* (series: Series) {
  const sources: OwnSources = yield* own
  registerOwn(series, sources)
  if ((yield* ObjectStore) !== undefined) {
    registerObjects(series, { collector: yield* Collector, owner: yield* Owner, storage: sources.storage })
  }
  return { active: sources.active, storage: (yield* Store).name }
})

const own = Effect.gen(function* () {
  return {
    active: yield* Active,
    committer: yield* Committer,
    erase: yield* Erase,
    log: yield* Log,
    topics: yield* Topics,
    settings: yield* BrokerSettings,
    held: yield* HeldByServer,
    storage: yield* Counts,
    coordinator: yield* GroupCounts,
    server: yield* RequestCounts,
    telemetry: yield* ClientTelemetry
  }
})

/** One look at everything. While this broker may not be the writer it tells nothing of what the cluster holds. */
const makeLook = Effect.fnUntraced(function* (series: Series) {
  const sources: OwnSources = yield* own
  const { active, log, settings, topics } = sources
  const placement = yield* Placement
  const [groups, offsets, shared] = [yield* Groups, yield* Offsets, yield* SharePartitions]
  const transactions = yield* Transactions
  const store = yield* Store
  const follower = yield* Follower
  const age = new ConsumeAge(log, store)
  const setPostgres = makeSetPostgres(store)
  const { maxPartitions } = { maxPartitions: settings.metricsMaxPartitions }

  const setCluster = Effect.fnUntraced(function* (nowMs: number) {
    const ends = yield* setTopics(series, { log, topics, placement, maxPartitions })
    yield* setGroups(series, { groups, offsets, shared, topics, age, ends, maxPartitions, nowMs })
    setTransactions(series, transactions, nowMs)
    setShadow(series, sources.server.shadowed(), maxPartitions)
    setMaterialised(series, follower.tables())
  })

  return Effect.fnUntraced(function* (address: string | undefined) {
    const nowMs = yield* Clock.currentTimeMillis
    registerSeen(series, sources)
    if (address !== undefined) series.set(kafkaMetrics.brokerInfo, 1, String(placement.me), address)
    if (active.isServing()) yield* Effect.ignore(setCluster(nowMs))
    yield* setPostgres(series, active.nowMs())
    series.endRound()
  })
})
