import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { randomBytes } from "node:crypto"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { RoleLogin, RoleLogins } from "../../port/RoleLogins.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import { leaveOnFailure } from "../connection/leaveOnFailure.ts"
import { openSocket } from "../connection/openSocket.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import { run } from "../connection/Statement.ts"
import type { PgTarget } from "../options/PgOptions.ts"
import { readStatements } from "./readStatements.ts"
import type { Readers } from "./Readers.ts"

/** What a role's name may take: Postgres cuts a longer one, and means another role then. */
const MAX_ROLE_BYTES = 63
/** As Postgres, which takes no longer password from a client. */
const MAX_PASSWORD_BYTES = 1024

/** Wrong password, no such role, one that may not log in, or not to this database, or not from here. */
const REFUSED = new Set(["28P01", "28000", "42501", "3D000"])
const TERMINATE = Buffer.from([0x58, 0, 0, 0, 4])

const isUsable = (text: string, maxBytes: number): boolean =>
  text !== "" && !text.includes("\0") && Buffer.byteLength(text) <= maxBytes

const asStoreError = (error: ConnectionError): StoreError => {
  const message = `Postgres does not check a login now: ${error.message}`
  return error._tag === "NotSent"
    ? new StoreRefused({ message, cause: error })
    : new StoreUnavailable({ message, cause: error })
}

/** What came of it if the server has not let the role in. */
const outcomeOf = (error: ConnectionError): Effect.Effect<RoleLogin, StoreError> => {
  if (error._tag === "PgError" && REFUSED.has(error.code)) return Effect.succeed("Refused")
  if (error._tag === "ConnectionLost" && error.unproven === true) {
    return Effect.as(Effect.logDebug(`a login proves nothing: ${error.message}`), "Unproven")
  }
  return Effect.fail(asStoreError(error))
}

/** One login at the server of a session, on a socket that is closed again. */
const loginAt = (
  target: PgTarget,
  { endpoint }: PgConnection,
  user: string,
  password: string
): Effect.Effect<RoleLogin, ConnectionError> => {
  const asked = { ...target, user, password: Redacted.make(password), passwordFile: undefined, options: undefined }
  return Effect.map(openSocket(asked, endpoint, `${target.applicationName} login`, true), ({ socket }): RoleLogin => {
    socket.on("error", () => {})
    socket.end(TERMINATE)
    socket.resume()
    return "Accepted"
  })
}

/** The line of pg_hba.conf by which a role is let in, as far as one may read it. */
const TRUSTING_LINES = `select line_number, type, array_to_string(database, ','), array_to_string(user_name, ','), coalesce(address, ''), auth_method
  from pg_hba_file_rules where auth_method in ('trust', 'peer', 'cert', 'ident') order by line_number limit 5`

const trustingLines = (readers: Readers): Effect.Effect<string> =>
  Effect.gen(function* () {
    const connection = yield* readers.open
    const rows = yield* connection.query(TRUSTING_LINES).pipe(leaveOnFailure(connection))
    connection.leave()
    return rows.map(([line, ...rule]) => `line ${line}: ${rule.filter((word) => word !== "").join(" ")}`).join("; ")
  }).pipe(
    // Only a superuser or a member of pg_read_all_settings may read it.
    Effect.orElseSucceed(() => "")
  )

interface Sessions {
  readonly writer: PgConnection
  readonly readers: Readers
}

/** The roles of the server that the writer's session is with. */
export const roleLoginsOf = (
  target: PgTarget,
  withReign: <A>(use: (reign: Sessions) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
): RoleLogins => {
  const login: RoleLogins["login"] = (role, password) =>
    isUsable(role, MAX_ROLE_BYTES) && isUsable(password, MAX_PASSWORD_BYTES)
      ? withReign(({ writer }) => Effect.catch(loginAt(target, writer, role, password), outcomeOf))
      : Effect.succeed("Refused")
  return {
    login,
    groupsOf: (role) =>
      withReign(({ readers }) =>
        Effect.map(
          readers.send((frame) =>
            run(frame, readStatements.LoadRoleGroups, 1, () => frame.textArray([role], (name) => name))
          ),
          (rows) => {
            if (rows.length === 0) return undefined
            return rows.map(([name]) => name!.toString("utf8")).filter((name) => name !== role)
          }
        )
      ),
    trusting: Effect.flatMap(login(target.user, randomBytes(24).toString("base64url")), (outcome) => {
      if (outcome === "Refused") return Effect.succeed(undefined)
      return withReign(({ readers }) =>
        Effect.map(trustingLines(readers), (lines) => {
          const which = lines === "" ? "" : ` (${lines})`
          return `Postgres lets role ${target.user} in without a password that proves anything: write scram-sha-256 into pg_hba.conf${which}, and select pg_reload_conf()`
        })
      )
    })
  }
}
