/**
 * ProducerPerformance with a transactional id (commits each 100 ms) beside the same without transactions, and
 * ConsumerPerformance of the result, read_committed beside read_uncommitted; on Tusk and on Apache Kafka that flushes each
 * batch of each log, `__transaction_state` included. `npm run bench:transactions [-- --rounds 3] [--records 400000] [--json FILE]`.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { median, report } from "../Bars.ts"
import { runBench, settle } from "../Ending.ts"
import type { Ending } from "../Ending.ts"
import { startApacheKafka } from "../kafka/ApacheKafka.ts"
import { consume, createTopic, produce } from "../kafka/Performance.ts"
import { startTusk } from "../kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    records: { type: "string", default: "400000" },
    warmup: { type: "string", default: "100000" },
    "record-size": { type: "string", default: "1024" },
    rounds: { type: "string", default: "3" },
    json: { type: "string" }
  }
})

interface Side {
  readonly name: "tusk" | "kafka"
  readonly bootstrap: string
}

/** MB/s. */
interface Round {
  readonly plain: number
  readonly transactional: number
  readonly uncommitted: number
  readonly committed: number
}

const properties = { acks: "all", "batch.size": "131072", "linger.ms": "5" }

const round = async ({ bootstrap }: Side, name: string, records: number): Promise<Round> => {
  const topic = async (kind: string) => {
    await createTopic(bootstrap, `${name}-${kind}`, 4, {})
    await settle()
    return `${name}-${kind}`
  }
  const size = Number(options["record-size"])
  const [bare, ended] = [await topic("plain"), await topic("transactional")]
  const plain = await produce(bootstrap, bare, records, size, properties)
  await settle()
  const transactional = await produce(bootstrap, ended, records, size, properties, -1, [
    ...["--transactional-id", name, "--transaction-duration-ms", "100"]
  ])
  await settle()
  const isolation = (level: string) => ["--command-property", `isolation.level=${level}`]
  const uncommitted = await consume(bootstrap, ended, records, isolation("read_uncommitted"))
  const committed = await consume(bootstrap, ended, records, isolation("read_committed"))
  return {
    plain: plain.mbPerSecond,
    transactional: transactional.mbPerSecond,
    uncommitted: uncommitted.fetchMbPerSecond,
    committed: committed.fetchMbPerSecond
  }
}

const measure = async (ending: Ending): Promise<void> => {
  const tusk = await ending.stopping(startTusk({ storage: "embedded" }))
  const kafka = await ending.stopping(startApacheKafka({ settings: { "log.flush.interval.messages": "1" } }))
  const sides: ReadonlyArray<Side> = [
    { name: "tusk", bootstrap: tusk.bootstrap },
    { name: "kafka", bootstrap: kafka.bootstrap }
  ]
  const found: Record<Side["name"], Array<Round>> = { tusk: [], kafka: [] }
  for (const side of sides) await round(side, `warm-up-${process.pid}`, Number(options.warmup))
  for (let number = 1; number <= Number(options.rounds); number++) {
    for (const side of number % 2 === 1 ? sides : sides.toReversed()) {
      const one = await round(side, `round-${number}-${process.pid}`, Number(options.records))
      found[side.name].push(one)
      const shown = Object.entries(one).map(([what, rate]) => `${what} ${rate.toFixed(1)}`)
      console.log(`round ${number}, ${side.name}, MB/s: ${shown.join(", ")}`)
    }
  }
  const middle = (pick: (mine: Round, theirs: Round) => number) =>
    median(found.tusk.map((mine, i) => pick(mine, found.kafka[i]!)))
  const theirs = median(found.kafka.map((one) => one.transactional / one.plain))
  report(
    [
      { bar: "6", what: "transactional, Tusk", value: middle((mine) => mine.transactional), unit: "MB/s" },
      { bar: "6", what: "transactional, Apache Kafka", value: middle((_, one) => one.transactional), unit: "MB/s" },
      {
        bar: "6",
        what: "to Apache Kafka",
        value: middle((a, b) => a.transactional / b.transactional),
        unit: "x",
        least: 2
      },
      { bar: "6", what: "with to without, Apache Kafka", value: theirs, unit: "x" },
      {
        bar: "6",
        what: "with to without, Tusk",
        value: middle((mine) => mine.transactional / mine.plain),
        unit: "x",
        least: Math.max(0.8, theirs)
      },
      { bar: "6", what: "read_committed, Tusk", value: middle((mine) => mine.committed), unit: "MB/s" },
      {
        bar: "6",
        what: "read_committed to read_uncommitted",
        value: middle((mine) => mine.committed / mine.uncommitted),
        unit: "x",
        least: 0.9
      }
    ],
    options.json
  )
}

await runBench(measure)
