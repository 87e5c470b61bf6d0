import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { gunzipSync } from "node:zlib"
import type { SignalOptions } from "../../src/OtelOptions.ts"
import { forwardClientMetrics } from "../../src/telemetry/forwardClientMetrics.ts"
import { Collector } from "./Collector.ts"

const pushed = (clientInstanceId: string, receivedAtMs: number, text: string) => ({
  clientInstanceId,
  receivedAtMs,
  otlp: Buffer.from(text)
})

const optionsFor = (collector: Collector, more: Partial<SignalOptions> = {}): SignalOptions => ({
  url: `${collector.endpoint}/v1/metrics`,
  protocol: "http/json",
  headers: { "api-key": "secret" },
  compression: "none",
  intervalMs: 5,
  timeoutMs: 5000,
  ...more
})

const bodies = (collector: Collector) => collector.received.map(({ body }) => body.toString())

describe("what clients push", () => {
  it("goes to the collector once, as it came, those of several clients together", async () => {
    await using collector = await Collector.start()
    let present = [pushed("a", 1, "A1"), pushed("b", 1, "B1")]
    const fiber = Effect.runFork(forwardClientMetrics(() => present, optionsFor(collector)))
    const first = await collector.until(([received]) => received)
    assert.deepEqual(
      [first.path, first.headers["content-type"], first.headers["api-key"]],
      ["/v1/metrics", "application/x-protobuf", "secret"]
    )
    present = [pushed("b", 1, "B1"), pushed("a", 2, "A2")]
    await collector.until((received) => received[1])
    present = [pushed("a", 2, "A2"), pushed("c", 3, "C1")]
    await collector.until((received) => received[2])
    await Effect.runPromise(Fiber.interrupt(fiber))
    assert.deepEqual(bodies(collector), ["A1B1", "A2", "C1"])
  })

  it("is sent again if the collector did not take it, and zipped if that is asked for", async () => {
    await using collector = await Collector.start()
    collector.status = 503
    const latest = () => [pushed("a", 1, "A1")]
    const fiber = Effect.runFork(forwardClientMetrics(latest, optionsFor(collector, { compression: "gzip" })))
    await collector.until((received) => received[1])
    collector.status = 200
    const { length } = collector.received
    const last = await collector.until((received) => received[length])
    await Effect.runPromise(Fiber.interrupt(fiber))
    assert.strictEqual(last.headers["content-encoding"], "gzip")
    assert.isTrue(collector.received.every(({ body }) => gunzipSync(body).toString() === "A1"))
  })

  it("goes in pieces if it is much", async () => {
    await using collector = await Collector.start()
    const much = "x".repeat(3 * 1024 * 1024)
    const fiber = Effect.runFork(
      forwardClientMetrics(() => [pushed("a", 1, much), pushed("b", 1, much)], optionsFor(collector))
    )
    await collector.until((received) => received[1])
    await Effect.runPromise(Fiber.interrupt(fiber))
    assert.deepEqual(
      collector.received.map(({ body }) => body.byteLength),
      [much.length, much.length]
    )
  })
})
