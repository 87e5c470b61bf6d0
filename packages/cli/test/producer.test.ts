import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { peekRequestHeader } from "@tusk/protocol/Header"
import { Produce } from "@tusk/protocol/messages/Produce"
import { start } from "@tusk/server/testing/TestBroker"
import type { TestBroker } from "@tusk/server/testing/TestBroker"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { KafkaClient, makeKafkaClient } from "@tusk/client/KafkaClient"
import { nodeTransport } from "@tusk/client/NodeTransport"
import { makeProducer } from "@tusk/client/produce/Producer"
import { Transport } from "@tusk/client/Transport"
import { runCommandHere } from "./RunCommand.ts"

let broker: TestBroker
beforeAll(async () => {
  broker = await start()
})
afterAll(() => broker.stop())

/** Connections that break at each third Produce: before it is sent, or behind it, so that its answer is lost. */
const breaking = (
  where: "before" | "behind"
): { readonly layer: Layer.Layer<Transport>; readonly breaks: () => number } => {
  let sent = 0
  let breaks = 0
  const layer = Layer.effect(
    Transport,
    Effect.map(Transport, (plain) =>
      Transport.of({
        open: (address, events) =>
          Effect.map(plain.open(address, events), (channel) => ({
            ...channel,
            send: (chunks) => {
              const { apiKey } = peekRequestHeader(Buffer.concat(chunks as Array<Uint8Array>).subarray(4))
              const isBreak = apiKey === Produce.key && ++sent % 3 === 0 && breaks < 5
              if (isBreak) breaks++
              if (isBreak && where === "before") return channel.destroy()
              channel.send(chunks)
              // Once it is written: what is destroyed sends nothing.
              if (isBreak) setImmediate(() => channel.destroy())
            }
          }))
      })
    )
  ).pipe(Layer.provide(nodeTransport))
  return { layer, breaks: () => breaks }
}

describe("a producer whose connections break", () => {
  for (const where of ["before", "behind"] as const) {
    it(`each record is there once, and in order: broken ${where} a request`, async () => {
      const topic = `broken-${where}`
      const { breaks, layer } = breaking(where)
      const produced = Effect.gen(function* () {
        const client = yield* makeKafkaClient({
          bootstrap: [{ host: broker.host, port: broker.port }],
          clientId: "c",
          softwareVersion: "1",
          requestTimeoutMs: 10_000,
          retryMs: 10_000
        })
        const options = { topic, acks: -1 as const, idempotent: true, codec: 0, batchBytes: 1000 }
        const producer = yield* Effect.provideService(makeProducer(options), KafkaClient, client)
        for (let i = 0; i < 5000; i++) {
          const value = Buffer.from(`record ${i}`)
          if (producer.add({ key: null, value, headers: [], timestamp: 1 })) yield* producer.sendFull
        }
        yield* producer.finish
      }).pipe(Effect.scoped, Effect.provide(layer))
      await Effect.runPromise(produced)
      assert.strictEqual(breaks(), 5)
      const { stdout } = await runCommandHere(["consume", topic, "--exit-at-end", "-b", broker.bootstrapServers])
      assert.strictEqual(stdout, Array.from({ length: 5000 }, (_, i) => `record ${i}\n`).join(""))
    })
  }
})
