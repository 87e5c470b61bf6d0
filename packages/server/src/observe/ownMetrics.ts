import type { CoordinatorCounts } from "@tusk/coordinator/group/shell/GroupCounts"
import { errorInfo } from "@tusk/protocol/KafkaError"
import type { Active } from "@tusk/storage/commit/Active"
import type { Committer } from "@tusk/storage/commit/Committer"
import type { Erase } from "@tusk/storage/log/erase/Erase"
import type { Log } from "@tusk/storage/log/Log"
import type { StorageCounts } from "@tusk/storage/StorageCounts"
import type { Topics } from "@tusk/storage/topics/Topics"
import type { Settings } from "../config/Settings.ts"
import type { ServerCounts } from "../request/ServerCounts.ts"
import type { ClientTelemetry } from "../telemetry/ClientTelemetry.ts"
import type { HeldByServer } from "./HeldByServer.ts"
import type { Series } from "./Series.ts"
import { tuskMetrics as m } from "./tuskMetrics.ts"

/** Who counts, and who holds. */
export interface OwnSources {
  readonly active: Active["Service"]
  readonly committer: Committer["Service"]
  readonly erase: Pick<Erase["Service"], "waiting">
  readonly log: Log["Service"]
  readonly topics: Topics["Service"]
  readonly settings: Settings
  readonly held: HeldByServer["Service"]
  readonly storage: StorageCounts
  readonly coordinator: CoordinatorCounts
  readonly server: ServerCounts
  readonly telemetry: ClientTelemetry["Service"]
}

/** What the broker knows without asking anybody: once registered, each tells its value itself. */
export const registerOwn = (series: Series, sources: OwnSources): void => {
  const { active, committer, erase, held, log, server, settings, storage, telemetry, topics } = sources
  series.live(m.serving, () => (active.isServing() ? 1 : 0))
  series.live(m.epoch, () => active.epoch())
  series.live(m.connections, () => held.connections())
  series.live(m.connectionsOpened, () => server.connections)
  series.live(m.denials, () => server.denials)
  series.live(m.fetchSessions, () => server.fetchSessions())
  series.live(m.shareSessions, () => held.shareSessions())
  series.live(m.answerBytes, () => held.answerBytes())
  series.live(m.longPolls, () => log.held().waiting)
  series.live(m.commitSeconds, storage.commitSeconds)
  series.live(m.commitUnits, storage.commitUnits)
  series.live(m.commitBatches, storage.commitBatches)
  series.live(m.commitBytes, () => storage.commitBytes)
  series.live(m.queueUnits, () => committer.waiting().units)
  series.live(m.queueBytes, () => committer.waiting().bytes)
  series.live(m.queueMaxBytes, () => settings.commitQueueMaxBytes)
  series.live(m.appendedRecords, () => storage.appendedRecords)
  series.live(m.appendedBytes, () => storage.appendedBytes)
  series.live(m.tailBytes, () => log.held().tailBytes)
  series.live(m.tailReads, () => storage.tailReads)
  series.live(m.tailReadBytes, () => storage.tailReadBytes)
  series.live(m.storeReads, () => storage.storeReads)
  series.live(m.readAheadBytes, () => log.held().readAheadBytes)
  series.live(m.readAheadHits, () => storage.readAheadHits)
  series.live(m.readAheadMisses, () => storage.readAheadMisses)
  series.live(m.partitionsLoaded, () => log.held().partitions)
  series.live(m.drainedRows, () => server.drainedRows)
  series.live(m.drainSeconds, server.drainSeconds)
  series.live(m.deletedBatches, () => storage.deletedBatches)
  series.live(m.orphans, () => topics.orphans().length)
  series.live(m.compactions, () => storage.compactions)
  series.live(m.compactedBatches, () => storage.compactedBatches)
  series.live(m.tieredBatches, () => storage.tieredBatches)
  series.live(m.tieredBytes, () => storage.tieredBytes)
  series.live(m.tierFailures, () => storage.tierFailures)
  series.live(m.tierLagBytes, () => storage.tierLagBytes)
  series.live(m.erasing, () => erase.waiting())
  series.live(m.erasedRecords, () => storage.erasedRecords)
  series.live(m.erasedBytes, () => storage.erasedBytes)
  series.live(m.mergedObjects, () => storage.mergedObjects)
  series.live(m.mergedBytes, () => storage.mergedBytes)
  series.live(m.telemetryClients, () => telemetry.held().clients)
  series.live(m.telemetryBytes, () => telemetry.held().bytes)
  series.live(m.telemetryPushes, () => telemetry.pushes())
}

/** Those that come with what happens: an API's with its first request, an error's with the first of its kind. */
export const registerSeen = (series: Series, { coordinator, server, storage }: OwnSources): void => {
  for (const [tag] of storage.commitFailures) {
    series.live(m.commitFailures, () => storage.commitFailures.get(tag) ?? 0, tag)
  }
  for (const [kind] of coordinator.rebalances) {
    series.live(m.rebalances, () => coordinator.rebalances.get(kind) ?? 0, kind)
  }
  for (const counts of server.logins.values()) {
    series.live(m.logins, () => counts.succeeded, counts.listener, counts.mechanism)
    series.live(m.failedLogins, () => counts.failed, counts.listener, counts.mechanism)
  }
  for (const counts of server.apis.values()) {
    if (counts.requests === 0) continue
    const { name } = counts.api
    series.live(m.requests, () => counts.requests, name)
    series.live(m.requestSeconds, counts.seconds, name)
    series.live(m.requestBytes, () => counts.requestBytes, name)
    series.live(m.responseBytes, () => counts.responseBytes, name)
    if (counts.throttled > 0) {
      series.live(m.throttled, () => counts.throttled, name)
      series.live(m.throttledSeconds, () => counts.throttledMs / 1000, name)
    }
    for (const code of counts.errors.keys()) {
      const error = errorInfo(code)?.name ?? String(code)
      series.live(m.requestErrors, () => counts.errors.get(code) ?? 0, name, error)
    }
  }
}
