/**
 * Bar 9, capacity: what a broker takes and gives if no client is in the way. Connections with one request in flight each send
 * one batch, encoded once, or fetch answers of up to 1 MiB that nobody looks into; Tusk on embedded Postgres (fsync on) beside
 * Apache Kafka with and without fsync, in turns, the first one changing. MB/s, time of a request, CPU of the broker for each GB:
 * medians of the rounds, and of the rounds' ratios to `flush.messages=1`.
 * `node --conditions=tusk-source bench/capacity.ts [--connections 1,4,16,64] [--batch 16,128] [--rounds 5] [--seconds 4]
 * [--sides rows,flushed] [--tmpfs] [--quick] [--json FILE]`. `--tmpfs` puts all data into /dev/shm, beside Kafka without fsync.
 */
import { writeFileSync } from "node:fs"
import { cpus } from "node:os"
import process from "node:process"
import { parseArgs } from "node:util"
import { median, passes, printBars } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { converse } from "./capacity/Connection.ts"
import { batchOf, producing } from "./capacity/Flow.ts"
import type { FilledLog } from "./capacity/Flow.ts"
import { load } from "./capacity/Load.ts"
import type { Job, Measured } from "./capacity/Load.ts"
import { baselineOf, clearTopic, makeTopic, settled, sides, startSides } from "./capacity/Sides.ts"
import type { Direction, RunningSide, Side, SideId } from "./capacity/Sides.ts"
import { runBench, settle } from "./Ending.ts"
import type { Ending } from "./Ending.ts"

const { values: options } = parseArgs({
  options: {
    connections: { type: "string", default: "16" },
    /** KiB. */
    batch: { type: "string", default: "16,128" },
    partitions: { type: "string", default: "16" },
    rounds: { type: "string" },
    /** That count, of each load; one more goes before. */
    seconds: { type: "string" },
    /** MiB that consumers read, round and round. */
    log: { type: "string" },
    sides: { type: "string" },
    tmpfs: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    json: { type: "string" }
  }
})
const numbers = (list: string): ReadonlyArray<number> => list.split(",").map(Number)
const rounds = Number(options.rounds ?? (options.quick ? 1 : 5))
const partitions = Number(options.partitions)
const logBytes = Number(options.log ?? (options.quick ? 64 : 512)) << 20
const measureMs = Number(options.seconds ?? (options.quick ? 1 : 4)) * 1000
const leadMs = options.quick ? 500 : 1000
/** The bars are about so many. */
const JUDGED_CONNECTIONS = 16
const DIRECTIONS: ReadonlyArray<Direction> = ["produce", "consume"]

/** Brokers make their folders where temporary ones are. */
if (options.tmpfs) process.env["TMPDIR"] = "/dev/shm"
const BASELINE = baselineOf(options.tmpfs)

const isSide = (id: string): id is SideId => id in sides
const allSides = Object.keys(sides).filter((id) => !options.tmpfs || id !== "flushed")
const ids = (options.sides ?? allSides.join()).split(",").map((id) => {
  if (!isSide(id)) throw new Error(`--sides ${id}: not ${Object.keys(sides).join(", ")}`)
  return id
})

/** A load of one kind: what its sides measured, a value a round. */
interface Case {
  readonly direction: Direction
  readonly kib: number
  readonly connections: number
  readonly measured: Readonly<Partial<Record<SideId, Array<Measured>>>>
}

/** Writes what consumers will read: the same in each partition. */
const fill = async (side: RunningSide, kib: number): Promise<FilledLog> => {
  const batch = batchOf(kib)
  const topic = `log-${kib}-${side.id}`
  const batches = Math.ceil(logBytes / partitions / batch.byteLength)
  await makeTopic(side, topic, partitions)
  await Promise.all(
    Array.from({ length: partitions }, (_, partition) => {
      let left = batches
      return converse(side.port, producing(topic, partition, batch), () => --left > 0)
    })
  )
  return { topic, partitions, batches, batchBytes: batch.byteLength, batchRecords: kib }
}

const loaded = async (side: RunningSide, connections: number, work: Job["work"]): Promise<Measured> => {
  await settle()
  return load({ port: side.port, connections, leadMs, measureMs, work }, side.pids)
}

let made = 0
const produceTo = async (side: RunningSide, connections: number, kib: number): Promise<Measured> => {
  const topic = `load-${++made}`
  await makeTopic(side, topic, partitions)
  const measured = await loaded(side, connections, { kind: "produce", topic, partitions, kib })
  await clearTopic(side, topic)
  return measured
}

const fixed = (value: number): string => value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)

