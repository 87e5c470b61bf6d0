import { Store } from "@tusk/storage/port/Store"
import type { StoreError } from "@tusk/storage/port/StoreError"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../../config/BrokerSettings.ts"
import { SettingsError } from "../../config/Settings.ts"
import { monotonicMs } from "../../request/monotonic.ts"
import { wireClock } from "../../request/WireClock.ts"
import { PlainVerifier } from "./PlainUsers.ts"
import { RolePasswords } from "./RolePasswords.ts"

const SETTING = "tusk.sasl.plain.verify=postgres"

/** PLAIN's passwords are those of roles of Postgres, if the settings say so. */
export const roleVerifier = Layer.effect(
  PlainVerifier,
  Effect.gen(function* () {
    const settings = yield* BrokerSettings
    const { roles } = yield* Store
    if (settings.saslPlainVerify !== "postgres" || roles === undefined) return yield* PlainVerifier
    const clock = yield* wireClock
    const limits = {
      maxLogins: settings.saslPostgresMaxLogins,
      knownForMs: settings.saslPostgresCacheMs,
      maxKnown: settings.saslPostgresCacheUsers
    }
    const passwords = new RolePasswords(roles, limits, () => monotonicMs(clock))
    return { verify: (user: string, password: string) => passwords.verify(user, password) }
  })
)

/** Fails if roles of Postgres are to be the users, and there are none, or their passwords prove nothing. */
export const checkRoles: Effect.Effect<void, SettingsError | StoreError, BrokerSettings | Store> = Effect.gen(
  function* () {
    const { saslPlainVerify } = yield* BrokerSettings
    if (saslPlainVerify !== "postgres") return
    const { name, roles } = yield* Store
    if (roles === undefined) {
      return yield* new SettingsError({ message: `${SETTING}: storage ${name} has no roles of Postgres` })
    }
    const trusting = yield* roles.trusting
    if (trusting !== undefined) return yield* new SettingsError({ message: `${SETTING}: ${trusting}` })
  }
)
