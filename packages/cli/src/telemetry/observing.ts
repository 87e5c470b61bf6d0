import { RequestSpans } from "@tusk/server/observe/RequestSpans"
import { Series } from "@tusk/server/observe/Series"
import type { Tusk } from "@tusk/server/Tusk"
import * as Effect from "effect/Effect"
import type { OtelOptions } from "../OtelOptions.ts"
import { forwardClientMetrics } from "./forwardClientMetrics.ts"
import { registerProcess } from "./processMetrics.ts"
import { packageVersion } from "../packageVersion.ts"

/** A look at topics, groups and the database is so old at most when it is exported. */
const MOST_AGE_MS = 15_000

/** What runs in this process is told of: the process among the metrics, and all of it to a collector if one is asked for. */
export const observing =
  (otel: OtelOptions | undefined) =>
  <A, E, R>(program: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.gen(function* () {
      registerProcess(new Series(yield* Effect.context<never>()))
      if (otel === undefined) return yield* program
      // Effect's exporters and the HTTP client take their time to load.
      const { otlp } = yield* Effect.promise(() => import("./Otlp.ts"))
      return yield* program.pipe(
        Effect.provideService(RequestSpans, otel.traced),
        Effect.provide(otlp(otel, packageVersion()))
      )
    })

/** While metrics are exported: keeps the registry fresh, which an export looks at, and sends on what clients push. */
export const exporting = (tusk: Tusk["Service"], { signals }: OtelOptions): Effect.Effect<void> => {
  const metrics = signals.get("metrics")
  if (metrics === undefined) return Effect.void
  const keepFresh = Effect.forever(
    Effect.andThen(tusk.refreshMetrics, Effect.sleep(Math.min(metrics.intervalMs / 2, MOST_AGE_MS)))
  )
  return Effect.all([keepFresh, forwardClientMetrics(tusk.clientMetrics, metrics)], {
    concurrency: "unbounded",
    discard: true
  })
}
