import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import { HttpClientError, InvalidUrlError, TransportError } from "effect/http/HttpClientError"
import * as Layer from "effect/Layer"
import * as OtlpLogger from "effect/observability/OtlpLogger"
import * as OtlpMetrics from "effect/observability/OtlpMetrics"
import * as OtlpSerialization from "effect/observability/OtlpSerialization"
import * as OtlpTracer from "effect/observability/OtlpTracer"
import type { OtelOptions, Signal, SignalOptions } from "../OtelOptions.ts"

/** Exports of a signal under way at a time, each of at most `BATCH` spans or lines: a slow collector holds no more. */
const MOST_UNDER_WAY = 4
const BATCH = 512
/** How long the last export may hold up the end of the process. */
const LAST_MS = 2000

/**
 * A client that gives up in time, and takes no more than a few batches. What is refused so is dropped, and the exporter
 * pauses for a minute, as it does when a collector is away.
 */
const bounded = ({ timeoutMs }: SignalOptions) =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) => {
      let underWay = 0
      return HttpClient.transform(client, (response, request) =>
        Effect.suspend(() => {
          if (underWay >= MOST_UNDER_WAY) {
            // Of a kind that is not tried again.
            const description = "the collector is too slow"
            return Effect.fail(new HttpClientError({ reason: new InvalidUrlError({ request, description }) }))
          }
          underWay++
          return Effect.timeoutOrElse(response, {
            duration: timeoutMs,
            orElse: () =>
              Effect.fail(
                new HttpClientError({ reason: new TransportError({ request, description: "no answer in time" }) })
              )
          }).pipe(
            Effect.ensuring(
              Effect.sync(() => {
                underWay--
              })
            )
          )
        })
      )
    })
  ).pipe(Layer.provide(FetchHttpClient.layer))

const exporterOf = (signal: Signal, options: SignalOptions, resource: Resource) => {
  const { compression, headers, intervalMs: exportInterval, url } = options
  const common = { url, headers, compression, exportInterval, resource, shutdownTimeout: LAST_MS }
  const json = options.protocol === "http/json"
  const needs = Layer.merge(bounded(options), json ? OtlpSerialization.layerJson : OtlpSerialization.layerProtobuf)
  switch (signal) {
    case "metrics":
      return Layer.provide(OtlpMetrics.layer(common), needs)
    case "logs":
      return Layer.provide(OtlpLogger.layer({ ...common, maxBatchSize: BATCH }), needs)
    case "traces":
      return Layer.provide(OtlpTracer.layer({ ...common, maxBatchSize: BATCH }), needs)
  }
}

interface Resource {
  readonly serviceName: string
  readonly serviceVersion: string
  readonly attributes: Record<string, unknown>
}

/** Exports metrics, logs and spans of what runs in it. The environment was read before: nothing here reads it again. */
export const otlp = ({ attributes, serviceName, signals }: OtelOptions, serviceVersion: string) => {
  const resource = { serviceName, serviceVersion, attributes }
  const exporters = Array.from(signals, ([signal, options]) => exporterOf(signal, options, resource))
  const [first, ...rest] = exporters
  const all = rest.reduce((merged, exporter) => Layer.merge(merged, exporter), first!)
  return Layer.provide(all, ConfigProvider.layer(ConfigProvider.fromEnv({ env: {} })))
}
