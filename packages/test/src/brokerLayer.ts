import { RequestFaults } from "@tusk/server/request/RequestFaults"
import { WireClock } from "@tusk/server/request/WireClock"
import { OPEN_TO_USERS } from "@tusk/server/security/sasl/checkLogins"
import { Tusk } from "@tusk/server/Tusk"
import { Active } from "@tusk/storage/commit/Active"
import { Committer } from "@tusk/storage/commit/Committer"
import { Store } from "@tusk/storage/port/Store"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import type { Faults } from "./Faults.ts"
import { Inside } from "./Inside.ts"
import { ManualClock } from "./ManualClock.ts"
import type { Place } from "./Place.ts"
import { realClock } from "./RealClock.ts"
import { protocolOf } from "./securing.ts"
import type { Plan } from "./StartOptions.ts"

const LEVELS = { debug: "Debug", info: "Info", warn: "Warn", error: "Error", none: "None" } as const

/** What changes while a broker runs, beside the broker itself. */
export class Surroundings {
  /** Commits under way. */
  commits = 0
  /** Its take-over is no news. */
  isResetting = false
  /** Undefined: its time is real. */
  readonly manual: ManualClock | undefined

  constructor({ clock }: Plan) {
    this.manual = clock === "manual" ? new ManualClock(() => this.commits > 0) : undefined
  }
}

/** Real time for what waits for the store: sessions with a database go by no test's clock. */
const inRealTime = Layer.succeed(Clock.Clock, realClock)

const counting = (surroundings: Surroundings) => (store: Store["Service"]) =>
  Store.of({
    ...store,
    commit: (units) =>
      Effect.suspend(() => {
        surroundings.commits++
        return Effect.ensuring(
          store.commit(units),
          Effect.sync(() => void surroundings.commits--)
        )
      })
  })

/** A test that says nothing of rules wants none. */
const isKnown = (message: unknown): boolean => String(message).endsWith(OPEN_TO_USERS)

const loggerOf = (surroundings: Surroundings) => {
  const console = Logger.consolePretty()
  return Logger.make<unknown, void>((options) => {
    if (!surroundings.isResetting && !isKnown(options.message)) console.log(options)
  })
}

/** A broker on that place, of which nothing keeps the process alive. */
export const brokerOn = (plan: Plan, place: Place, faults: Faults, surroundings: Surroundings) => {
  const { logLevel, memoryBytes, port, security, settings, storage } = plan
  const protocol = protocolOf(security)
  const options = {
    settings,
    listeners: [{ name: protocol, protocol, host: "127.0.0.1", port }],
    holdsProcess: false,
    ...(storage === "memory" && memoryBytes !== undefined ? { memoryBytes } : {})
  }
  const store = Layer.effect(Store, Effect.map(Store, counting(surroundings))).pipe(Layer.provide(place.store))
  const replaced = {
    active: Layer.provide(Active.layer, inRealTime),
    committer: Layer.provide(Committer.layer, inRealTime)
  }
  return Tusk.layerWith(Inside.layer, options, replaced).pipe(
    Layer.provide(Layer.provide(store, inRealTime)),
    Layer.provide(
      Layer.mergeAll(
        Layer.succeed(RequestFaults, faults.faultOf),
        Layer.succeed(Clock.Clock, surroundings.manual ?? realClock),
        Layer.succeed(WireClock, realClock),
        Layer.succeed(References.MinimumLogLevel, LEVELS[logLevel]),
        Logger.layer([loggerOf(surroundings)])
      )
    )
  )
}
