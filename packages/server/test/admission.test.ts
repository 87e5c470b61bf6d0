import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import { Logins } from "../src/security/sasl/Logins.ts"
import * as Socket from "effect/socket/Socket"
import { BrokerSettings } from "../src/config/BrokerSettings.ts"
import { defaultSettings } from "../src/config/Settings.ts"
import { Connections } from "../src/net/Connections.ts"
import { Dispatch } from "../src/net/Dispatch.ts"
import type { Admitted, Begin } from "../src/net/Admitted.ts"
import { Deadlines } from "../src/request/Deadlines.ts"
import { AddressMeters } from "../src/security/quota/AddressMeters.ts"
import { ClientMeters } from "../src/security/quota/ClientMeters.ts"
import { ClientQuotas } from "../src/security/quota/ClientQuotas.ts"

const WINDOWS = { samples: 11, sampleMs: 1000 }
const noQuotas = Layer.sync(ClientQuotas, () => ({
  clients: new ClientMeters({ windows: WINDOWS, mutationWindows: WINDOWS, maxEntities: 1 }),
  addresses: new AddressMeters(WINDOWS, 1)
}))

/** A frame of one byte, which says what it asks for. */
const frame = (name: string) => Uint8Array.of(0, 0, 0, 1, name.charCodeAt(0))

/** One connection of a broker that does with each request what the test says; which of them ran, in order. */
const open = Effect.fnUntraced(function* (
  waits: (name: string) => Effect.Effect<boolean> | undefined,
  places: (name: string) => Effect.Effect<void> | undefined = () => undefined
) {
  const ran: Array<string> = []
  const answered = yield* Queue.unbounded<string>()
  const admit = (bytes: Uint8Array): Admitted => {
    const name = String.fromCharCode(bytes[0]!)
    const begin: Begin = () => {
      const answer = Effect.sync(() => {
        ran.push(name)
        return [bytes]
      })
      const placed = places(name)
      return placed === undefined ? answer : { placed, answer }
    }
    const waiting = waits(name)
    const ready = waiting && Effect.map(waiting, (isThere) => (isThere ? begin : undefined))
    return { concurrent: true, ready, begin }
  }
  const parts = Layer.mergeAll(
    Layer.succeed(Dispatch, { admit }),
    Layer.succeed(Logins, { begin: () => {}, pending: () => 0 }),
    Deadlines.layer,
    noQuotas,
    Layer.succeed(BrokerSettings, defaultSettings)
  )
  const layer = Layer.provide(Connections.layer, parts)
  const connections = Context.get(yield* Layer.build(layer), Connections)
  const sent = yield* Queue.unbounded<Uint8Array>()
  const socket = Socket.make({
    reader: Effect.succeed({
      pull: Effect.map(Queue.take(sent), (chunk) => [chunk] as const),
      upgrade: () => Effect.die("no TLS here")
    }),
    writer: Effect.succeed({
      write: () => Effect.void,
      writeAll: (chunks) => Effect.sync(() => chunks.forEach((chunk) => Queue.offerUnsafe(answered, String(chunk))))
    })
  })
  yield* Effect.forkScoped(
    connections.serve(socket, {
      listener: { name: "PLAINTEXT", protocol: "PLAINTEXT", advertisedHost: "test", advertisedPort: 1 },
      clientHost: "",
      onGone: () => {},
      isClosed: () => false
    })
  )
  return { ran, answered, send: (name: string) => Queue.offer(sent, frame(name)) }
})

describe("requests beside others", () => {
  it.effect("keep their order if some of them had to wait until the broker serves again", () =>
    Effect.gen(function* () {
      const serving = Latch.makeUnsafe(false)
      // The first came while it did not serve; the second comes as it does, and the first has not noticed yet.
      const { answered, ran, send } = yield* open((name) => (name === "a" ? Effect.as(serving.await, true) : undefined))
      yield* send("a")
      yield* send("b")
      for (let i = 0; i < 100; i++) yield* Effect.yieldNow
      assert.deepStrictEqual(ran, [])
      yield* serving.open
      yield* Queue.take(answered)
      yield* Queue.take(answered)
      assert.deepStrictEqual(ran, ["a", "b"])
    })
  )

  it.effect("begin when the one before them has its place, if it holds them up", () =>
    Effect.gen(function* () {
      const placed = Latch.makeUnsafe(false)
      const { answered, ran, send } = yield* open(
        () => undefined,
        (name) => (name === "a" ? placed.await : undefined)
      )
      yield* send("a")
      yield* send("b")
      // It is answered all the same.
      yield* Queue.take(answered)
      for (let i = 0; i < 100; i++) yield* Effect.yieldNow
      assert.deepStrictEqual(ran, ["a"])
      yield* placed.open
      yield* Queue.take(answered)
      assert.deepStrictEqual(ran, ["a", "b"])
    })
  )

  it.effect("are not carried out for a client that has gone while the broker did not serve", () =>
    Effect.gen(function* () {
      const { answered, ran, send } = yield* open((name) => (name === "a" ? Effect.succeed(false) : undefined))
      yield* send("a")
      yield* send("b")
      yield* Queue.take(answered)
      assert.deepStrictEqual(ran, ["b"])
    })
  )
})
