import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import kafkajs from "kafkajs"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { tail } from "../../bench/kafka/Program.ts"
import type { Report } from "../../bench/groups/Report.ts"
import { holdsWithin, sleep } from "../../bench/groups/Report.ts"
import type { Target } from "../../bench/groups/Target.ts"
import { createTopics, withWire } from "../../bench/groups/Target.ts"
import type { CommittedRecord } from "../transactions/CommittedReader.ts"
import { CommittedReader } from "../transactions/CommittedReader.ts"
import { startApplication } from "./Application.ts"
import type { Application, StreamsProtocol } from "./Application.ts"
import { Flow, WINDOW_MS } from "./Flow.ts"
import type { Source } from "./Flow.ts"
import { Outcome } from "./Outcome.ts"
import { quickMember } from "./Quick.ts"

export interface KilledFlowOptions {
  /** Of all three inputs together. */
  readonly records: number
  /** Of the application and of the broker together. */
  readonly kills: number
  readonly seed: number
  readonly protocol: StreamsProtocol
  /** More of Kafka Streams' settings. */
  readonly settings: Readonly<Record<string, string>>
}

const PARTITIONS = 4
const [COUNTS, PAIRS] = ["counts", "pairs"]
const INPUTS: ReadonlyArray<Source> = ["lines", "left", "right"]
const CHUNK = 2000
/** The input is no further ahead of the output than this part of all: records flow while things are killed. */
const LEAD = 0.1
/** Nothing comes out for so long: it is stuck. */
const PATIENCE_MS = 120_000

/** As by default with exactly once. */
const COMMIT_MS = 100
const onceOnly = {
  "processing.guarantee": "exactly_once_v2",
  "commit.interval.ms": `${COMMIT_MS}`,
  "num.stream.threads": "2"
}

/** Input, application and output, while the application and the broker are killed in turn. */
class KilledFlow {
  readonly target: Target
  readonly options: KilledFlowOptions
  readonly flow: Flow
  readonly outcome: Outcome
  readonly reader = new CommittedReader(
    new Map([
      [COUNTS, PARTITIONS],
      [PAIRS, PARTITIONS]
    ])
  )
  app: Application | undefined
  appKills = 0
  brokerKills = 0
  #folder = ""
  #written = 0
  #isOver = false

  constructor(target: Target, options: KilledFlowOptions) {
    this.target = target
    this.options = options
    // Close to now: changelogs of windows keep records by their times.
    this.flow = new Flow(options.records, options.seed, Date.now() - 3_600_000)
    this.outcome = new Outcome(this.flow)
  }

  get progress(): number {
    return this.outcome.taken / this.flow.outputs
  }

