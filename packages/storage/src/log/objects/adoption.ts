import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isAnotherServer } from "../../port/counters.ts"
import type { ServerIdentity } from "../../port/CommitStore.ts"
import type { ObjectStore, ObjectStoreError } from "../../port/ObjectStore.ts"
import { decodeOwner, encodeOwner, ownerName } from "./OwnerRecord.ts"
import type { OwnerRecord } from "./OwnerRecord.ts"

/** What an adoption would change. */
export interface Adoption {
  /** Whose the objects are; undefined: nobody's, or that cannot be read. */
  readonly from: OwnerRecord | undefined
  /** Whether that is another database, or may be: also a later state of this one. */
  readonly isAnother: boolean
  /** Makes the objects this database's, whichever reign of it comes next. False: somebody changed the owner meanwhile. */
  readonly adopt: Effect.Effect<boolean, ObjectStoreError>
}

/** A person decides that objects are to be a database's. A broker that waits for it hears of it soon. */
export const adoption = (
  store: ObjectStore,
  { clusterId, epoch, server }: { readonly clusterId: string; readonly epoch: number; readonly server: ServerIdentity }
): Effect.Effect<Adoption, ObjectStoreError> =>
  Effect.map(store.readTagged(ownerName(clusterId)), (found) => {
    const from = found && decodeOwner(found.value)
    const adopt = Effect.flatMap(Clock.currentTimeMillis, (writtenAt) => {
      const { place, systemIdentifier, timeline } = server
      const record: OwnerRecord = { clusterId, systemIdentifier, timeline, place, epoch: 0, writer: "", writtenAt }
      return store.replaceTagged(ownerName(clusterId), found?.tag, encodeOwner(record))
    })
    const isAnother = found !== undefined && (from === undefined || isAnotherServer(from, server) || from.epoch > epoch)
    return { from, isAnother, adopt }
  })
