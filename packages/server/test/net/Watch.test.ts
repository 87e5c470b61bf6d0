/** What is kept for a client before anybody knows who it is. */
import { assert, describe, it } from "@effect/vitest"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { ConnectionOptions } from "../../src/net/ConnectionOptions.ts"
import { openConnection } from "../../src/net/OpenConnection.ts"
import type { OpenConnection } from "../../src/net/OpenConnection.ts"
import { watch } from "../../src/net/Watch.ts"
import { Authorizer } from "../../src/request/Authorizer.ts"
import type { Login } from "../../src/request/Login.ts"

const watched = Effect.fnUntraced(function* (unread: () => number, prepare: (connection: OpenConnection) => void) {
  const fiber = yield* Effect.forkChild(Effect.never)
  const connection = openConnection({
    id: 1,
    authorizer: yield* Authorizer,
    peer: {
      listener: { name: "SSL", protocol: "SSL", advertisedHost: "test", advertisedPort: 1 },
      clientHost: "10.0.0.1",
      onGone: () => {},
      isClosed: () => false,
      unread
    },
    fiber,
    changed: makeSignal(),
    nowMs: 0,
    isStopping: false,
    fork: () => {}
  })
  prepare(connection)
  yield* Effect.forkChild(watch([connection], yield* ConnectionOptions, () => 0))
  yield* TestClock.adjust(1000)
  return { connection, isOver: () => fiber.pollUnsafe() !== undefined }
})

describe("what has been read ahead", () => {
  it.effect("of a client that waits for its handshake is a ClientHello, or it is closed", () =>
    Effect.gen(function* () {
      let bytes = 32 * 1024
      const { connection, isOver } = yield* watched(
        () => bytes,
        () => {}
      )
      assert.isFalse(isOver())
      bytes++
      yield* TestClock.adjust(1000)
      assert.isTrue(isOver())
      assert.strictEqual(connection.info.closedBecause, "the client says more than a ClientHello")
    })
  )

  it.effect("is as much as the socket takes, once it is open", () =>
    Effect.gen(function* () {
      const { isOver } = yield* watched(
        () => 300_000,
        (connection) => (connection.isOpening = false)
      )
      yield* TestClock.adjust(10_000)
      assert.isFalse(isOver())
    })
  )

  it.effect("counts while it logs in, with what there is of its request", () =>
    Effect.gen(function* () {
      const held: Array<number> = []
      const login = { sinceMs: 0, isUnderWay: true, holds: (bytes: number) => void held.push(bytes) }
      const { connection } = yield* watched(
        () => 300_000,
        (connection) => {
          connection.isOpening = false
          connection.gathered = 5000
          connection.info.login = login as Partial<Login> as Login
        }
      )
      login.isUnderWay = false
      yield* TestClock.adjust(1000)
      assert.deepStrictEqual(held, [305_000])
      assert.strictEqual(connection.info.closedBecause, undefined)
    })
  )
})
