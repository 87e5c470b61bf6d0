import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { PgTarget } from "../PgOptions.ts"
import { Connection } from "./Connection.ts"
import { ConnectionLost, passes } from "./ConnectionError.ts"
import type { ConnectionError } from "./ConnectionError.ts"
import { endpointsOf } from "./Endpoint.ts"
import type { Endpoint } from "./Endpoint.ts"
import { leaveOnFailure } from "./leaveOnFailure.ts"

/** Why a server that answers will not do; undefined if it will. */
const unfit = (target: PgTarget, connection: Connection): Effect.Effect<string | undefined, ConnectionError> =>
  Effect.gen(function* () {
    if (target.targetSessionAttrs === "any") return undefined
    const [row] = yield* connection.query("select pg_is_in_recovery()")
    if (row?.[0] === "t") return "is a standby"
    // As it was before our own settings: whoever set it wants nothing to be written.
    const readOnly = connection.parameters.get("default_transaction_read_only") === "on"
    return readOnly && target.targetSessionAttrs === "read-write" ? "is read-only" : undefined
  })

const openFit = (target: PgTarget, endpoint: Endpoint, applicationName: string) =>
  Effect.gen(function* () {
    const connection = yield* Connection.open(target, endpoint, applicationName)
    const reason = yield* leaveOnFailure(connection)(unfit(target, connection))
    if (reason === undefined) return connection
    connection.leave()
    return yield* new ConnectionLost({ message: `Postgres at ${endpoint.label} ${reason}`, sent: false })
  })

/** Opens a session with the first of the target's servers that will do, address by address. */
export const connect = (target: PgTarget, applicationName: string): Effect.Effect<Connection, ConnectionError> =>
  Effect.gen(function* () {
    const failures: Array<ConnectionError> = []
    for (const host of target.hosts) {
      const endpoints = yield* Effect.result(endpointsOf(host, target.connectTimeoutMs))
      if (Result.isFailure(endpoints)) {
        failures.push(endpoints.failure)
        continue
      }
      for (const endpoint of endpoints.success) {
        const opened = yield* Effect.result(openFit(target, endpoint, applicationName))
        if (Result.isSuccess(opened)) return opened.success
        failures.push(opened.failure)
      }
    }
    if (failures.length === 1) return yield* Effect.fail(failures[0]!)
    return yield* new ConnectionLost({
      message: `none of the database's servers will do: ${failures.map(({ message }) => message).join("; ")}`,
      sent: false,
      // Whatever else is wrong with the others: this has to be put right by somebody.
      lasting: failures.some((failure) => !passes(failure)),
      cause: failures
    })
  })
