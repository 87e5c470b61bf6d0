import { adoption } from "@tusk/storage/log/objects/adoption"
import { checkObjects } from "@tusk/storage/log/objects/checkObjects"
import type { ObjectTrouble } from "@tusk/storage/log/objects/checkObjects"
import { databaseOf } from "@tusk/storage/log/objects/OwnerRecord"
import type { PgConnection } from "@tusk/storage/pg/connection/PgConnection"
import { objectRowsOn } from "@tusk/storage/pg/PgStore/objectRows"
import { clusterIdentity } from "@tusk/storage/pg/PgStore/serverIdentity"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import * as Effect from "effect/Effect"
import type { Report } from "./Damage.ts"
import type { PartitionRow } from "./PartitionWalk.ts"

/** What becomes a row that no batch points to does not matter to a copy. */
const severityOf = ({ kind }: ObjectTrouble) => (kind === "gone" ? "warning" : "error")

/**
 * Whether each object that the copy points to is in the store and long enough, and whose the objects are. What the store has
 * beside that is of no matter: it may be newer than the copy.
 */
export const checkStoredObjects = (
  connection: PgConnection,
  store: ObjectStore,
  report: Report,
  partitionOf: (partitionId: number) => PartitionRow | undefined
) =>
  Effect.gen(function* () {
    const cluster = yield* clusterIdentity(connection)
    if (cluster === undefined) return
    const checked = yield* checkObjects({
      clusterId: cluster.clusterId,
      rows: yield* objectRowsOn(connection),
      store,
      isDeep: false,
      orphansBefore: 0,
      found: (trouble) =>
        Effect.sync(() => {
          const partition = trouble.partitionId === null ? undefined : partitionOf(trouble.partitionId)
          const place = { topic: partition?.topic ?? null, partition: partition?.index ?? null, offset: trouble.offset }
          const named = trouble.name ?? `object ${trouble.objectId}`
          report.add(severityOf(trouble), "objects", `${trouble.kind}: ${trouble.seen} (${named})`, place)
        })
    })
    report.objects = checked.objects
    const { from, isAnother } = yield* adoption(store, cluster)
    if (isAnother || (from === undefined && checked.objects > 0)) {
      const whose = from === undefined ? "nobody's" : `those of ${databaseOf(from)}`
      const seen = `the objects in ${store.name} are ${whose}: tusk object adopt makes them this database's`
      report.add("info", "objects", seen)
    }
  }).pipe(
    Effect.catchTag(
      ["StoreUnavailable", "StoreRefused", "Fenced", "OutcomeUnknown", "ObjectStoreUnavailable", "ObjectStoreRefused"],
      ({ message }) => Effect.sync(() => report.add("error", "objects", `the objects cannot be looked at: ${message}`))
    )
  )