/** All rounds of a size and a number of connections, both directions. */
const measureCases = async (
  running: ReadonlyArray<RunningSide>,
  logs: ReadonlyMap<SideId, FilledLog>,
  kib: number,
  connections: number
): Promise<ReadonlyArray<Case>> => {
  const cases = DIRECTIONS.map((direction) => {
    const measured = Object.fromEntries(ids.map((id) => [id, [] as Array<Measured>]))
    return { direction, kib, connections, measured: measured as Case["measured"] }
  })
  for (let round = 0; round <= rounds; round++) {
    for (const side of round % 2 === 0 ? running : running.toReversed()) {
      for (const { direction, measured } of cases) {
        const one =
          direction === "produce"
            ? await produceTo(side, connections, kib)
            : await loaded(side, connections, { kind: "consume", log: logs.get(side.id)! })
        const counts = round === 0 ? " (not counted)" : ""
        console.log(
          `round ${round}${counts}, ${kib} KiB, ${connections} connections, ${direction}, ${side.name}: ${fixed(one.mbPerSecond)} MB/s`
        )
        // Round 0 warms up.
        if (round > 0) measured[side.id]!.push(one)
      }
    }
  }
  return cases
}

const figures = ["mbPerSecond", "p50Ms", "p99Ms", "cpuPerGb", "loadCores"] as const
type Medians = Readonly<Record<(typeof figures)[number], number>> & { readonly ratios: ReadonlyArray<number> }

const mediansOf = ({ measured }: Case, id: SideId): Medians => {
  const own = measured[id]!
  const of = (figure: (typeof figures)[number]) => median(own.map((one) => one[figure]))
  const beside = measured[BASELINE] ?? []
  // A round's sides ran back to back: what the machine did meanwhile, it did to all.
  const ratios = id === BASELINE ? [] : beside.map((one, i) => own[i]!.mbPerSecond / one.mbPerSecond)
  const [mbPerSecond, p50Ms, p99Ms, cpuPerGb, loadCores] = figures.map(of) as [number, number, number, number, number]
  return { mbPerSecond, p50Ms, p99Ms, cpuPerGb, loadCores, ratios }
}

const printTable = (cases: ReadonlyArray<Case>): void => {
  const heads = ["MB/s", "p50 ms", "p99 ms", "CPU s/GB", "load cores", "ratio"]
  console.log(`\n${"".padEnd(62)}${heads.map((head) => head.padStart(11)).join("")}   ratio of each round`)
  for (const each of cases) {
    for (const id of ids) {
      const found = mediansOf(each, id)
      const ratio = found.ratios.length === 0 ? "-" : fixed(median(found.ratios))
      const cells = [...figures.map((figure) => fixed(found[figure])), ratio].map((cell) => cell.padStart(11)).join("")
      const what = `${each.direction}, ${each.kib} KiB, ${each.connections} connections`.padEnd(36)
      console.log(`${what}${sides[id].name.padEnd(26)}${cells}   ${found.ratios.map(fixed).join(" ")}`)
    }
  }
}

const barsOf = (each: Case): ReadonlyArray<Bar> => {
  const what = `${each.direction}, ${each.kib} KiB, ${each.connections} connections`
  return ids.flatMap((id): ReadonlyArray<Bar> => {
    const { broker, least, leastInMemory, mostCpu, name } = sides[id] as Side
    const { cpuPerGb, mbPerSecond, ratios } = mediansOf(each, id)
    const found: Array<Bar> = [
      { bar: "9", what: `${what}: ${name}`, value: mbPerSecond, unit: "MB/s" },
      { bar: "9", what: `${what}: ${name}, CPU`, value: cpuPerGb, unit: "s/GB" }
    ]
    if (broker !== "tusk" || !ids.includes(BASELINE)) return found
    const isJudged = each.connections === JUDGED_CONNECTIONS
    const limits = options.tmpfs ? leastInMemory : least
    const beside = `${name} beside ${sides[BASELINE].name}`
    const rate = { bar: "9", what: `${what}: ${beside}`, value: median(ratios), unit: "x" }
    const cpu = {
      bar: "9",
      what: `${what}: ${beside}, CPU`,
      value: cpuPerGb / mediansOf(each, BASELINE).cpuPerGb,
      unit: "x"
    }
    const limit = isJudged ? limits?.[`${each.direction} ${each.kib}`] : undefined
    const most = isJudged && !options.tmpfs && each.direction === "produce" ? mostCpu : undefined
    return [
      ...found,
      limit === undefined ? rate : { ...rate, least: limit },
      most === undefined ? cpu : { ...cpu, most }
    ]
  })
}

const measure = async (ending: Ending): Promise<void> => {
  const running = await startSides(ids, ending)
  const cases: Array<Case> = []
  for (const kib of numbers(options.batch)) {
    const logs = new Map<SideId, FilledLog>()
    for (const side of running) logs.set(side.id, await fill(side, kib))
    for (const side of running) await settled(side)
    for (const connections of numbers(options.connections)) {
      cases.push(...(await measureCases(running, logs, kib, connections)))
    }
  }
  printTable(cases)
  const bars = cases.flatMap(barsOf)
  console.log("")
  printBars(bars)
  const medians = cases.flatMap((each) => {
    const { connections, direction, kib } = each
    return ids.map((side) => ({ direction, kib, connections, side, ...mediansOf(each, side) }))
  })
  const machine = { cpus: cpus().length, model: cpus()[0]?.model, node: process.version }
  const text = JSON.stringify({ options, machine, bars, medians, cases })
  if (options.json !== undefined) writeFileSync(options.json, `${text}\n`)
  if (!bars.every(passes)) process.exitCode = 1
}

await runBench(measure)
