import * as Effect from "effect/Effect"
import { makeSignal } from "../../Signal.ts"
import type { PgConnection } from "../connection/PgConnection.ts"

/** What a session hears on one channel. */
export class Listening {
  private readonly changed = makeSignal()
  private isNotified = false

  hear(): void {
    this.isNotified = true
    this.changed.notify()
  }

  /** From now on: what was heard before is known. */
  begin(): void {
    this.isNotified = false
  }

  /** The session is over. */
  end(): void {
    this.changed.notify()
  }

  /** Returns when something was heard, when the session is lost, or after so long. */
  heard(connection: PgConnection, limitMs: number): Effect.Effect<void> {
    const news = this.changed.until(() => this.isNotified || connection.lostBecause !== undefined)
    return Effect.raceFirst(Effect.raceFirst(news, connection.lost), Effect.sleep(limitMs)).pipe(Effect.asVoid)
  }
}
