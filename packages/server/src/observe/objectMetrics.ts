import type { Collector } from "@tusk/storage/log/objects/Collector"
import type { Owner } from "@tusk/storage/log/objects/Owner"
import type { StorageCounts } from "@tusk/storage/StorageCounts"
import type { Series } from "./Series.ts"
import { tuskMetrics as m } from "./tuskMetrics.ts"

/** Who counts objects, and who holds them. */
export interface ObjectSources {
  readonly collector: Pick<Collector["Service"], "totals">
  readonly owner: Pick<Owner["Service"], "state">
  readonly storage: StorageCounts
}

/** What a broker with an object store knows without asking anybody. */
export const registerObjects = (series: Series, { collector, owner, storage }: ObjectSources): void => {
  series.live(m.objectsOwned, () => (owner.state()._tag === "Owned" ? 1 : 0))
  series.live(m.objects, () => collector.totals().objects)
  series.live(m.objectBytes, () => collector.totals().bytes)
  series.live(m.objectsUnused, () => collector.totals().unusedObjects)
  series.live(m.objectsUnusedBytes, () => collector.totals().unusedBytes)
  series.live(m.objectsRemoved, () => storage.objectsRemoved, "unused")
  series.live(m.objectsRemoved, () => storage.objectOrphansRemoved, "orphan")
  series.live(m.objectRemovedBytes, () => storage.objectBytesRemoved)
  series.live(m.objectPutSeconds, storage.objectSeconds.put)
  series.live(m.objectPutBytes, () => storage.objectPutBytes)
  series.live(m.objectGetSeconds, storage.objectSeconds.get)
  series.live(m.objectGetBytes, () => storage.objectGetBytes)
  series.live(m.objectCacheHits, () => storage.objectCacheHits)
  series.live(m.objectCacheMisses, () => storage.objectCacheMisses)
  for (const call of ["put", "get", "list", "remove"]) {
    series.live(m.objectFailures, () => storage.objectFailures.get(call) ?? 0, call)
  }
}
