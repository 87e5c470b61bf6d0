import { assert, describe, it } from "@effect/vitest"
import { CliError } from "../../src/CliError.ts"
import { parseAdmin } from "../../src/AdminAddress.ts"
import { readOtelOptions } from "../../src/OtelOptions.ts"

const read = (env: Record<string, string>) => {
  const options = readOtelOptions(env)
  if (options instanceof CliError) return options.message
  return options
}
const signals = (env: Record<string, string>) => {
  const options = read(env)
  return typeof options === "object" ? [...options.signals.keys()] : options
}
const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318" }

describe("OTEL_* variables", () => {
  it("nothing is exported unless it is asked for, spans only by name", () => {
    assert.isUndefined(signals({}))
    assert.isUndefined(signals({ OTEL_SERVICE_NAME: "a" }))
    assert.deepEqual(signals(ENDPOINT), ["metrics", "logs"])
    assert.deepEqual(signals({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "otlp" }), ["metrics", "logs", "traces"])
    assert.deepEqual(signals({ ...ENDPOINT, OTEL_LOGS_EXPORTER: "none" }), ["metrics"])
    assert.deepEqual(signals({ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "http://l/" }), ["logs"])
    assert.deepEqual(signals({ OTEL_TRACES_EXPORTER: "otlp" }), ["traces"])
    assert.isUndefined(signals({ ...ENDPOINT, OTEL_SDK_DISABLED: "true" }))
  })

  it("each signal has the general value, or its own", () => {
    const options = readOtelOptions({
      OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:4318/base/",
      OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: "https://logs/take?x=1",
      OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: "http/json",
      OTEL_EXPORTER_OTLP_HEADERS: "a=1,b=x%2Cy",
      OTEL_EXPORTER_OTLP_LOGS_HEADERS: "c=3",
      OTEL_EXPORTER_OTLP_TIMEOUT: "500",
      OTEL_METRIC_EXPORT_INTERVAL: "1000"
    })
    if (options === undefined || options instanceof CliError) throw new Error("nothing")
    assert.deepEqual(options.signals.get("metrics"), {
      url: "http://collector:4318/base/v1/metrics",
      protocol: "http/json",
      headers: { a: "1", b: "x,y" },
      compression: "none",
      intervalMs: 1000,
      timeoutMs: 500
    })
    assert.deepInclude(options.signals.get("logs"), {
      url: "https://logs/take?x=1",
      protocol: "http/protobuf",
      headers: { c: "3" },
      intervalMs: 1000
    })
  })

  it("as whose, and how many requests are traced", () => {
    const traced = (env: Record<string, string>) => {
      const options = readOtelOptions({ OTEL_TRACES_EXPORTER: "otlp", ...env })
      return options === undefined || options instanceof CliError ? options : options.traced
    }
    assert.strictEqual(traced({}), 1)
    assert.strictEqual(traced({ OTEL_TRACES_SAMPLER: "always_off" }), 0)
    assert.strictEqual(traced({ OTEL_TRACES_SAMPLER: "traceidratio", OTEL_TRACES_SAMPLER_ARG: "0.25" }), 0.25)
    const named = (env: Record<string, string>) => {
      const options = readOtelOptions({ ...ENDPOINT, ...env })
      return options === undefined || options instanceof CliError ? options : options.serviceName
    }
    assert.strictEqual(named({}), "tusk")
    assert.strictEqual(named({ OTEL_RESOURCE_ATTRIBUTES: "service.name=a" }), "a")
    assert.strictEqual(named({ OTEL_RESOURCE_ATTRIBUTES: "service.name=a", OTEL_SERVICE_NAME: "b" }), "b")
  })

  it("what is not understood is refused by name", () => {
    for (const [name, value] of [
      ["OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"],
      ["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/yaml"],
      ["OTEL_METRICS_EXPORTER", "prometheus"],
      ["OTEL_TRACES_EXPORTER", "console"],
      ["OTEL_METRIC_EXPORT_INTERVAL", "0"],
      ["OTEL_EXPORTER_OTLP_TIMEOUT", "soon"],
      ["OTEL_EXPORTER_OTLP_HEADERS", "secret"],
      ["OTEL_RESOURCE_ATTRIBUTES", "a=%"],
      ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "collector:4318"],
      ["OTEL_TRACES_SAMPLER", "jaeger_remote"],
      ["OTEL_TRACES_SAMPLER_ARG", "2"],
      ["OTEL_SDK_DISABLED", "perhaps"]
    ] as const) {
      const problem = read({ ...ENDPOINT, OTEL_TRACES_EXPORTER: "otlp", [name]: value })
      assert.isString(problem, name)
      assert.isTrue((problem as unknown as string).startsWith(name), String(problem))
      if (name.endsWith("HEADERS")) assert.notInclude(problem as unknown as string, value)
    }
  })
})

describe("--admin", () => {
  it("an address, off, or the default, which may be taken", () => {
    assert.deepEqual(parseAdmin(undefined), { host: "127.0.0.1", port: 9644, isOptional: true })
    assert.isUndefined(parseAdmin("off"))
    assert.deepEqual(parseAdmin("[::1]:80"), { host: "::1", port: 80 })
    assert.deepEqual(parseAdmin(":9000"), { host: "0.0.0.0", port: 9000 })
    for (const text of ["", "9644", "a:b", "127.0.0.1:70000", "http://a:1"]) {
      const problem = parseAdmin(text)
      assert.instanceOf(problem, CliError, text)
    }
  })
})
