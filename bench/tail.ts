/**
 * Bar 3, the head: ConsumerPerformance reads while ProducerPerformance writes, Tusk beside Apache Kafka in alternating
 * rounds; what the consumer takes at the pace of the producer. (Catching up is the consume figure of produce.ts.)
 * `node --conditions=tusk-source bench/tail.ts [--records 400000] [--rounds 3] [--json FILE]`
 */
import { parseArgs } from "node:util"
import { median, report } from "./Bars.ts"
import { startApacheKafka } from "./kafka/ApacheKafka.ts"
import type { Broker } from "./kafka/Broker.ts"
import { consume, createTopic, produce } from "./kafka/Performance.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "400000" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" }
  }
})
const records = Number(options.records)
const PROPERTIES = { acks: "all", "batch.size": "131072", "linger.ms": "5" }

const round = async ({ bootstrap }: Broker, topic: string, configs: Readonly<Record<string, string>>) => {
  await createTopic(bootstrap, topic, 4, configs)
  const [, consumed] = await Promise.all([
    produce(bootstrap, topic, records, 1024, PROPERTIES),
    consume(bootstrap, topic, records)
  ])
  return consumed.fetchMbPerSecond
}

const tusk = await startTusk({ storage: "embedded" })
const kafka = await startApacheKafka()
const ratios: Array<number> = []
const rates: { readonly tusk: Array<number>; readonly kafka: Array<number> } = { tusk: [], kafka: [] }
for (let i = 1; i <= Number(options.rounds); i++) {
  const a = await round(tusk, `tail-${i}`, {})
  // As durable as Tusk.
  const b = await round(kafka, `tail-${i}`, { "flush.messages": "1" })
  rates.tusk.push(a)
  rates.kafka.push(b)
  ratios.push(a / b)
}
await tusk.stop()
await kafka.stop()
report(
  [
    { bar: "3", what: "consume at the head, Tusk", value: median(rates.tusk), unit: "MB/s" },
    {
      bar: "3",
      what: "consume at the head, Apache Kafka (flush.messages=1)",
      value: median(rates.kafka),
      unit: "MB/s"
    },
    { bar: "3", what: "ratio", value: median(ratios), unit: "x", least: 0.7 }
  ],
  options.json
)
process.exit()
