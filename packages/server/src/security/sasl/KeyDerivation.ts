import type { StoredScramCredential } from "@tusk/storage/port/Security"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { pbkdf2 } from "node:crypto"
import { BrokerSettings } from "../../config/BrokerSettings.ts"
import { keysOf, SCRAM } from "./ScramKeys.ts"
import type { ScramMechanism } from "./ScramKeys.ts"
import { SecretBytes } from "./Secrets.ts"

/** As many bytes of salt as Kafka's tools take. */
const SALT_BYTES = 24

/**
 * Passwords into keys. That is slow on purpose: it is done in threads, `tusk.sasl.max.key.derivations` at a time, and
 * never holds up what else the broker does.
 */
export class KeyDerivation extends Context.Service<
  KeyDerivation,
  {
    /** The keys that are stored of a password. */
    readonly keys: (
      mechanism: ScramMechanism,
      password: string,
      salt: Uint8Array,
      iterations: number
    ) => Effect.Effect<Pick<StoredScramCredential, "storedKey" | "serverKey">>
    /** A new credential, with a salt of its own. */
    readonly credential: (
      user: string,
      mechanism: ScramMechanism,
      password: string,
      iterations: number
    ) => Effect.Effect<StoredScramCredential>
  }
>()("@tusk/server/security/sasl/KeyDerivation") {
  static readonly layer = Layer.effect(
    KeyDerivation,
    Effect.gen(function* () {
      const { maxKeyDerivations } = yield* BrokerSettings
      const secretBytes = yield* SecretBytes
      const permits = yield* Semaphore.make(maxKeyDerivations)
      const keys: KeyDerivation["Service"]["keys"] = (mechanism, password, salt, iterations) =>
        Effect.map(Semaphore.withPermits(permits, 1)(saltedPassword(mechanism, password, salt, iterations)), (salted) =>
          keysOf(mechanism, salted)
        )
      return KeyDerivation.of({
        keys,
        credential: (user, mechanism, password, iterations) => {
          const salt = secretBytes(SALT_BYTES)
          return Effect.map(keys(mechanism, password, salt, iterations), (made) => ({
            user,
            mechanism,
            iterations,
            salt,
            ...made
          }))
        }
      })
    })
  )
}

/** It cannot be stopped once it runs: its permit is held until it is done, whoever waits for it. */
const saltedPassword = (
  mechanism: ScramMechanism,
  password: string,
  salt: Uint8Array,
  iterations: number
): Effect.Effect<Uint8Array> =>
  Effect.uninterruptible(
    Effect.callback((resume) => {
      const { digest, keyBytes } = SCRAM[mechanism]
      pbkdf2(password, salt, iterations, keyBytes, digest, (error, key) =>
        resume(error === null ? Effect.succeed(key) : Effect.die(error))
      )
    })
  )
