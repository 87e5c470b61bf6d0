import type { Tusk } from "@tusk/server/Tusk"
import { Recurring } from "@tusk/storage/Recurring"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { promisify } from "node:util"
import { gzip } from "node:zlib"
import type { SignalOptions } from "../OtelOptions.ts"

/** Most bytes of one request to the collector, unless one client's metrics are more. */
const MOST_BYTES = 4 * 1024 * 1024

type Metrics = ReturnType<Tusk["Service"]["clientMetrics"]>

/** What was not sent yet, in pieces that a collector takes. */
const pieces = (metrics: Metrics): ReadonlyArray<Metrics> => {
  const all: Array<Array<Metrics[number]>> = []
  let bytes = Infinity
  for (const each of metrics) {
    if (bytes + each.otlp.byteLength > MOST_BYTES) {
      all.push([])
      bytes = 0
    }
    all.at(-1)!.push(each)
    bytes += each.otlp.byteLength
  }
  return all
}

const send = (piece: Metrics, { compression, headers, timeoutMs, url }: SignalOptions): Effect.Effect<void, Error> =>
  Effect.tryPromise({
    try: async (signal) => {
      const joined = Buffer.concat(piece.map(({ otlp }) => otlp))
      const isZipped = compression === "gzip"
      const { body, ok, status } = await fetch(url, {
        method: "POST",
        headers: {
          ...headers,
          "content-type": "application/x-protobuf",
          ...(isZipped ? { "content-encoding": "gzip" } : {})
        },
        body: isZipped ? await promisify(gzip)(joined) : joined,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)])
      })
      await body?.cancel()
      if (!ok) throw new Error(`the collector answers ${status}`)
    },
    catch: (error) => (error instanceof Error ? error : new Error(String(error)))
  })

/**
 * Sends what clients have pushed (KIP-714) on to the collector, at the interval of metrics, as it came: OTLP in protobuf, with
 * the client's attributes on each resource. What the collector does not take is sent again, unless newer metrics came.
 */
export const forwardClientMetrics = (latest: () => Metrics, options: SignalOptions): Effect.Effect<never> => {
  const trouble = new Recurring("start")
  /** When what was sent last of a client had come. */
  let sent = new Map<string, number>()
  const round = Effect.suspend(() => {
    const present = latest()
    const known = sent
    sent = new Map(present.flatMap(({ clientInstanceId: id }) => (known.has(id) ? [[id, known.get(id)!]] : [])))
    const fresh = present.filter(({ clientInstanceId, receivedAtMs }) => sent.get(clientInstanceId) !== receivedAtMs)
    return Effect.forEach(
      pieces(fresh),
      (piece) =>
        Effect.tap(send(piece, options), () => {
          for (const { clientInstanceId, receivedAtMs } of piece) sent.set(clientInstanceId, receivedAtMs)
          return trouble.over("clients' metrics are exported again")
        }),
      { discard: true }
    )
  })
  return round.pipe(
    Effect.catch((error) => trouble.seen(`clients' metrics are not exported: ${error.message}`)),
    Effect.andThen(Effect.sleep(Duration.millis(options.intervalMs))),
    Effect.forever
  )
}
