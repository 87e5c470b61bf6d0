import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import { BrokerSettings } from "../../config/BrokerSettings.ts"
import { settingsOf } from "../../config/ListenerSettings.ts"
import type { Settings } from "../../config/Settings.ts"
import type { ConnectionInfo } from "../../request/ConnectionInfo.ts"
import { monotonicMs } from "../../request/monotonic.ts"
import { loginsBy, RequestCounts } from "../../request/ServerCounts.ts"
import { wireClock } from "../../request/WireClock.ts"
import { bearerExchange } from "./BearerExchange.ts"
import { bearerTokens } from "./BearerTokens.ts"
import { ConnectionLogin } from "./ConnectionLogin.ts"
import type { LoginOptions, Mechanism } from "./ConnectionLogin.ts"
import type { Exchange } from "./Exchange.ts"
import { HeldBytes } from "./HeldBytes.ts"
import { jaasUsers } from "./JaasUsers.ts"
import { KeyDerivation } from "./KeyDerivation.ts"
import { plainExchange } from "./PlainExchange.ts"
import { PlainVerifier, verifyUsers } from "./PlainUsers.ts"
import { DelegationTokenLookup, scramExchange } from "./ScramExchange.ts"
import { isScram } from "./ScramKeys.ts"
import { ScramUsers } from "./ScramUsers.ts"
import { SecretBytes } from "./Secrets.ts"

/** Has connections of SASL listeners authenticate. */
export class Logins extends Context.Service<
  Logins,
  {
    /** Begins a connection's login, if its listener asks for one. */
    readonly begin: (connection: ConnectionInfo) => void
    /** How many are not authenticated yet. */
    readonly pending: () => number
  }
>()("@tusk/server/security/sasl/Logins") {
  static readonly layer = Layer.effect(
    Logins,
    Effect.gen(function* () {
      const settings = yield* BrokerSettings
      const clock = yield* wireClock
      const nowMs = () => monotonicMs(clock)
      const exchanges = yield* exchangesOf(nowMs)
      const counts = yield* RequestCounts
      const pending = new Set<ConnectionLogin>()
      const held = new HeldBytes(settings.maxPendingLoginBytes)
      const onHeld = (login: ConnectionLogin, bytes: number) => held.holds(login, bytes)
      const onDone = (login: ConnectionLogin) => {
        pending.delete(login)
        held.holds(login, 0)
      }
      const delayFailure = Effect.provideService(
        Effect.sleep(settings.connectionFailedAuthenticationDelayMs),
        Clock.Clock,
        clock
      )
      const listeners = new Map<string, LoginOptions>()
      const optionsOf = (listener: string): LoginOptions => {
        let options = listeners.get(listener)
        if (options === undefined) {
          const mechanisms = mechanismsOf(settings, listener, exchanges)
          const countsOf = (mechanism: string) => loginsBy(counts, listener, mechanism)
          options = { mechanisms, delayFailure, nowMs, countsOf, onDone, onHeld }
          listeners.set(listener, options)
        }
        return options
      }
      /** Whoever is slow gives way to whoever comes: a client that knows what it wants needs a few milliseconds. */
      const bound = () => {
        if (pending.size <= settings.maxPendingLogins) return
        const oldest = pending.values().next().value!
        pending.delete(oldest)
        oldest.connection.close(
          "it was slow to authenticate, and too many others wait (tusk.max.pending.logins)",
          "Debug"
        )
      }
      return Logins.of({
        begin: (connection) => {
          const { name, protocol } = connection.listener
          if (!protocol.startsWith("SASL_")) return
          const login = new ConnectionLogin(connection, optionsOf(name))
          connection.login = login
          pending.add(login)
          connection.onEnd.add(() => onDone(login))
          bound()
        },
        pending: () => pending.size
      })
    })
  )
}

/** A little more randomness than Kafka's own nonce has. */
const NONCE_BYTES = 18

/** Begins an exchange of a mechanism on a listener. */
type Begin = (mechanism: string, settings: Settings) => () => Exchange

const exchangesOf = Effect.fnUntraced(function* (nowMs: () => number) {
  const stored = yield* ScramUsers
  const derivation = yield* KeyDerivation
  const verifier = yield* PlainVerifier
  const tokens = yield* DelegationTokenLookup
  const secretBytes = yield* SecretBytes
  const newNonce = () => Buffer.from(secretBytes(NONCE_BYTES)).toString("base64url")
  const begin: Begin = (mechanism, settings) => {
    if (isScram(mechanism)) return () => scramExchange({ mechanism, users: stored, tokens, newNonce })
    if (mechanism === "OAUTHBEARER") {
      const check = bearerTokens(settings, nowMs)
      return () => bearerExchange(check)
    }
    const verify = verifier?.verify ?? verifyUsers({ derivation, stored, listed: listedUsers(settings) })
    return () => plainExchange(verify)
  }
  return begin
})

const NOBODY: ReadonlyMap<string, string> = new Map()

/** The users of `sasl.jaas.config`, which was checked at the start. */
const listedUsers = ({ saslJaasConfig }: Settings): ReadonlyMap<string, string> => {
  if (saslJaasConfig === undefined) return NOBODY
  const users = jaasUsers(Redacted.value(saslJaasConfig))
  return typeof users === "string" ? NOBODY : users
}

/** As Apache Kafka tells them: in the order of its hash table. */
const TOLD_ORDER = ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256", "OAUTHBEARER"]

const mechanismsOf = (settings: Settings, listener: string, begin: Begin): ReadonlyMap<string, Mechanism> => {
  const { saslEnabledMechanisms } = settingsOf(settings, listener)
  const enabled = TOLD_ORDER.filter((name) => (saslEnabledMechanisms as ReadonlyArray<string>).includes(name))
  return new Map(
    enabled.map((mechanism) => {
      const own = settingsOf(settings, listener, mechanism)
      return [mechanism, { begin: begin(mechanism, own), maxReauthMs: own.connectionsMaxReauthMs }]
    })
  )
}
