/** A shadow beside the broker that it asks, as the command runs it. */
import { makeKafkaClient } from "@tusk/client/KafkaClient"
import { nodeTransport } from "@tusk/client/NodeTransport"
import type { ShadowRows } from "@tusk/storage/port/ShadowRows"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { clientSource } from "../../src/shadow/ClientSource.ts"
import { clientTarget } from "../../src/shadow/ClientTarget.ts"
import { memoryRows } from "../../src/shadow/memoryRows.ts"
import { Shadow } from "../../src/shadow/Shadow.ts"
import type { BrokerUnderTest, LogLine } from "../BrokerUnderTest.ts"
import { capturing } from "../BrokerUnderTest.ts"
import { nextTurn } from "../Stores.ts"

const options = {
  wants: () => true,
  fills: true,
  bufferBytes: 1 << 20,
  openBytes: 1 << 24,
  mapMost: 1000,
  intervalMs: 100
}

const clientOf = ({ port }: BrokerUnderTest) =>
  makeKafkaClient({
    bootstrap: [{ host: "127.0.0.1", port }],
    clientId: "shadow",
    softwareVersion: "1",
    requestTimeoutMs: 5000,
    retryMs: 2000
  })

export const shadowing = async (from: BrokerUnderTest, to: BrokerUnderTest, rows: ShadowRows = memoryRows()) => {
  const log: Array<LogLine> = []
  let shadow: Shadow | undefined
  const run = Effect.gen(function* () {
    const source = yield* clientSource(yield* clientOf(from), 10)
    shadow = new Shadow({ source, target: clientTarget(yield* clientOf(to)), rows }, options)
    return yield* shadow.run
  }).pipe(Effect.scoped, Effect.provide(nodeTransport), Effect.provide(capturing(log)))
  const fiber = Effect.runFork(run)
  const stop = () => Effect.runPromise(Fiber.interrupt(fiber))
  return {
    stop,
    /** Returns once it has told something like this. */
    tells: async (pattern: RegExp): Promise<void> => {
      for (const until = Date.now() + 15_000; !log.some(({ text }) => pattern.test(text)); await nextTurn()) {
        if (Date.now() > until) throw new Error(`${pattern} is not told: ${log.map(({ text }) => text).join("; ")}`)
      }
    },
    stopped: () => shadow?.lags().flatMap(({ stoppedWhy }) => stoppedWhy ?? []) ?? [],
    isComplete: () => shadow?.isComplete() === true,
    lags: () => shadow?.lags().map(({ lag }) => lag) ?? [],
    [Symbol.asyncDispose]: stop
  }
}
