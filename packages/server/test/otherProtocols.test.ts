/** A client speaks TLS or HTTP to the port: named once an address and minute. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { brokerInTestTime, pass } from "./BrokerUnderTest.ts"
import { oncePer } from "../src/request/oncePer.ts"
import { within } from "./WireClient.ts"

const TLS = ["160301", "160303"].map((start) => Buffer.from(`${start}00f1010000ed0303`, "hex"))
const HTTP = ["GET / HTTP/1.1", "POST / HTTP/1.1", "HEAD / HTTP/1.1", "OPTIONS * HTTP/1.1", "PRI * HTTP/2.0"].map(
  (line) => Buffer.from(`${line}\r\n\r\n`)
)

describe("what is sent to the port", () => {
  it.effect.each([
    ["TLS", TLS],
    ["HTTP", HTTP]
  ] as const)("looks like %s: one line a minute, and the connection closes each time", ([name, hellos]) =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      const send = (bytes: Uint8Array) =>
        Effect.promise(async () => {
          const client = await broker.connect()
          client.sendBytes(bytes)
          await within(client.closed, "the end")
          assert.deepStrictEqual(client.frames, [])
        })
      const lines = () => broker.log.filter(({ level }) => level === "Warn").map(({ text }) => text)
      for (const bytes of hellos) yield* send(bytes)
      assert.lengthOf(lines(), 1)
      assert.include(lines()[0]!, `this looks like ${name}`)
      yield* pass(broker, 59)
      yield* send(hellos[0]!)
      assert.lengthOf(lines(), 1)
      yield* pass(broker, 2)
      yield* send(hellos[0]!)
      assert.lengthOf(lines(), 2)
    })
  )

  it.effect("a length that is only too large is told each time", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime()
      for (const _ of [1, 2]) {
        const client = yield* Effect.promise(() => broker.connect())
        client.sendBytes(Buffer.from("7fffffff", "hex"))
        yield* Effect.promise(() => within(client.closed, "the end"))
      }
      assert.lengthOf(
        broker.log.filter(({ text }) => text.includes("socket.request.max.bytes")),
        2
      )
    })
  )
})

describe("once in a while", () => {
  it("each key by itself, of bounded number", () => {
    const isNews = oncePer(60_000)
    assert.deepStrictEqual(
      [isNews("a", 0), isNews("b", 1), isNews("a", 59_999), isNews("a", 60_000), isNews("a", 60_001)],
      [true, true, false, true, false]
    )
    for (let i = 0; i < 1000; i++) assert.isTrue(isNews(`k${i}`, 60_002))
    assert.isTrue(isNews("a", 60_003), "forgotten for others")
  })
})
