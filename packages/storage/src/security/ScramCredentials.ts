import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { scramKey } from "../port/Security.ts"
import type { StoredScramCredential } from "../port/Security.ts"
import { Write } from "../port/Write.ts"
import type { Kept } from "./Kept.ts"
import { makeKept, sameBytes } from "./makeKept.ts"
import { SecurityOptions } from "./SecurityLimits.ts"

const isSame = (one: StoredScramCredential, other: StoredScramCredential): boolean =>
  one.iterations === other.iterations &&
  sameBytes(one.salt, other.salt) &&
  sameBytes(one.storedKey, other.storedKey) &&
  sameBytes(one.serverKey, other.serverKey)

/** What is kept of users' passwords: one for each user and mechanism. */
export class ScramCredentials extends Context.Service<ScramCredentials, Kept<StoredScramCredential>>()(
  "@tusk/storage/security/ScramCredentials"
) {
  static readonly layer = Layer.effect(
    ScramCredentials,
    Effect.flatMap(SecurityOptions, ({ maxScramCredentials }) =>
      makeKept(({ scramCredentials }) => scramCredentials, {
        name: "SCRAM credentials",
        setting: "tusk.max.scram.users",
        max: maxScramCredentials,
        keyOf: scramKey,
        isSame,
        put: (row) => Write.PutScramCredential(row),
        remove: ({ mechanism, user }) => Write.DeleteScramCredential({ user, mechanism })
      })
    )
  )
}
