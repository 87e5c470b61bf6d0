import type { Statistic, Store } from "@tusk/storage/port/Store"
import * as Effect from "effect/Effect"
import type { MetricDefinition } from "./MetricDefinition.ts"
import type { Series } from "./Series.ts"
import { tuskMetrics as m } from "./tuskMetrics.ts"

/** How often the server is asked at most, however many pages are asked for; and how long it may take. */
const EVERY_MS = 5000
const LIMIT_MS = 2500

const KINDS: ReadonlyMap<string, MetricDefinition> = new Map([
  ["table_bytes", m.tableBytes],
  ["live_rows", m.liveRows],
  ["dead_rows", m.deadRows],
  ["wal_bytes", m.walBytes],
  ["oldest_snapshot_seconds", m.oldestSnapshotSeconds],
  ["oldest_snapshot_transactions", m.oldestSnapshotTransactions],
  ["sessions", m.sessions],
  ["max_connections", m.maxConnections],
  ["outbox_rows", m.outboxRows],
  ["outbox_refused_rows", m.outboxRefusedRows]
])

/** What the store's server tells of itself, as of the last few seconds; nothing if there is no such server. */
export const makeSetPostgres = ({ statistics }: Pick<Store["Service"], "statistics">) => {
  let askedAtMs = Number.NEGATIVE_INFINITY
  let last: ReadonlyArray<Statistic> | undefined
  return Effect.fnUntraced(function* (series: Series, nowMs: number) {
    if (statistics === undefined) return
    if (nowMs - askedAtMs >= EVERY_MS) {
      askedAtMs = nowMs
      last = yield* Effect.timeout(statistics, LIMIT_MS).pipe(
        Effect.map((found): ReadonlyArray<Statistic> | undefined => found),
        Effect.catch(({ message }) => Effect.as(Effect.logDebug(`no numbers of the database: ${message}`), undefined))
      )
    }
    series.set(m.postgresUp, last === undefined ? 0 : 1)
    for (const { kind, name, value } of last ?? []) {
      const definition = KINDS.get(kind)
      if (definition === undefined || !Number.isFinite(value)) continue
      series.set(definition, value, ...(definition.labels.length > 0 ? [name] : []))
    }
  })
}
