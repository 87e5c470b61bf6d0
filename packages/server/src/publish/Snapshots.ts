import { Active } from "@tusk/storage/commit/Active"
import type { Publications } from "@tusk/storage/port/Publications"
import { Store } from "@tusk/storage/port/Store"
import type { StoreError } from "@tusk/storage/port/StoreError"
import { Recurring } from "@tusk/storage/Recurring"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { Pace } from "./Pace.ts"

/** How often it looks for tables that were changed, and for the first one that is published. */
const LOOK_MS = 1000
const FIRST_LOOK_MS = 3000
const RETRY_MS = 1000

/**
 * Looks after tables that are published as topics, for as long as this broker is the writer: reads the rows that were there
 * before, step by step, and has the functions of tables that were changed made anew. Needs a backend that SQL reaches.
 */
export const publications = Layer.effectDiscard(
  Effect.gen(function* () {
    const { publications: port } = yield* Store
    if (port === undefined) return
    const active = yield* Active
    const { sqlSnapshotOutboxRows: room } = yield* BrokerSettings
    const trouble = new Recurring("outbox")
    const reigning = Effect.suspend(() => new Snapshots(port, active, room, trouble).tend)
    yield* Effect.forkScoped(Effect.forever(Effect.andThen(active.whenReigning, reigning)))
  })
)

type Writer = Pick<Active["Service"], "nowMs" | "reign">

/** One snapshot. */
interface Reading {
  readonly pace: Pace
  readonly trouble: Recurring
}

/** Of one reign. */
class Snapshots {
  readonly #port: Publications
  readonly #active: Writer
  readonly #room: number
  readonly #trouble: Recurring
  readonly #read = new Map<number, Reading>()

  constructor(port: Publications, active: Writer, room: number, trouble: Recurring) {
    this.#port = port
    this.#active = active
    this.#room = room
    this.#trouble = trouble
  }

  /** Until the reign is over, or something fails that is no matter of one table. */
  get tend(): Effect.Effect<void> {
    const reign = this.#active.reign()
    return Effect.suspend(() => this.#round).pipe(
      Effect.repeat({ while: () => reign !== undefined && this.#active.reign() === reign }),
      Effect.asVoid,
      Effect.catchDefect((defect) => Effect.fail({ message: `a defect: ${String(defect)}` })),
      Effect.catch(({ message }) =>
        this.#active.reign() === undefined
          ? Effect.void
          : Effect.andThen(
              this.#trouble.seen(`published tables are looked after later: ${message}`),
              Effect.sleep(RETRY_MS)
            )
      )
    )
  }

  /** One look, and steps until the next. */
  readonly #round: Effect.Effect<void, StoreError> = Effect.gen({ self: this }, function* () {
    const isAny = yield* this.#port.any
    const all = isAny ? yield* this.#port.tend : []
    const nextMs = this.#active.nowMs() + (isAny ? LOOK_MS : FIRST_LOOK_MS)
    yield* this.#trouble.over("published tables are looked after")
    const reading = new Set(all.flatMap(({ publicationId, reads }) => (reads ? [publicationId] : [])))
    for (const publicationId of this.#read.keys()) if (!reading.has(publicationId)) this.#read.delete(publicationId)
    for (const publicationId of reading) {
      if (!this.#read.has(publicationId)) {
        this.#read.set(publicationId, { pace: new Pace(), trouble: new Recurring("outbox") })
      }
    }
    while (this.#active.nowMs() < nextMs) {
      const untilMs = Math.min(nextMs, ...Array.from(this.#read.values(), ({ pace }) => pace.untilMs))
      yield* Effect.sleep(Math.max(1, untilMs - this.#active.nowMs()))
      for (const [publicationId, it] of this.#read) {
        if (it.pace.untilMs <= this.#active.nowMs()) yield* this.#step(publicationId, it)
      }
    }
  })

  readonly #step = Effect.fnUntraced({ self: this }, function* (publicationId: number, it: Reading) {
    const { pace, trouble } = it
    const beganMs = this.#active.nowMs()
    const step = yield* Effect.catchTag(
      this.#port.step(publicationId, pace.most, this.#room),
      "StoreUnavailable",
      (error) => Effect.as(this.#refused(publicationId, it, error.message), undefined)
    )
    if (step === undefined) return
    yield* trouble.over("a published table is read")
    const nowMs = this.#active.nowMs()
    const lockedForMs = pace.after(step, nowMs, nowMs - beganMs)
    if (step.state === "done" || step.state === "gone") this.#read.delete(publicationId)
    if (step.state === "done") yield* Effect.logInfo("all rows of a published table are read", { publicationId })
    if (lockedForMs !== undefined) {
      yield* this.#port.failed(publicationId, "a transaction that is open has locked the next row, or the table")
    }
  })

  /** What one table has against it holds no other up. */
  #refused(publicationId: number, { pace, trouble }: Reading, message: string): Effect.Effect<void, StoreError> {
    pace.failed(this.#active.nowMs())
    const told = trouble.seen(`a published table is read later: ${message}`)
    return Effect.andThen(told, this.#port.failed(publicationId, message))
  }
}
