import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { BrokerMetrics } from "../observe/BrokerMetrics.ts"
import { Series } from "../observe/Series.ts"
import { together } from "../observe/together.ts"
import { tuskMetrics } from "../observe/tuskMetrics.ts"

/** What a path answers with. */
export interface Page {
  readonly status: number
  readonly contentType: string
  readonly body: string
}

/** The broker that the pages are of. */
export interface Observed {
  /** Undefined until it listens, and once it stops. */
  metrics: BrokerMetrics["Service"] | undefined
}

const TEXT = "text/plain; charset=utf-8"
const PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"

const text = (status: number, body: string): Page => ({ status, contentType: TEXT, body: `${body}\n` })

const STARTS = "it starts: it waits for its database, or stands by while another broker has the cluster's lock"

/** One page is made at a time, as it may be long. Effect's formatter is loaded with the first one. */
const makeMetricsPage = (observed: Observed): Effect.Effect<Page> =>
  together(
    Effect.gen(function* () {
      const { format } = yield* Effect.promise(() => import("effect/observability/PrometheusMetrics"))
      yield* observed.metrics?.refresh ?? Effect.void
      return { status: 200, contentType: PROMETHEUS, body: yield* format() }
    })
  )

/** By path. */
export type Pages = (path: string) => Effect.Effect<Page> | undefined

/** `/metrics` for Prometheus; `/livez`, whether this process works; `/readyz`, whether clients are served, or why not. */
export const makePages = Effect.fnUntraced(function* (observed: Observed): Effect.fn.Return<Pages, never, Scope.Scope> {
  const unready = () => (observed.metrics === undefined ? STARTS : observed.metrics.unready())
  const ready = Effect.sync(() => {
    const why = unready()
    return why === undefined ? text(200, "ready") : text(503, `not ready: ${why}`)
  })
  // The broker tells it itself, once there is one.
  const series = new Series(yield* Effect.context<never>())
  series.live(tuskMetrics.serving, () => (unready() === undefined ? 1 : 0))
  yield* Effect.addFinalizer(() => Effect.sync(() => series.close()))
  const pages = new Map<string, Effect.Effect<Page>>([
    ["/metrics", makeMetricsPage(observed)],
    ["/livez", Effect.succeed(text(200, "live"))],
    ["/readyz", ready]
  ])
  return (path: string) => pages.get(path)
})
