import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { PgTarget } from "../options/PgOptions.ts"
import { PgConnection } from "./PgConnection.ts"
import { ConnectionLost, passes } from "./ConnectionError.ts"
import type { ConnectionError } from "./ConnectionError.ts"
import { endpointsOf } from "./Endpoint.ts"
import type { Endpoint } from "./Endpoint.ts"
import { leaveOnFailure } from "./leaveOnFailure.ts"

const READ_ONLY =
  "is read-only: default_transaction_read_only is on for this role or database; target_session_attrs=primary takes it all the same"

/** Why a server that answers will not do; undefined if it will. */
const unfit = (target: PgTarget, connection: PgConnection): Effect.Effect<string | undefined, ConnectionError> =>
  Effect.gen(function* () {
    if (target.targetSessionAttrs === "any") return undefined
    const [row] = yield* connection.query("select pg_is_in_recovery()")
    if (row?.[0] === "t") return "is a standby"
    // As it was before our own settings: the person who set it wants nothing to be written.
    const readOnly = connection.parameters.get("default_transaction_read_only") === "on"
    return readOnly && target.targetSessionAttrs === "read-write" ? READ_ONLY : undefined
  })

const openFit = (target: PgTarget, endpoint: Endpoint, applicationName: string) =>
  Effect.gen(function* () {
    const connection = yield* PgConnection.open(target, endpoint, applicationName)
    const reason = yield* leaveOnFailure(connection)(unfit(target, connection))
    if (reason === undefined) return connection
    connection.leave()
    return yield* new ConnectionLost({ message: `Postgres at ${endpoint.label} ${reason}`, sent: false })
  })

/** If there are others to ask, a host that vanished is not waited for so long at first. */
const IMPATIENT_MS = 1500

const isSilent = (error: ConnectionError): boolean => error._tag === "ConnectionLost" && error.silent === true

/** Every address of the target's hosts in order, or why a host has none. */
const placesOf = (target: PgTarget): Effect.Effect<ReadonlyArray<Endpoint | ConnectionLost>> =>
  Effect.map(
    Effect.forEach(
      target.hosts,
      (host) =>
        Effect.match(endpointsOf(host, target.connectTimeoutMs), {
          onFailure: (error): ReadonlyArray<Endpoint | ConnectionLost> => [error],
          onSuccess: (endpoints) => endpoints
        }),
      { concurrency: "unbounded" }
    ),
    (places) => places.flat()
  )

/** Opens a session with the first of the target's servers that will do, address by address. */
export const connect = (target: PgTarget, applicationName: string): Effect.Effect<PgConnection, ConnectionError> =>
  Effect.gen(function* () {
    const places = yield* placesOf(target)
    const failures = new Map<Endpoint | ConnectionLost, ConnectionError>()
    const patience = [Math.min(IMPATIENT_MS, target.connectTimeoutMs), target.connectTimeoutMs]
    for (const connectTimeoutMs of places.length > 1 ? patience : patience.slice(1)) {
      for (const place of places) {
        if (place instanceof ConnectionLost) {
          failures.set(place, place)
          continue
        }
        const before = failures.get(place)
        if (before !== undefined && !isSilent(before)) continue
        const opened = yield* Effect.result(openFit({ ...target, connectTimeoutMs }, place, applicationName))
        if (Result.isSuccess(opened)) return opened.success
        failures.set(place, opened.failure)
      }
    }
    const errors = Array.from(failures.values())
    if (errors.length === 1) return yield* Effect.fail(errors[0]!)
    return yield* new ConnectionLost({
      message: `none of the database's servers will do: ${errors.map(({ message }) => message).join("; ")}`,
      sent: false,
      // Whatever else is wrong with the others: a person has to put this right.
      lasting: errors.some((error) => !passes(error)),
      cause: errors
    })
  })
