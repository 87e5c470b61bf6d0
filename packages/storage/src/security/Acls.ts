import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { aclKey } from "../port/Security.ts"
import type { StoredAcl } from "../port/Security.ts"
import { Write } from "../port/Write.ts"
import type { Kept } from "./Kept.ts"
import { makeKept } from "./makeKept.ts"
import { SecurityOptions } from "./SecurityLimits.ts"

/** Who may do what: the rows of `kafka.acls`, which SQL's functions obey, too. */
export class Acls extends Context.Service<Acls, Kept<StoredAcl>>()("@tusk/storage/security/Acls") {
  static readonly layer = Layer.effect(
    Acls,
    Effect.flatMap(SecurityOptions, ({ maxAcls }) =>
      makeKept(({ acls }) => acls, {
        name: "ACLs",
        setting: "tusk.max.acls",
        max: maxAcls,
        keyOf: aclKey,
        // All of a row is its key.
        isSame: () => true,
        put: (row) => Write.PutAcl(row),
        remove: (row) => Write.DeleteAcl(row)
      })
    )
  )
}