  async startApp(): Promise<void> {
    const { protocol, settings } = this.options
    // A machine that comes back has its folder; another one in its place has none.
    if (this.appKills % 2 === 0) {
      this.#clear()
      this.#folder = mkdtempSync(join(tmpdir(), "tusk-streams-"))
    }
    this.app = await startApplication({
      ...{ bootstrap: this.target.bootstrap, id: `flow-${protocol}`, protocol, folder: this.#folder },
      ...{ program: "CountAndJoin", args: ["lines", COUNTS, "left", "right", PAIRS, `${WINDOW_MS}`] },
      settings: { ...quickMember[protocol], ...onceOnly, ...settings }
    })
  }

  /** All of the input, each record once, a little ahead of the output. */
  async write(): Promise<void> {
    const retry = { retries: 1000, initialRetryTime: 100, maxRetryTime: 1000 }
    const brokers = [this.target.bootstrap]
    const kafka = new kafkajs.Kafka({ brokers, logLevel: kafkajs.logLevel.NOTHING, retry })
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    try {
      while (this.#written < this.flow.total && !this.#isOver) {
        const to = Math.min(this.flow.total, this.#written + CHUNK)
        const records = Array.from({ length: to - this.#written }, (_, i) => this.flow.at(this.#written + i))
        const topicMessages = INPUTS.map((topic) => ({
          topic,
          messages: records.flatMap(({ key, source, timestamp, value }) =>
            source === topic ? [{ key, value, timestamp: `${timestamp}` }] : []
          )
        }))
        await producer.sendBatch({ acks: -1, topicMessages })
        this.#written = to
        await this.#until("the output follows", () => this.#written / this.flow.total < this.progress + LEAD)
      }
    } finally {
      await producer.disconnect()
    }
  }

  #take(record: CommittedRecord): void {
    if (record.topic === COUNTS) this.outcome.takeCount(record)
    else this.outcome.takePair(record)
  }

  /** At random places in the flow, one close to the next at times. */
  async kill(): Promise<void> {
    const places = Array.from({ length: this.options.kills }, () => 0.02 + 0.9 * Math.random())
    for (const [i, place] of places.toSorted((a, b) => a - b).entries()) {
      await this.#until(`kill ${i + 1}`, () => this.progress >= place)
      // What came out was just committed: somewhere in the transactions that follow.
      await sleep(Math.random() * 3 * COMMIT_MS)
      if (this.#isOver) return
      if (i % 2 === 0 || this.target.against === "memory") {
        this.appKills++
        await this.app?.kill()
        await this.startApp()
      } else {
        this.brokerKills++
        await this.#killBroker()
      }
    }
  }

  /** Apache Kafka is stopped and started: killed, one node of it leaves a transaction open that is over. */
  async #killBroker(): Promise<void> {
    if (this.target.against === "kafka") return this.target.restart()
    await this.target.kill()
    await this.target.start()
  }

  /** Until all is there that has to come. Then the application closes, and what it still wrote is read, too. */
  async run(): Promise<void> {
    await this.startApp()
    const arrived = this.#until("all output", () => this.outcome.taken >= this.flow.outputs)
    const all = [arrived, this.write(), this.kill()]
    const isOver = () => this.#isOver
    const reading = this.reader.follow(this.target.bootstrap, (record) => this.#take(record), isOver)
    try {
      // Reading does not end by itself, but where it fails.
      await Promise.race([Promise.all(all), reading])
      await this.app?.stop()
    } finally {
      this.#isOver = true
      await Promise.allSettled([...all, reading])
      await this.app?.kill()
      this.#clear()
    }
    await withWire(this.target.bootstrap, async (wire) => {
      for (const record of await this.reader.rest(wire)) this.#take(record)
    })
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    for (let taken = -1; !holds() && !this.#isOver;) {
      if (taken === this.outcome.taken) throw new Error(`${what}: nothing came out for ${PATIENCE_MS / 1000} s`)
      taken = this.outcome.taken
      await holdsWithin(PATIENCE_MS, () => {
        this.app?.check()
        return this.#isOver || holds() || this.outcome.taken !== taken
      })
    }
  }

  #clear(): void {
    if (this.#folder !== "") rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Records of the inputs, as the broker has them. */
const endOf = (bootstrap: string, topics: ReadonlyArray<string>): Promise<number> =>
  withWire(bootstrap, async (wire) => {
    const parts = Array.from({ length: PARTITIONS }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1n }))
    const { topics: found } = await wire.call(ListOffsets, 7, {
      ...{ replicaId: -1, isolationLevel: 0 },
      topics: topics.map((name) => ({ name, partitions: parts }))
    })
    return found.flatMap(({ partitions }) => partitions).reduce((sum, { offset }) => sum + Number(offset), 0)
  })

const took = (from: number): string => `${((performance.now() - from) / 1000).toFixed(0)} s`

/** What a read_committed reader finds is what the input makes, whatever was killed. */
export const killedFlow = async (target: Target, options: KilledFlowOptions, report: Report): Promise<void> => {
  const run = new KilledFlow(target, options)
  await createTopics(target.bootstrap, new Map([...INPUTS, COUNTS, PAIRS].map((topic) => [topic, PARTITIONS])))
  const from = performance.now()
  try {
    await run.run()
  } catch (error) {
    console.log(`--- the application\n${tail(run.app?.log() ?? "", 20)}`)
    if (target.tusk !== undefined) console.log(`--- Tusk\n${tail(target.tusk.log(), 20)}`)
    throw error
  } finally {
    const { appKills, brokerKills, flow, outcome, reader } = run
    const title = `Kafka Streams killed, ${options.protocol}`
    const missing = outcome.missing()
    report.note(`${title}, time`, `${took(from)}, ${flow.total} records in, ${outcome.taken} out`)
    const how = target.against === "kafka" ? "stops" : "kills -9"
    report.note(`${title}, kills`, `${appKills} kills -9 of the application, ${brokerKills} ${how} of the broker`)
    report.note(`${title}, transactions`, `${reader.committed.size} committed, ${reader.aborted.size} aborted`)
    const faults = `${outcome.wrong} wrong, ${missing} missing, ${outcome.double} double`
    const isExact = outcome.wrong.count + missing.count + outcome.double.count === 0
    report.check(`${title}, counts and pairs`, isExact, faults, `all ${flow.outputs}`)
  }
  const written = await endOf(target.bootstrap, INPUTS)
  report.check("its input", written === options.records, `${written} records`, `${options.records}`)
}
