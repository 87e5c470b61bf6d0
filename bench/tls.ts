/**
 * Bar 6, TLS: what it costs to produce and to consume over it, beside Apache Kafka's own cost. Each broker has a PLAINTEXT and an
 * SSL listener with the same ECDSA key; Java's ProducerPerformance (batches of 128 KiB) and ConsumerPerformance go by the one
 * and the other in turns. Medians of the rounds' ratios.
 * `node --conditions=tusk-source bench/tls.ts [--rounds 5] [--megabytes 400] [--storage embedded|memory] [--quick] [--json FILE]`
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { selfSigned } from "../packages/server/src/security/tls/selfSigned.ts"
import { median, report } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { runBench, settle } from "./Ending.ts"
import { startApacheKafka } from "./kafka/ApacheKafka.ts"
import { freePort } from "./kafka/Broker.ts"
import { consume, createTopic, produce } from "./kafka/Performance.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string" },
    megabytes: { type: "string" },
    storage: { type: "string", default: "embedded" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
const megabytes = Number(options.megabytes ?? (options.quick ? 100 : 400))
const RECORD = 1024
const records = megabytes * 1024
const PROTOCOLS = ["PLAINTEXT", "SSL"] as const
type Protocol = (typeof PROTOCOLS)[number]

interface Secured {
  readonly name: string
  readonly bootstrap: Record<Protocol, string>
}

interface Ratios {
  readonly produce: number
  readonly consume: number
}

await runBench(async (ending) => {
  const folder = mkdtempSync(join(tmpdir(), "tusk-bench-tls-"))
  ending.add(() => rmSync(folder, { recursive: true }))
  const { certificate, key } = selfSigned()
  const file = (name: string, text: string): string => {
    const path = join(folder, name)
    writeFileSync(path, text)
    return path
  }
  const store = { "ssl.keystore.type": "PEM", "ssl.keystore.location": file("server.pem", key + certificate) }
  const trust = {
    "security.protocol": "SSL",
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": file("ca.pem", certificate)
  }
  const ofClient = { PLAINTEXT: {}, SSL: trust }
  const ofConsumer = {
    PLAINTEXT: [],
    SSL: [
      "--command-config",
      file(
        "client",
        Object.entries(trust)
          .map((pair) => `${pair.join("=")}\n`)
          .join("")
      )
    ]
  }

  const tusk = async (): Promise<Secured> => {
    const ssl = `127.0.0.1:${await freePort()}`
    const storage = options.storage === "memory" ? "memory" : "embedded"
    const broker = await ending.stopping(startTusk({ storage, listen: [`SSL://${ssl}`], settings: store }))
    return { name: broker.name, bootstrap: { PLAINTEXT: broker.bootstrap, SSL: ssl } }
  }
  const kafka = async (): Promise<Secured> => {
    const ssl = `127.0.0.1:${await freePort()}`
    const settings = ({ controller, port }: { readonly port: number; readonly controller: number }) => ({
      ...store,
      listeners: `PLAINTEXT://127.0.0.1:${port},SSL://${ssl},CONTROLLER://127.0.0.1:${controller}`,
      "advertised.listeners": `PLAINTEXT://127.0.0.1:${port},SSL://${ssl}`,
      "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SSL:SSL,CONTROLLER:PLAINTEXT"
    })
    const broker = await ending.stopping(startApacheKafka({ settings }))
    return { name: broker.name, bootstrap: { PLAINTEXT: broker.bootstrap, SSL: ssl } }
  }

  const measure = async ({ bootstrap }: Secured, protocol: Protocol, topic: string) => {
    const properties = { ...ofClient[protocol], "batch.size": "131072", "linger.ms": "10", acks: "all" }
    await createTopic(bootstrap.PLAINTEXT, topic, 1, {})
    await settle()
    const { mbPerSecond } = await produce(bootstrap[protocol], topic, records, RECORD, properties)
    const { fetchMbPerSecond } = await consume(bootstrap[protocol], topic, records, ofConsumer[protocol])
    return { produce: mbPerSecond, consume: fetchMbPerSecond }
  }

  const bars: Array<Bar> = []
  const ratiosOf = async (start: () => Promise<Secured>): Promise<Ratios> => {
    const broker = await start()
    const found: Array<Ratios> = []
    for (let round = 0; round <= rounds; round++) {
      const rates: Partial<Record<Protocol, Ratios>> = {}
      for (const protocol of round % 2 === 0 ? PROTOCOLS : PROTOCOLS.toReversed()) {
        rates[protocol] = await measure(broker, protocol, `t-${round}-${protocol}`)
      }
      const [plain, tls] = [rates.PLAINTEXT!, rates.SSL!]
      console.log(`${broker.name}, round ${round}: ${JSON.stringify(rates)}, load ${loadavg()[0]!.toFixed(1)}`)
      // Round 0 warms up.
      if (round > 0) found.push({ produce: tls.produce / plain.produce, consume: tls.consume / plain.consume })
    }
    return { produce: median(found.map((each) => each.produce)), consume: median(found.map((each) => each.consume)) }
  }
  const beside = await ratiosOf(kafka)
  const own = await ratiosOf(tusk)
  bars.push(
    { bar: "6", what: "Apache Kafka: produce over TLS beside without", value: beside.produce, unit: "x" },
    { bar: "6", what: "Apache Kafka: consume over TLS beside without", value: beside.consume, unit: "x" },
    { bar: "6", what: "Tusk: produce over TLS beside without", value: own.produce, unit: "x", least: 0.8 },
    { bar: "6", what: "Tusk: consume over TLS beside without", value: own.consume, unit: "x", least: beside.consume }
  )
  report(bars, options.json)
})
