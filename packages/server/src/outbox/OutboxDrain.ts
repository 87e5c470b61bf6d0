import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { BatchCodec } from "@tusk/storage/log/batches/BatchCodec"
import { Log } from "@tusk/storage/log/Log"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import { SqlClaims } from "@tusk/storage/offsets/SqlClaims"
import type { Outbox } from "@tusk/storage/port/Outbox"
import { Recurring } from "@tusk/storage/Recurring"
import { Store } from "@tusk/storage/port/Store"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { RequestCounts } from "../request/ServerCounts.ts"
import { TopicSettings } from "../topics/TopicSettings.ts"
import { Drain } from "./Drain.ts"
import type { DrainParts } from "./Drain.ts"

/** How often it looks while something comes, and for how long it goes on so before it sleeps. */
const BUSY_MS = 2
const BUSY_FOR_MS = 100
/** How often it looks if nobody can wake it: soon after the last record, and later. */
const POLL_MS = 20
const POLL_FOR_MS = 10_000
const SLOW_POLL_MS = 250
/** While it sleeps all the same: nothing should come unannounced. */
const SLEEP_MS = 10_000
const RETRY_MS = 500
/** No topic has this name: its configs are the broker's. */
const NO_TOPIC = ""

/** Takes what SQL sessions produce into the log, for as long as this broker is the writer. Needs a backend that SQL reaches. */
export const outboxDrain = Layer.effectDiscard(
  Effect.gen(function* () {
    const { outbox } = yield* Store
    if (outbox === undefined) return
    const clock = yield* Clock.Clock
    const parts: DrainParts = {
      outbox,
      active: yield* Active,
      committer: yield* Committer,
      log: yield* Log,
      offsets: yield* Offsets,
      claims: yield* SqlClaims,
      topics: yield* Topics,
      topicSettings: yield* TopicSettings,
      codec: yield* BatchCodec,
      counts: yield* RequestCounts,
      timeMs: () => clock.currentTimeMillisUnsafe()
    }
    const { sqlDedupWindowMs, sqlNotify } = yield* BrokerSettings
    const { whenReigning } = yield* Active
    const trouble = new Recurring("outbox")
    yield* Effect.forkScoped(
      Effect.forever(
        Effect.andThen(
          whenReigning,
          draining(parts, outbox, trouble, { forced: sqlNotify === "on", dedupWindowMs: sqlDedupWindowMs })
        )
      )
    )
  })
)

interface DrainSettings {
  /** Sessions notify, also where prepared transactions are allowed. */
  readonly forced: boolean
  readonly dedupWindowMs: number
}

/** One reign, until it is over or something fails. */
const draining = (
  parts: DrainParts,
  outbox: Outbox,
  trouble: Recurring,
  { dedupWindowMs, forced }: DrainSettings
): Effect.Effect<void> =>
  Effect.gen(function* () {
    const reign = parts.active.reign()
    if (reign === undefined) return
    const { cleanupPolicy, maxMessageBytes } = parts.topicSettings.of(NO_TOPIC)
    yield* outbox.tell({ cleanupPolicy, maxMessageBytes, dedupWindowMs })
    const drain = new Drain(parts, reign)
    const next = turn(parts, outbox, drain, new Rhythm(parts.active.nowMs()), forced)
    yield* next
    yield* trouble.over("the outbox is read")
    yield* Effect.forever(next)
  }).pipe(
    Effect.catchDefect((defect) => Effect.fail({ message: `a defect: ${String(defect)}` })),
    Effect.catch(({ message }) =>
      parts.active.reign() === undefined
        ? Effect.void
        : Effect.andThen(trouble.seen(`the outbox is read again: ${message}`), Effect.sleep(RETRY_MS))
    )
  )

/** When something came last, and whether sessions notify. */
class Rhythm {
  lastMs: number
  isAsleep = false

  constructor(nowMs: number) {
    this.lastMs = nowMs
  }
}

const turn = Effect.fnUntraced(function* (
  { active }: DrainParts,
  outbox: Outbox,
  drain: Drain,
  rhythm: Rhythm,
  forced: boolean
) {
  const found = yield* drain.pass
  if (found) rhythm.lastMs = active.nowMs()
  if (rhythm.isAsleep) {
    if (!found) return yield* outbox.woken(Math.min(SLEEP_MS, drain.restMs))
    // What follows soon is found by looking: nobody has to notify for it.
    yield* outbox.rise
    rhythm.isAsleep = false
    return
  }
  const idleMs = active.nowMs() - rhythm.lastMs
  if (idleMs < BUSY_FOR_MS) return yield* Effect.sleep(BUSY_MS)
  // One more look follows before it sleeps: what came before sessions began to notify.
  rhythm.isAsleep = yield* outbox.settle(forced)
  if (!rhythm.isAsleep) yield* Effect.sleep(idleMs < POLL_FOR_MS ? POLL_MS : SLOW_POLL_MS)
})
