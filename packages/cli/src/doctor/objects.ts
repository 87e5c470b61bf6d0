import { databaseOf, decodeOwner, ownerName } from "@tusk/storage/log/objects/OwnerRecord"
import type { OwnerRecord } from "@tusk/storage/log/objects/OwnerRecord"
import { clusterIdentity } from "@tusk/storage/pg/PgStore/serverIdentity"
import type { FoundCluster } from "@tusk/storage/pg/PgStore/serverIdentity"
import { isAnotherServer } from "@tusk/storage/port/counters"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import * as Effect from "effect/Effect"
import { CHECK_LIMIT_MS } from "./Check.ts"
import type { Check } from "./Check.ts"
import { error, inBytes, info } from "./Finding.ts"
import type { Verdict } from "./Finding.ts"

/** Objects that the database knows. */
interface KnownObjects {
  readonly objects: number
  readonly bytes: number
}

/** What the store says: whose its objects are, or why it does not answer. */
type Told =
  | { readonly _tag: "Owner"; readonly record: OwnerRecord | undefined }
  | { readonly _tag: "NoOwner" }
  | { readonly _tag: "Failed"; readonly message: string }

/** The objects of a database, and what their store says; `store` undefined: none was named. */
export interface ObjectFacts {
  readonly known: KnownObjects
  readonly cluster: FoundCluster
  readonly store: { readonly name: string; readonly told: Told } | undefined
}

const NOT_READ = "Tusk neither reads nor puts nor removes objects"
const ADOPT = "tusk object adopt, if they are to be this database's"

const judgeOwner = (record: OwnerRecord | undefined, { epoch, server }: FoundCluster): ReadonlyArray<Verdict> => {
  if (record === undefined) return [error("the owner object cannot be read", NOT_READ, ADOPT)]
  if (isAnotherServer(record, server)) {
    return [error(`the objects are another database's: ${databaseOf(record)}`, NOT_READ, ADOPT)]
  }
  // A broker that takes over writes the database first.
  if (record.epoch <= epoch) return []
  const seen = `the database is at epoch ${epoch}, and owned the objects at epoch ${record.epoch}`
  return [error(`${seen}: it was restored, or it has a copy`, NOT_READ, ADOPT)]
}

export const judgeObjects = ({ cluster, known, store }: ObjectFacts): ReadonlyArray<Verdict> => {
  const lie = `${known.objects} objects of ${inBytes(known.bytes)}`
  if (store === undefined) {
    if (known.objects === 0) return []
    const why = "without them records are missing; whether their store is there was not looked at"
    return [info(`the database knows ${lie}`, why, "give --object-store")]
  }
  const { name, told } = store
  switch (told._tag) {
    case "Failed":
      return [
        error(`${name} does not answer: ${told.message}`, "records in objects cannot be read", "mend what it says")
      ]
    case "NoOwner": {
      if (known.objects === 0) return []
      const seen = `the database knows ${lie}, and ${name} has no owner object`
      return [error(seen, NOT_READ, `name the right store, or ${ADOPT}`)]
    }
    case "Owner":
      return judgeOwner(told.record, cluster)
  }
}

const KNOWN = "select count(*)::float8 as objects, coalesce(sum(bytes), 0)::float8 as bytes from kafka.objects"

const ask = (store: ObjectStore, { clusterId }: FoundCluster): Effect.Effect<Told> =>
  store.readTagged(ownerName(clusterId)).pipe(
    Effect.map((found): Told =>
      found === undefined ? { _tag: "NoOwner" } : { _tag: "Owner", record: decodeOwner(found.value) }
    ),
    Effect.catch(({ message }) => Effect.succeed<Told>({ _tag: "Failed", message }))
  )

/** Whether the objects are there and this database's; `store` undefined: none is named. */
export const objectCheck = (store: ObjectStore | undefined): Check => ({
  name: "objects",
  look: (patient) =>
    Effect.gen(function* () {
      const [known] = yield* patient.rows<KnownObjects>(KNOWN, CHECK_LIMIT_MS)
      const cluster = yield* Effect.flatMap(patient.connection, clusterIdentity)
      if (known === undefined || cluster === undefined) return []
      const told = store === undefined ? undefined : { name: store.name, told: yield* ask(store, cluster) }
      return judgeObjects({ known, cluster, store: told })
    }).pipe(
      // A schema that lacks the table is told by another check.
      Effect.catchIf(
        (failure) => failure._tag === "PgError" && failure.code === "42P01",
        () => Effect.succeed([])
      )
    )
})
