import { assert, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import * as Effect from "effect/Effect"
import { brokerInTestTime, startBroker } from "../../BrokerUnderTest.ts"
import { Closed } from "../../WireClient.ts"
import type { WireClient } from "../../WireClient.ts"
import { limit } from "./Limiting.ts"
import { TestClock } from "effect/testing"

/** Whether the broker answers it. */
const isServed = (client: WireClient) =>
  client.call(Metadata, 12, { topics: [] }).then(
    () => true,
    (error: unknown) => {
      if (error instanceof Closed) return false
      throw error
    }
  )

describe("connections", () => {
  it.effect("begin at a pace; those that come faster wait their turn, and are served then", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime({ maxConnectionCreationRate: 20 })
      const clients = yield* Effect.promise(() => Promise.all(Array.from({ length: 6 }, () => broker.connect())))
      const served: Array<WireClient> = []
      const all = clients.map((client) => isServed(client).then((is) => is && served.push(client)))
      const untilServed = (count: number) =>
        Effect.promise(async () => {
          while (served.length < count) await new Promise(setImmediate)
        })
      // A tenth of a second's at once.
      yield* untilServed(2)
      for (let turn = 3; turn <= 6; turn++) {
        assert.strictEqual(served.length, turn - 1)
        // A deadline rings 4 ms late at most.
        yield* TestClock.adjust(54)
        yield* untilServed(turn)
      }
      yield* Effect.promise(() => Promise.all(all))
      assert.deepStrictEqual(served, clients)
    })
  )

  it.effect("of an address with a quota are closed after their time, if they come too fast", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      yield* Effect.promise(() => limit(broker, { ip: "127.0.0.1" }, "connection_creation_rate", 1))
      const clients: Array<WireClient> = []
      for (let i = 0; i < 10; i++) {
        const client = yield* Effect.promise(() => broker.connect())
        clients.push(client)
        assert.isTrue(yield* Effect.promise(() => isServed(client)))
      }
      const late = yield* Effect.promise(() => broker.connect())
      const answer = isServed(late)
      yield* Effect.promise(() => isServed(clients[0]!))
      yield* TestClock.adjust(1100)
      assert.isFalse(yield* Effect.promise(() => answer))
    })
  )

  it("may be limited by listener", async () => {
    const name = "listener.name.plaintext.max.connections"
    await using broker = await startBroker({ given: new Map([[name, { name, value: "2", origin: "test" }]]) })
    const clients = [await broker.connect(), await broker.connect(), await broker.connect()]
    assert.deepStrictEqual(await Promise.all(clients.map(isServed)), [true, true, false])
  })

  it("may be limited by address", async () => {
    await using broker = await startBroker({
      maxConnectionsPerIp: 1,
      maxConnectionsPerIpOverrides: new Map([["127.0.0.1", 2]])
    })
    const clients = [await broker.connect(), await broker.connect(), await broker.connect()]
    assert.deepStrictEqual(await Promise.all(clients.map(isServed)), [true, true, false])
    await clients[0]![Symbol.asyncDispose]()
    const next = async (): Promise<void> => {
      if (!(await isServed(await broker.connect()))) await next()
    }
    await next()
  })
})
