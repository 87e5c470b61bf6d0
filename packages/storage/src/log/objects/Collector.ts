import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { Active } from "../../commit/Active.ts"
import { Committer } from "../../commit/Committer.ts"
import type { ObjectTotals } from "../../port/ObjectRows.ts"
import { ObjectStore } from "../../port/ObjectStore.ts"
import { Store } from "../../port/Store.ts"
import { Recurring } from "../../Recurring.ts"
import { Counts } from "../../StorageCounts.ts"
import { Collecting } from "./Collecting.ts"
import type { CollectFailure } from "./Collecting.ts"
import { CollectorOptions, Incarnation } from "./CollectorOptions.ts"
import { Owner } from "./Owner.ts"

const NONE: ObjectTotals = { objects: 0, bytes: 0, unusedObjects: 0, unusedBytes: 0 }
/** Between two rounds while something fails: at first; at most it is the interval. */
const RETRY_MS = 1000

/**
 * Takes away objects that no batch points to, in bounded steps, for as long as this broker is the writer and the objects are its
 * database's.
 *
 * | of an object | what becomes of it |
 * |---|---|
 * | no batch points to it, and no unit can bring one any more | a commit that looks once more notes it as unused |
 * | unused for `tusk.object.delete.delay.ms`, and no batch points to it | it is removed from the store, then its row goes |
 * | it lies in the store, no row knows it, and its name is a day old | it is removed from the store |
 *
 * "No unit can": a unit is refused once its object is older than an hour by the monotonic clock. An object of this process counts
 * as settled 70 minutes after it was seen by that same clock; those of others are, as their process has lost the lock. A commit
 * that was put together before may take long: each look that decides stands behind it in the queue. So what the wall clock says
 * decides nothing about what is pointed to; it says only for how long the delays are (`WallTimes` says what a leap does to them).
 */
export class Collector extends Context.Service<
  Collector,
  {
    /** A round now: what is unused is noted, and what was for long enough goes. Tells what stands in its way. */
    readonly check: Effect.Effect<void, CollectFailure>
    /** A look at the whole store now. */
    readonly sweep: Effect.Effect<void, CollectFailure>
    /** As the last round found it. */
    readonly totals: () => ObjectTotals
  }
>()("@tusk/storage/log/objects/Collector") {
  static readonly layer = Layer.effect(
    Collector,
    Effect.gen(function* () {
      const store = yield* ObjectStore
      const { objects: rows } = yield* Store
      const active = yield* Active
      if (store === undefined || rows === undefined) {
        return Collector.of({ check: Effect.void, sweep: Effect.void, totals: () => NONE })
      }
      const options = yield* CollectorOptions
      const owner = yield* Owner
      const committer = yield* Committer
      const counts = yield* Counts
      const incarnation = yield* Incarnation
      const collecting = new Collecting({ active, committer, rows, store, owner, counts, options, incarnation })
      const trouble = new Recurring("objects")
      const clocks = new Recurring("objects")
      const one = Semaphore.makeUnsafe(1)
      let totals = NONE

      const begin = Effect.tap(collecting.begin, ({ times }) =>
        times.differ
          ? clocks.seen("clocks differ, or have leapt: objects are removed by the one that is behind")
          : clocks.over("clocks agree again")
      )
      const check = Effect.gen(function* () {
        const look = yield* begin
        yield* collecting.mark(look)
        yield* collecting.remove(look)
        totals = yield* rows.totals
      })
      const sweep = Effect.flatMap(begin, collecting.sweep)
      const [checkAlone, sweepAlone] = [one.withPermits(1)(check), one.withPermits(1)(sweep)]

      let rounds = 0
      const round = Effect.suspend(() => {
        if (owner.state()._tag !== "Owned") return Effect.fail("Ended" as const)
        rounds++
        const isSwept = rounds % options.roundsPerSweep === 0
        return isSwept ? Effect.andThen(checkAlone, sweepAlone) : checkAlone
      })
      let restMs = options.intervalMs
      const tried = round.pipe(
        Effect.andThen(trouble.over("unused objects are removed")),
        Effect.andThen(Effect.sync(() => void (restMs = options.intervalMs))),
        Effect.catchDefect((defect) => Effect.fail({ message: `a defect: ${String(defect)}` })),
        Effect.catch((failure) => {
          // Another reign, and another owner, are told by others.
          const isTold = failure === "Ended" || active.reign() === undefined
          restMs = Math.min(options.intervalMs, isTold || restMs === options.intervalMs ? RETRY_MS : 2 * restMs)
          return isTold ? Effect.void : trouble.seen(`unused objects are removed later: ${failure.message}`)
        })
      )
      const rest = Effect.suspend(() => Effect.sleep(restMs))
      yield* Effect.forkScoped(Effect.forever(Effect.andThen(rest, Effect.andThen(active.whenReigning, tried))))
      return Collector.of({ check: checkAlone, sweep: sweepAlone, totals: () => totals })
    })
  )
}
