import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { connect } from "../../src/pg/connection/connect.ts"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import type { Beside } from "../../src/pg/PgStore/Beside.ts"
import { OutboxSession } from "../../src/pg/PgStore/OutboxSession.ts"
import { TestDatabase } from "./TestDatabase.ts"

const database = new TestDatabase()

it.live("the drain, security and erasures share one session of the outbox, however they come for it", () =>
  Effect.gen(function* () {
    yield* database.empty
    yield* database.install()
    let opened = 0
    const beside = {
      applicationName: "tusk",
      open: (name: string) => {
        opened++
        return connect(resolveOptions(database.options()), name)
      },
      isOurs: () => Effect.succeed(true)
    } as unknown as Beside
    const session = new OutboxSession(beside)
    const [one, ...others] = yield* Effect.all([session.ready, session.ready, session.ready], {
      concurrency: "unbounded"
    })
    assert.strictEqual(opened, 1)
    assert.isTrue(others.every((other) => other === one))
    session.end()
    assert.isDefined(one.lostBecause)
    assert.strictEqual((yield* Effect.flip(session.ready))._tag, "ConnectionLost")
  }).pipe(Effect.scoped)
)
