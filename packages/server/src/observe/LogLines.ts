import { MayTell } from "@tusk/storage/logging"
import type { Area } from "@tusk/storage/logging"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import { LevelTable, LogLevels } from "../config/LogLevels.ts"
import type { Resources } from "../request/Resources.ts"

/** Each log line carries it, so that an app that embeds Tusk can tell Tusk's lines from its own. */
const SERVICE = "tusk"

/** Lines that the effect logs, and whatever it forks, are of the area, unless they say otherwise. */
export const inArea =
  (area: Area) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.annotateLogs(effect, { service: SERVICE, area })

/** Lines of a service's own fibers are of the area. What it logs in the fiber of a request is of that fiber's area. */
export const layerInArea = <A, E, R>(area: Area, layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.fromBuild((memoMap, scope) => inArea(area)(Layer.buildWithMemoMap(layer, memoMap, scope)))

/**
 * Lets the levels of lines be changed while a broker runs: what lies within is told by its area's level, which begins as the
 * app's own `MinimumLogLevel`, to the app's own loggers.
 */
export const runtimeLevels = (): Layer.Layer<never> =>
  Layer.effectContext(
    Effect.gen(function* () {
      // The store has a layer of its own: one table for both.
      if ((yield* LogLevels) !== undefined) return Context.empty()
      const levels = new LevelTable(yield* References.MinimumLogLevel)
      const told = Array.from(yield* Logger.CurrentLoggers, (logger) =>
        Logger.make((options) => {
          const { area } = options.fiber.getRef(References.CurrentLogAnnotations)
          if (levels.tells(area, options.logLevel)) logger.log(options)
        })
      )
      return Context.empty().pipe(
        Context.add(LogLevels, levels),
        Context.add(MayTell, (level) => levels.mayTell(level)),
        Context.add(Logger.CurrentLoggers, new Set(told)),
        Context.add(References.MinimumLogLevel, "All")
      )
    })
  )

/** So many names of each kind are told. */
const MOST_NAMES = 3
/** So much of each name is told; a legal topic name is no longer. */
const MOST_CHARACTERS = 249

const told = (names: ReadonlyArray<string>): string => {
  const some = names.slice(0, MOST_NAMES).map((name) => name.slice(0, MOST_CHARACTERS))
  const more = names.length - some.length
  return some.join(", ") + (more > 0 ? ` and ${more} more` : "")
}

/** What a request names, as fields of a log line, a bounded number of names each. */
export const resourceFields = ({ cluster, ...named }: Resources): Record<string, unknown> => {
  const fields: Record<string, unknown> = cluster === undefined ? {} : { cluster }
  for (const [kind, names] of Object.entries(named)) if (names.length > 0) fields[kind] = told(names)
  return fields
}
