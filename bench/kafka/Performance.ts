import { javaCommand, prepareJava } from "./ApacheKafka.ts"
import { runOk } from "./Program.ts"

/** The flags that Apache Kafka's own scripts give these programs. */
const flags = ["-Xms512m", "-Xmx512m", "-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-Djava.awt.headless=true"]

const java = async (main: string, args: ReadonlyArray<string>): Promise<string> => {
  const { classpath } = await prepareJava()
  const command = javaCommand(classpath, main, args, flags)
  return (await runOk(command.file, command.args, { timeoutMs: 1_200_000 })).stdout
}

export const createTopic = async (
  bootstrap: string,
  topic: string,
  partitions: number,
  configs: Readonly<Record<string, string>>
): Promise<void> => {
  const settings = Object.entries(configs).flatMap(([name, value]) => ["--config", `${name}=${value}`])
  const args = ["--bootstrap-server", bootstrap, "--create", "--topic", topic, "--partitions", `${partitions}`]
  await java("org.apache.kafka.tools.TopicCommand", [...args, ...settings])
}

export interface Produced {
  readonly recordsPerSecond: number
  /** 1 MB is 1,048,576 bytes of record values, as ProducerPerformance counts. */
  readonly mbPerSecond: number
  readonly averageMs: number
  readonly p50Ms: number
  readonly p99Ms: number
}

/**
 * ProducerPerformance, as fast as it goes or at `perSecond` records a second; `properties` are the producer's, `more`
 * arguments of the program.
 */
export const produce = async (
  bootstrap: string,
  topic: string,
  records: number,
  recordSize: number,
  properties: Readonly<Record<string, string>>,
  perSecond = -1,
  more: ReadonlyArray<string> = []
): Promise<Produced> => {
  const list = Object.entries({ "bootstrap.servers": bootstrap, ...properties }).map(
    ([name, value]) => `${name}=${value}`
  )
  const args = ["--topic", topic, "--num-records", `${records}`, "--record-size", `${recordSize}`]
  args.push("--throughput", `${perSecond}`, ...more, "--command-property", ...list)
  const text = await java("org.apache.kafka.tools.ProducerPerformance", args)
  const last =
    text
      .trimEnd()
      .split("\n")
      .findLast((line) => line.includes("99th")) ?? ""
  const found =
    /^(\d+) records sent, ([\d.]+) records\/sec \(([\d.]+) MB\/sec\), ([\d.]+) ms avg latency, .*, (\d+) ms 50th, .*, (\d+) ms 99th,/.exec(
      last
    )
  if (found === null || Number(found[1]) !== records)
    throw new Error(`ProducerPerformance printed: ${text.slice(-800)}`)
  const [, , rate, mb, average, p50, p99] = found.map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
    number
  ]
  return { recordsPerSecond: rate, mbPerSecond: mb, averageMs: average, p50Ms: p50, p99Ms: p99 }
}

export interface Consumed {
  /** From the first poll to the last record, joining the group included. */
  readonly mbPerSecond: number
  /** Without the time that joining the group took. */
  readonly fetchMbPerSecond: number
}

/** ConsumerPerformance: one consumer reads that many records in a fresh group; `more` are arguments of the program. */
export const consume = async (
  bootstrap: string,
  topic: string,
  records: number,
  more: ReadonlyArray<string> = []
): Promise<Consumed> => {
  const args = ["--bootstrap-server", bootstrap, "--topic", topic, "--num-records", `${records}`, "--timeout", "60000"]
  const text = await java("org.apache.kafka.tools.ConsumerPerformance", [...args, "--hide-header", ...more])
  const row = text.split("\n").find((line) => line.split(", ").length === 10)
  const fields = row?.split(", ").map(Number)
  const [mb, count, fetchMb] = [fields?.[3], fields?.[4], fields?.[8]]
  if (mb === undefined || fetchMb === undefined || count === undefined || count < records) {
    throw new Error(`ConsumerPerformance printed: ${text.slice(-800)}`)
  }
  return { mbPerSecond: mb, fetchMbPerSecond: fetchMb }
}
