import * as Effect from "effect/Effect"
import type { SqlSecurity } from "../../port/SqlSecurity.ts"
import { StoreRefused, StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { PgConnection } from "../connection/PgConnection.ts"
import { takeOverTexts } from "../sql/bundle.ts"
import type { OutboxSession } from "./OutboxSession.ts"
import { loadSecurity } from "./securityRows.ts"

const asStoreError = (error: ConnectionError): StoreError => {
  const message = `ACLs, users, quotas and tokens cannot be read: ${error.message}`
  return error._tag === "NotSent"
    ? new StoreRefused({ message, cause: error })
    : new StoreUnavailable({ message, cause: error })
}

/** What SQL has changed of security, in one reign: asked on the session of the outbox, which listens anyway. */
export class SecuritySession {
  private readonly outbox: OutboxSession

  constructor(outbox: OutboxSession) {
    this.outbox = outbox
  }

  readonly changes: SqlSecurity["changes"] = this.on((connection) => {
    this.outbox.security.begin()
    return Effect.map(connection.query(takeOverTexts.SecurityChanges), (rows) => rows.map(([xid]) => BigInt(xid!)))
  })

  readonly load: SqlSecurity["load"] = this.on(loadSecurity)

  readonly seen: SqlSecurity["seen"] = (changes) =>
    this.on((connection) =>
      Effect.asVoid(
        connection.query(`delete from kafka.security_changes where xid = any ('{${changes.join()}}'::xid8[])`)
      )
    )

  readonly woken: SqlSecurity["woken"] = (limitMs) =>
    this.on((connection) => this.outbox.security.heard(connection, limitMs))

  private on<A>(use: (connection: PgConnection) => Effect.Effect<A, ConnectionError>): Effect.Effect<A, StoreError> {
    return Effect.mapError(
      Effect.flatMap(
        Effect.suspend(() => this.outbox.ready),
        use
      ),
      asStoreError
    )
  }
}

/** The port, on the session of the reign that is in force. */
export const securityOf = (
  withSession: <A>(use: (session: SecuritySession) => Effect.Effect<A, StoreError>) => Effect.Effect<A, StoreError>
): SqlSecurity => ({
  changes: withSession((session) => session.changes),
  load: withSession((session) => session.load),
  seen: (changes) => withSession((session) => session.seen(changes)),
  woken: (limitMs) => withSession((session) => session.woken(limitMs))
})
