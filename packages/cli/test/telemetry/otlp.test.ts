import { assert, describe, it } from "@effect/vitest"
import { Kafka, logLevel } from "kafkajs"
import { TuskProcess } from "../TuskProcess.ts"
import { Collector } from "./Collector.ts"

const start = async (endpoint: string, env: NodeJS.ProcessEnv = {}) => {
  const tusk = new TuskProcess(["start", "--storage", "memory", "--listen", "127.0.0.1:0", "--admin", "off"], {
    OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
    OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
    OTEL_METRIC_EXPORT_INTERVAL: "200",
    OTEL_BSP_SCHEDULE_DELAY: "100",
    OTEL_BLRP_SCHEDULE_DELAY: "100",
    ...env
  })
  return { tusk, port: await tusk.listening() }
}

const kafkaAt = (port: number): Kafka =>
  new Kafka({ brokers: [`127.0.0.1:${port}`], clientId: "maker", logLevel: logLevel.NOTHING })

const produce = async (port: number, topic: string): Promise<void> => {
  const producer = kafkaAt(port).producer()
  await producer.connect()
  await producer.send({ topic, messages: [{ value: "1" }, { value: "2" }] })
  await producer.disconnect()
}

const attributesOf = (list: ReadonlyArray<{ key: string; value: Record<string, unknown> }>) =>
  Object.fromEntries(list.map(({ key, value }) => [key, Object.values(value)[0]]))

describe("OTLP", () => {
  it("metrics, logs and spans reach a collector, as whose it is said", async () => {
    await using collector = await Collector.start()
    const { port, tusk } = await start(collector.endpoint, {
      OTEL_TRACES_EXPORTER: "otlp",
      OTEL_SERVICE_NAME: "orders",
      OTEL_RESOURCE_ATTRIBUTES: "deployment.environment=test%20bench",
      OTEL_EXPORTER_OTLP_HEADERS: "api-key=s%3Dcret"
    })
    await produce(port, "t")
    const metric = (name: string, isIt: (point: any) => boolean) =>
      collector.until(() =>
        collector
          .json("/v1/metrics")
          .flatMap(({ resourceMetrics }) => resourceMetrics[0].scopeMetrics[0].metrics)
          .find((each) => each.name === name && (each.sum ?? each.gauge ?? each.histogram).dataPoints.some(isIt))
      )
    const api = (point: any) => attributesOf(point.attributes)["api"] === "Produce"
    assert.isTrue((await metric("tusk_requests_total", api)).sum.isMonotonic)
    await metric("tusk_request_duration_seconds", api)
    await metric("process_cpu_seconds_total", () => true)
    await metric("kafka_topic_partition_current_offset", ({ asDouble }) => asDouble === 2)

    const span = await collector.until(() =>
      collector
        .json("/v1/traces")
        .flatMap(({ resourceSpans }) => resourceSpans[0].scopeSpans[0].spans)
        .find(({ name }) => name === "Produce")
    )
    const attributes = attributesOf(span.attributes)
    assert.deepInclude(attributes, { "messaging.system": "kafka", "messaging.client.id": "maker" })
    assert.deepEqual([span.kind, attributes["kafka.topics"], attributes["error.type"]], [2, 1, undefined])
    const admin = kafkaAt(port).admin({ retry: { retries: 0 } })
    await admin.connect()
    await admin.deleteTopics({ topics: ["nowhere"] }).catch(() => undefined)
    await admin.disconnect()
    const refused = await collector.until(() =>
      collector
        .json("/v1/traces")
        .flatMap(({ resourceSpans }) => resourceSpans[0].scopeSpans[0].spans)
        .find(({ name }) => name === "DeleteTopics")
    )
    assert.strictEqual(attributesOf(refused.attributes)["error.type"], "UNKNOWN_TOPIC_OR_PARTITION")

    tusk.child.kill("SIGTERM")
    assert.strictEqual(await tusk.ended, 0)
    const [{ resourceMetrics }] = collector.json("/v1/metrics")
    const resource = attributesOf(resourceMetrics[0].resource.attributes)
    assert.deepInclude(resource, { "service.name": "orders", "deployment.environment": "test bench" })
    assert.isTrue(collector.received.every(({ headers }) => headers["api-key"] === "s=cret"))
  })

  it("log lines have their fields and their level, the last ones too", async () => {
    await using collector = await Collector.start()
    const { port, tusk } = await start(collector.endpoint)
    // A client that speaks something else is told of.
    await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
    const line = await collector.until(() =>
      collector
        .json("/v1/logs")
        .flatMap(({ resourceLogs }) => resourceLogs[0].scopeLogs[0].logRecords)
        .find(({ body }) => /connection closed/.test(body.stringValue))
    )
    assert.deepInclude(attributesOf(line.attributes), { service: "tusk", area: "net", client: "127.0.0.1" })
    assert.strictEqual(line.severityText, "Warn")
    // Nobody asked for spans.
    assert.deepStrictEqual(collector.json("/v1/traces"), [])
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })

  it("by protobuf, compressed, if nothing else is said", async () => {
    await using collector = await Collector.start()
    const { tusk } = await start(collector.endpoint, {
      OTEL_EXPORTER_OTLP_PROTOCOL: "",
      OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      OTEL_LOGS_EXPORTER: "none"
    })
    const { headers } = await collector.until((all) => all.find(({ path }) => path === "/v1/metrics"))
    assert.strictEqual(headers["content-type"], "application/x-protobuf")
    assert.strictEqual(headers["content-encoding"], "gzip")
    assert.isTrue(collector.received.every(({ path }) => path === "/v1/metrics"))
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })

  it("a collector that answers nothing holds up no client, and the end of the process not for long", async () => {
    await using collector = await Collector.start()
    collector.isSilent = true
    const { port, tusk } = await start(collector.endpoint, { OTEL_TRACES_EXPORTER: "otlp" })
    await produce(port, "t")
    await collector.until((all) => all.find(({ path }) => path === "/v1/traces"))
    await produce(port, "t")
    const before = performance.now()
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
    assert.isBelow(performance.now() - before, 10_000)
  })

  it("a collector that is not there holds up nobody either", async () => {
    const collector = await Collector.start()
    const { endpoint } = collector
    await collector[Symbol.asyncDispose]()
    const { port, tusk } = await start(endpoint, { OTEL_TRACES_EXPORTER: "otlp" })
    await produce(port, "t")
    assert.strictEqual(await tusk.kill("SIGTERM"), 0)
  })
})
