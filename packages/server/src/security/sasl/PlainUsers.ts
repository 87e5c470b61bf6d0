import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { createHash } from "node:crypto"
import { identityOf } from "./Exchange.ts"
import type { KeyDerivation } from "./KeyDerivation.ts"
import type { PlainVerify } from "./PlainExchange.ts"
import { isEqual } from "./ScramKeys.ts"
import type { ScramUsers } from "./ScramUsers.ts"

/** Says who a user and a password of PLAIN are, in the place of the broker's own users. */
export const PlainVerifier = Context.Reference<{ readonly verify: PlainVerify } | undefined>(
  "@tusk/server/security/sasl/PlainVerifier",
  { defaultValue: () => undefined }
)

const digest = (text: string): Uint8Array => createHash("sha256").update(text).digest()

interface Users {
  /** Of a setting: names and passwords. */
  readonly listed: ReadonlyMap<string, string>
  readonly stored: ScramUsers["Service"]
  readonly derivation: KeyDerivation["Service"]
}

/**
 * The users of the settings, and those of `kafka.scram_users`, whose keys are made from the password that came. Whoever is
 * refused has waited for one such key, whether there is such a user or not.
 */
export const verifyUsers =
  ({ derivation, listed, stored }: Users): PlainVerify =>
  (user, password) => {
    const given = listed.get(user)
    // Of the same length for all, so that its comparison tells nothing of the password.
    if (given !== undefined && isEqual(digest(given), digest(password))) {
      return Effect.succeed(identityOf(`User:${user}`))
    }
    const { credential, isDecoy, mechanism } = stored.ofPlain(user)
    const { iterations, salt, storedKey } = credential
    return Effect.map(derivation.keys(mechanism, password, salt, iterations), (keys) => {
      const isRight = isEqual(keys.storedKey, storedKey)
      return isRight && !isDecoy ? identityOf(`User:${user}`) : undefined
    })
  }
