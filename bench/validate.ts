/**
 * Bar 4, validation: what it costs to look inside what producers send. Connections with five requests in flight each send one
 * batch over and over to a topic that looks inside and to one with `tusk.validate.records=false`, of the same broker on
 * embedded Postgres (fsync on), in turns, the first one changing; for each codec, at records of 16 and 128 KiB together
 * before compression. Medians of the rounds' ratios: requests a second, and CPU of the broker's process for each.
 * `node --conditions=tusk-source bench/validate.ts [--rounds 5] [--seconds 2] [--connections 4] [--codecs 0,1,2,3,4] [--quick] [--json FILE]`
 */
import { loadavg } from "node:os"
import { parseArgs } from "node:util"
import { CreateTopics } from "@tusk/protocol/messages/CreateTopics"
import { Produce } from "@tusk/protocol/messages/Produce"
import { decodeResponse } from "@tusk/protocol/Decode"
import { CODEC_NAMES } from "@tusk/protocol/record/Compression"
import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import * as Result from "effect/Result"
import { requestFrame, WireClient } from "../packages/server/test/WireClient.ts"
import { median, report } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { runBench, settle } from "./Ending.ts"
import { cpuSeconds } from "./kafka/ProcessTree.ts"
import { startTusk } from "./kafka/TuskProcess.ts"

const { values: options } = parseArgs({
  options: {
    rounds: { type: "string" },
    seconds: { type: "string" },
    connections: { type: "string", default: "4" },
    codecs: { type: "string", default: "0,1,2,3,4" },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const rounds = Number(options.rounds ?? (options.quick ? 2 : 5))
const seconds = Number(options.seconds ?? (options.quick ? 1 : 2))
const IN_FLIGHT = 5
const RECORD = 512
const SIZES = [16, 128]
const TOPICS = ["inside", "outside"] as const
type Topic = (typeof TOPICS)[number]

/** Lines as services write them: some words come again and again, some numbers never do. */
const line = (seed: number): Buffer => {
  let text = `{"id":${seed},"at":"2026-11-27T12:00:00Z","level":"info","message":"request served"`
  for (let i = 0; text.length < RECORD - 30; i++) {
    text += `,"field${i}":"${(Math.imul(seed * 31 + i, 2_654_435_761) >>> 0).toString(36)}"`
  }
  return Buffer.from(text + "}")
}

const batchOf = (codec: number, kibibytes: number): Uint8Array => {
  const count = Math.round((kibibytes * 1024) / RECORD)
  const timestamp = BigInt(Date.now())
  return RecordBatch.encodeBatch(
    Array.from({ length: count }, (_, i) => ({ timestamp, value: line(i) })),
    { compression: codec }
  )
}

/** Sends the frame with as many in flight as may be until `until`; tells how many were answered. */
const send = async (client: WireClient, frame: Buffer, until: number): Promise<number> => {
  let [sent, answered] = [0, 0]
  for (; sent < IN_FLIGHT; sent++) client.sendBytes(frame)
  while (answered < sent) {
    const { body } = Result.getOrThrow(decodeResponse(Produce, 9, await client.frame()))
    const code = body.responses[0]?.partitionResponses[0]?.errorCode
    if (code !== 0) throw new Error(`produce: error ${code}`)
    answered++
    if (performance.now() >= until) continue
    client.sendBytes(frame)
    sent++
  }
  return answered
}

interface Measured {
  readonly perSecond: number
  /** Microseconds of the broker's own process for each request. */
  readonly cpu: number
}

await runBench(async (ending) => {
  const tusk = await ending.stopping(startTusk({ storage: "embedded" }))
  const port = Number(tusk.bootstrap.split(":")[1])
  const connect = async () => {
    const client = await WireClient.connect(port)
    ending.add(() => client[Symbol.asyncDispose]())
    return client
  }
  const clients: Array<WireClient> = []
  for (let i = 0; i < Number(options.connections); i++) clients.push(await connect())
  const configs = { inside: "true", outside: "false" } as const
  const { topics } = await clients[0]!.call(CreateTopics, 7, {
    timeoutMs: 30_000,
    topics: TOPICS.map((name) => ({
      name,
      numPartitions: clients.length,
      replicationFactor: 1,
      configs: [{ name: "tusk.validate.records", value: configs[name] }]
    }))
  })
  for (const { errorCode, errorMessage } of topics) if (errorCode !== 0) throw new Error(`${errorMessage}`)

  const measure = async (name: Topic, batch: Uint8Array): Promise<Measured> => {
    await settle()
    const cpu = cpuSeconds([tusk.nodePid()])
    const start = performance.now()
    const counts = await Promise.all(
      clients.map((client, index) => {
        const topicData = [{ name, partitionData: [{ index, records: batch }] }]
        const frame = requestFrame(Produce, 9, { acks: -1, timeoutMs: 30_000, topicData })
        return send(client, frame, start + seconds * 1000)
      })
    )
    const count = counts.reduce((sum, each) => sum + each, 0)
    const perSecond = (count / (performance.now() - start)) * 1000
    return { perSecond, cpu: ((cpuSeconds([tusk.nodePid()]) - cpu) / count) * 1e6 }
  }

  const bars: Array<Bar> = []
  for (const size of SIZES) {
    for (const codec of options.codecs.split(",").map(Number)) {
      const batch = batchOf(codec, size)
      const found: Record<Topic, Array<Measured>> = { inside: [], outside: [] }
      for (let round = 0; round <= rounds; round++) {
        for (const name of round % 2 === 0 ? TOPICS : TOPICS.toReversed()) {
          const one = await measure(name, batch)
          // Round 0 warms up.
          if (round > 0) found[name].push(one)
        }
      }
      const what = `${CODEC_NAMES[codec]}, ${size} KiB`
      const of = (pick: (one: Measured) => number, name: Topic) => median(found[name].map(pick))
      const ratio = (pick: (one: Measured) => number) =>
        median(found.inside.map((one, i) => pick(one) / pick(found.outside[i]!)))
      const rate = ({ perSecond }: Measured) => perSecond
      const cpu = ({ cpu }: Measured) => cpu
      const least = codec === 0 ? 0.95 : 0.8
      bars.push(
        { bar: "4", what: `${what} (${batch.byteLength} B sent): rate`, value: of(rate, "inside"), unit: "/s" },
        { bar: "4", what: `${what}: ratio of rates`, value: ratio(rate), unit: "x", least },
        { bar: "4", what: `${what}: CPU`, value: of(cpu, "inside"), unit: "us" },
        { bar: "4", what: `${what}: CPU without`, value: of(cpu, "outside"), unit: "us" },
        { bar: "4", what: `${what}: ratio of CPU`, value: ratio(cpu), unit: "x" }
      )
      console.log(`${what}: ${ratio(rate).toFixed(2)} of the rate, load ${loadavg()[0]!.toFixed(1)}`)
    }
  }
  report(bars, options.json)
})
