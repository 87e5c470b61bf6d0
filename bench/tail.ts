/**
 * Bar 3, the head: ConsumerPerformance reads what ProducerPerformance writes at the same time, through Tusk on embedded
 * Postgres (fsync on) and through Apache Kafka as it comes (no fsync), in turns. First at a pace that both have to keep,
 * then as fast as the producer goes. (Catching up is the consume figure of produce.ts.)
 * `node --conditions=tusk-source bench/tail.ts [--pace 30] [--records 300000] [--rounds 3] [--quick] [--json FILE]`
 */
import { parseArgs } from "node:util"
import { median, report } from "./Bars.ts"
import { runBench, settle } from "./Ending.ts"
import { startApacheKafka } from "./kafka/ApacheKafka.ts"
import type { Broker } from "./kafka/Broker.ts"
import { consume, createTopic, produce } from "./kafka/Performance.ts"
import { cpuSeconds } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    /** MB/s that the producer is held to in the first part. */
    pace: { type: "string", default: "30" },
    records: { type: "string" },
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const records = Number(options.records ?? (options.quick ? 200_000 : 300_000))
const rounds = Number(options.rounds ?? (options.quick ? 1 : 3))
const pace = Number(options.pace)
const SIZE = 1024
const PARTITIONS = 4
const PROPERTIES = { acks: "all", "batch.size": "131072", "linger.ms": "5" }

interface Side {
  readonly broker: Broker
  /** The broker's own process, the database apart. */
  readonly process: () => number
}

interface Head {
  readonly produced: number
  readonly consumed: number
  /** Seconds of CPU of the broker's own process for a GB that comes in and goes out. */
  readonly cpu: number
  /** Milliseconds by which the consumer's process ends after the producer's. */
  readonly late: number
}

const head = async (side: Side, topic: string, count: number, mbPerSecond?: number): Promise<Head> => {
  const { bootstrap } = side.broker
  await createTopic(bootstrap, topic, PARTITIONS, {})
  await settle()
  const before = cpuSeconds([side.process()])
  const perSecond = mbPerSecond === undefined ? undefined : Math.round((mbPerSecond * 1_048_576) / SIZE)
  let ended = 0
  const [{ mbPerSecond: produced }, { fetchMbPerSecond: consumed }] = await Promise.all([
    produce(bootstrap, topic, count, SIZE, PROPERTIES, perSecond).finally(() => (ended = performance.now())),
    consume(bootstrap, topic, count)
  ])
  const late = performance.now() - ended
  const cpu = (cpuSeconds([side.process()]) - before) / ((count * SIZE) / 1e9)
  const paced = mbPerSecond === undefined ? "full speed" : `${mbPerSecond} MB/s`
  const figures = `produced ${produced.toFixed(1)} MB/s, consumed ${consumed.toFixed(1)} MB/s, CPU ${cpu.toFixed(2)} s/GB`
  console.log(`${topic} (${paced}), ${side.broker.name}: ${figures}`)
  return { produced, consumed, cpu, late }
}

await runBench(async (ending) => {
  const tusk = await ending.stopping(startTusk({ storage: "embedded" }))
  const kafka = await ending.stopping(startApacheKafka())
  const sides: ReadonlyArray<Side> = [
    { broker: tusk, process: tusk.nodePid },
    { broker: kafka, process: () => kafka.pids()[0] ?? 0 }
  ]
  for (const side of sides) await head(side, "warm-up", Math.min(records, 150_000))

  /** Both sides in turns; the one that goes first changes from round to round. */
  const turns = async (name: string, mbPerSecond?: number) => {
    const found: Array<{ readonly tusk: Head; readonly kafka: Head }> = []
    for (let round = 1; round <= rounds; round++) {
      const results = new Map<Side, Head>()
      for (const side of round % 2 === 1 ? sides : sides.toReversed()) {
        results.set(side, await head(side, `${name}-${round}`, records, mbPerSecond))
      }
      const [a, b] = sides.map((side) => results.get(side)!)
      found.push({ tusk: a!, kafka: b! })
      console.log(`${name} ${round}: ratio ${(a!.consumed / b!.consumed).toFixed(2)}`)
    }
    return {
      tusk: (pick: (one: Head) => number) => median(found.map((each) => pick(each.tusk))),
      kafka: (pick: (one: Head) => number) => median(found.map((each) => pick(each.kafka))),
      ratio: median(found.map((each) => each.tusk.consumed / each.kafka.consumed)),
      producedRatio: median(found.map((each) => each.tusk.produced / each.kafka.produced))
    }
  }
  const paced = await turns("pace", pace)
  const full = await turns("full", undefined)
  const at = `head, ${pace} MB/s`
  report(
    [
      { bar: "3", what: `${at}: consumed, Tusk`, value: paced.tusk((one) => one.consumed), unit: "MB/s" },
      { bar: "3", what: `${at}: consumed, Apache Kafka`, value: paced.kafka((one) => one.consumed), unit: "MB/s" },
      { bar: "3", what: `${at}: ratio`, value: paced.ratio, unit: "x", least: 0.7 },
      {
        bar: "3",
        what: `${at}: share that the producer keeps, Tusk`,
        value: paced.tusk((one) => one.produced) / pace,
        unit: "x",
        least: 0.9
      },
      {
        bar: "3",
        what: `${at}: share that the producer keeps, Apache Kafka`,
        value: paced.kafka((one) => one.produced) / pace,
        unit: "x"
      },
      { bar: "3", what: `${at}: consumer done after producer, Tusk`, value: paced.tusk((one) => one.late), unit: "ms" },
      {
        bar: "3",
        what: `${at}: consumer done after producer, Apache Kafka`,
        value: paced.kafka((one) => one.late),
        unit: "ms"
      },
      { bar: "3", what: `${at}: CPU of Node, in and out`, value: paced.tusk((one) => one.cpu), unit: "s/GB" },
      { bar: "3", what: `${at}: CPU of Apache Kafka`, value: paced.kafka((one) => one.cpu), unit: "s/GB" },
      { bar: "3", what: "head, full speed: consumed, Tusk", value: full.tusk((one) => one.consumed), unit: "MB/s" },
      { bar: "3", what: "head, full speed: consumed, ratio", value: full.ratio, unit: "x" },
      { bar: "3", what: "head, full speed: produced meanwhile, ratio", value: full.producedRatio, unit: "x" },
      { bar: "3", what: "head, full speed: CPU of Node", value: full.tusk((one) => one.cpu), unit: "s/GB" }
    ],
    options.json
  )
})
