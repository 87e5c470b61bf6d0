import * as Effect from "effect/Effect"
import { PgConnection } from "../connection/PgConnection.ts"
import type { ConnectionError } from "../connection/ConnectionError.ts"
import type { PgTarget } from "../options/PgOptions.ts"
import { isSession, whoHolds } from "./clusterLock.ts"
import type { Session } from "./clusterLock.ts"

/** A session that holds the cluster's lock, and a way to open other sessions with its server. */
export class Beside {
  readonly writer: PgConnection
  readonly session: Session
  private readonly target: PgTarget

  constructor(target: PgTarget, writer: PgConnection, session: Session) {
    this.target = target
    this.writer = writer
    this.session = session
  }

  get applicationName(): string {
    return this.target.applicationName
  }

  /** One more session at the writer's address. That it is the same server's `isOurs` shows. */
  open(
    applicationName: string,
    limits: { readonly connectTimeoutMs?: number; readonly silenceMs?: number } = {}
  ): Effect.Effect<PgConnection, ConnectionError> {
    const { connectTimeoutMs, silenceMs } = limits
    const target = connectTimeoutMs === undefined ? this.target : { ...this.target, connectTimeoutMs }
    return PgConnection.open(target, this.writer.endpoint, applicationName, silenceMs)
  }

  /** Whether the server behind a connection sees the writer's session under the lock. */
  isOurs(connection: PgConnection): Effect.Effect<boolean, ConnectionError> {
    return Effect.map(connection.query(whoHolds()), ([holder]) => this.isHolder(holder))
  }

  isHolder(holder: ReadonlyArray<string | null> | undefined): boolean {
    return holder !== undefined && isSession(holder, this.session)
  }
}
