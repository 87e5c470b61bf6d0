import * as Effect from "effect/Effect"
import type { Broker } from "./Broker.ts"
import type { Chance } from "./Chance.ts"
import type { Database } from "./Database.ts"
import type { Faults } from "./Faults.ts"
import type { History } from "./History.ts"
import type { SimNetwork } from "./SimNetwork.ts"

/** By how much a clock is set: less than what the time of a record may be off. */
const CLOCK_STEP_MS = 50 * 60_000
/** Changes that a standby lacks at most when it takes over. */
const MOST_LOST = 8

/** What may be made to go wrong. */
export interface Troubled {
  readonly chance: Chance
  readonly faults: Faults
  readonly network: SimNetwork
  readonly database: Database
  readonly brokers: ReadonlyArray<Broker>
  readonly history: History
  /** Where the ages of objects count, a clock is set by less. */
  readonly objects: { readonly clockStepMs: number } | undefined
  /** A new member joins. */
  readonly enter: Effect.Effect<void>
}

/** So many troubles, one after the other. */
export const makeTrouble = (troubled: Troubled, count: number): Effect.Effect<void> => {
  const { chance, faults } = troubled
  return Effect.gen(function* () {
    for (let i = 0; i < count; i++) {
      yield* Effect.sleep(chance.between(100, 3000))
      faults.count++
      yield* makeOne(troubled)
    }
  })
}

const makeOne = ({
  brokers,
  chance,
  database,
  enter,
  faults,
  history,
  network,
  objects
}: Troubled): Effect.Effect<void> => {
  const broker = chance.pick(brokers)
  const startAgain = Effect.andThen(
    Effect.suspend(() => Effect.sleep(chance.between(0, 4000))),
    Effect.sync(() => broker.start())
  )
  const what = chance.below(20)
  if (what < 5) return Effect.sync(() => network.cutOne())
  if (what < 9)
    return Effect.andThen(
      Effect.sync(() => broker.crash(chance.between(0, 3000))),
      startAgain
    )
  if (what < 12) return Effect.sync(() => database.endSession())
  if (what === 12)
    return Effect.andThen(
      Effect.sync(() => broker.stop()),
      startAgain
    )
  if (what === 13) return enter
  if (what < 16) return Effect.sync(() => broker.standStill(faults.heldMs()))
  if (what < 18) {
    const livesOnMs = chance.permille(500) ? chance.between(500, 20_000) : undefined
    return Effect.sync(() => database.failOver(chance.below(MOST_LOST + 1), livesOnMs))
  }
  if (what === 18) return Effect.sync(() => database.loseStandby(chance.between(500, 40_000)))
  return Effect.sync(() => {
    if (chance.permille(750)) return database.deafen(chance.between(500, 10_000))
    const stepMs = objects?.clockStepMs ?? CLOCK_STEP_MS
    if (broker.stepClock(chance.pick([-stepMs, stepMs]))) history.stepsClock()
  })
}
