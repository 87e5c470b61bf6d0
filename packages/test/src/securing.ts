import type { NamedSettings } from "@tusk/server/config/Settings"
import { keysOf, MIN_ITERATIONS, SCRAM } from "@tusk/server/security/sasl/ScramKeys"
import type { ScramMechanism } from "@tusk/server/security/sasl/ScramKeys"
import { selfSigned } from "@tusk/server/security/tls/selfSigned"
import type { SecurityProtocol } from "@tusk/server/Tusk"
import type { StoredScramCredential } from "@tusk/storage/port/Security"
import type { Kept } from "@tusk/storage/security/Kept"
import * as Effect from "effect/Effect"
import { pbkdf2, randomBytes } from "node:crypto"
import { promisify } from "node:util"
import type { Inside } from "./Inside.ts"
import type { SecurityPlan } from "./SecurityOptions.ts"

/** How the listener is spoken to. */
export const protocolOf = ({ tls, users }: SecurityPlan): SecurityProtocol => {
  if (users === undefined) return tls ? "SSL" : "PLAINTEXT"
  return tls ? "SASL_SSL" : "SASL_PLAINTEXT"
}

/**
 * Nobody is in that group. The rules are the kit's, so that it is no news if no client may change them; without any super
 * user the broker would warn of that.
 */
const NOBODY = "Group:@tusk/test"

/** The broker's settings, and what a client trusts. Makes a certificate, which takes a millisecond. */
export const secured = ({ acls, superUsers, tls, users }: SecurityPlan) => {
  const pair = tls ? selfSigned() : undefined
  const settings: NamedSettings = {
    ...(users === undefined ? {} : { "sasl.enabled.mechanisms": ["PLAIN", ...Object.keys(SCRAM)].join(",") }),
    ...(acls === undefined
      ? {}
      : {
          "authorizer.class.name": "tusk",
          "super.users": superUsers.length === 0 ? NOBODY : superUsers.join(";")
        }),
    ...(pair === undefined ? {} : { "ssl.keystore.certificate.chain": pair.certificate, "ssl.keystore.key": pair.key })
  }
  return { settings, ca: pair?.certificate }
}

const derived = promisify(pbkdf2)

const credentialOf = async (
  user: string,
  mechanism: ScramMechanism,
  password: string
): Promise<StoredScramCredential> => {
  const { digest, keyBytes } = SCRAM[mechanism]
  const salt = randomBytes(24)
  const salted = await derived(password, salt, MIN_ITERATIONS, keyBytes, digest)
  return { user, mechanism, iterations: MIN_ITERATIONS, salt, ...keysOf(mechanism, salted) }
}

/** The users' credentials. It is begun before the broker, in other threads: passwords are slow to derive on purpose. */
export const credentialsOf = ({ users = [] }: SecurityPlan): Promise<ReadonlyArray<StoredScramCredential>> =>
  Promise.all(
    users.flatMap(({ mechanisms, name, password }) =>
      mechanisms.map((mechanism) => credentialOf(name, mechanism, password))
    )
  )

const add = <Row>({ change, keyOf }: Kept<Row>, rows: ReadonlyArray<Row>) =>
  rows.length === 0
    ? Effect.void
    : Effect.mapError(
        change((present) => new Map([...present, ...rows.map((row) => [keyOf(row), row] as const)])),
        ({ message }) => new Error(message)
      )

/** Users and rules that are there when the broker serves. */
export const seedSecurity = (
  { acls, scramCredentials }: Inside["Service"],
  plan: SecurityPlan,
  credentials: ReadonlyArray<StoredScramCredential>
): Effect.Effect<void, Error> => Effect.andThen(add(acls, plan.acls ?? []), add(scramCredentials, credentials))
