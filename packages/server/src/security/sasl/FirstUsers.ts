import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ScramCredentials } from "@tusk/storage/security/ScramCredentials"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { KeyDerivation } from "./KeyDerivation.ts"
import { MIN_ITERATIONS, SCRAM_MECHANISMS } from "./ScramKeys.ts"

/** A user that is there from the start. */
export interface FirstUser {
  readonly name: string
  readonly password: string | Redacted.Redacted
}

/** Users that a start makes if they are not there. */
export const FirstUsers = Context.Reference<ReadonlyArray<FirstUser>>("@tusk/server/security/sasl/FirstUsers", {
  defaultValue: () => []
})

/**
 * Makes the first users, for each mechanism of SCRAM, and with it for PLAIN. One that has any credential is left as it is:
 * its password may have been changed since.
 */
export const makeFirstUsers: Effect.Effect<void, KafkaError, ScramCredentials | KeyDerivation> = Effect.gen(
  function* () {
    const { change, current, keyOf } = yield* ScramCredentials
    const derivation = yield* KeyDerivation
    const isThere = (user: string) => Array.from(current().values()).some((row) => row.user === user)
    for (const { name, password } of yield* FirstUsers) {
      if (isThere(name)) continue
      const text = typeof password === "string" ? password : Redacted.value(password)
      const made = yield* Effect.forEach(SCRAM_MECHANISMS, (mechanism) =>
        derivation.credential(name, mechanism, text, MIN_ITERATIONS)
      )
      yield* change((present) => new Map([...present, ...made.map((row) => [keyOf(row), row] as const)]))
      yield* Effect.logInfo(`user ${name} is made`)
    }
  }
)
