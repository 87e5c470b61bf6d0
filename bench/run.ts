/**
 * Every bar of the log in one go: each program of this folder in a process of its own, then one table and one JSON.
 * `npm run bench [-- --only append,produce,…] [--rounds 5] [--hold 600] [--quick] [--json FILE]`; a program that is missed ends it with 1.
 */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { passes, printBars } from "./Bars.ts"
import type { Bar } from "./Bars.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    /** Of each program; each has a default of its own. */
    rounds: { type: "string" },
    quick: { type: "boolean", default: false },
    /** Seconds that `size` holds its snapshot: 60 without it, the bar says 600. */
    hold: { type: "string" },
    json: { type: "string" }
  }
})
const { hold, quick } = options
/** What every program is given. */
const shared = [...(quick ? ["--quick"] : []), ...(options.rounds === undefined ? [] : ["--rounds", options.rounds])]
const folder = mkdtempSync(join(tmpdir(), "tusk-bench-results-"))

let running: ChildProcess | undefined
let stopped: NodeJS.Signals | undefined
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    stopped = signal
    // It ends what it has begun, and then itself.
    running?.kill(signal)
  })
}

/** Runs a program of this folder, its output among ours; resolves with what it wrote as JSON. */
const run = (program: string, args: ReadonlyArray<string>): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const json = join(folder, `${program}.json`)
    rmSync(json, { force: true })
    const own = ["--conditions=tusk-source", join(import.meta.dirname, program), ...shared, ...args]
    running = spawn(process.execPath, [...own, "--json", json], { stdio: ["ignore", "inherit", "inherit"] })
    running.once("error", reject)
    running.once("close", () => {
      try {
        resolve(JSON.parse(readFileSync(json, "utf8")))
      } catch {
        reject(new Error(`${program} gave no figures`))
      }
    })
  })

const bars = async (program: string, args: ReadonlyArray<string> = []): Promise<ReadonlyArray<Bar>> =>
  ((await run(program, args)) as { readonly bars: ReadonlyArray<Bar> }).bars

interface Medians {
  readonly medians: ReadonlyArray<{
    readonly figure: string
    readonly tusk?: number
    readonly kafka?: number
    readonly ratio?: number
  }>
}

/** ProducerPerformance, and ConsumerPerformance where `consume` is given. */
const produce =
  (what: string, least: number, args: ReadonlyArray<string>, consume = false) =>
  async (): Promise<ReadonlyArray<Bar>> => {
    const { medians } = (await run("produce.ts", consume ? args : [...args, "--no-consume"])) as Medians
    const row = (bar: string, what: string, figure: string, unit: string, limit: Pick<Bar, "least" | "most"> = {}) => {
      const found = medians.find((row) => row.figure === figure)
      return [
        { bar, what: `${what}, Tusk`, value: found?.tusk ?? NaN, unit },
        { bar, what: `${what}, Apache Kafka`, value: found?.kafka ?? NaN, unit },
        { bar, what: `${what}, ratio`, value: found?.ratio ?? NaN, unit: "x", ...limit }
      ]
    }
    const produced = [
      ...row("2", what, "produce MB/s", "MB/s", { least }),
      ...row("2", `${what}: CPU with Postgres`, "produce CPU s/GB", "s/GB", { most: 3 })
    ]
    if (!consume) return produced
    return [
      ...produced,
      ...row("3", "catching up", "consume MB/s", "MB/s", { least: 0.7 }),
      ...row("3", "catching up: CPU of Node", "consume CPU s/GB, Postgres apart", "s/GB"),
      ...row("3", "catching up: CPU with Postgres", "consume CPU s/GB", "s/GB")
    ]
  }

const programs: Readonly<Record<string, () => Promise<ReadonlyArray<Bar>>>> = {
  append: () => bars("append.ts"),
  produce: produce("128 KiB batches, flush.messages=1", 2, [], true),
  "produce-16k": produce("16 KiB batches, flush.messages=1", 5, [
    ...["--batch-size", "16384", "--linger", "0", "--records", quick ? "60000" : "200000", "--warmup", "40000"]
  ]),
  "produce-nosync": produce("1 KiB records, Kafka without fsync", 0.6, ["--flush", "none"]),
  "produce-100b": produce("100 B records, Kafka without fsync", 0.5, [
    ...["--flush", "none", "--record-size", "100", "--records", quick ? "1000000" : "3000000", "--warmup", "500000"]
  ]),
  tail: () => bars("tail.ts"),
  latency: () => bars("latency.ts"),
  idle: () => bars("idle.ts"),
  size: () => bars("size.ts", hold === undefined ? [] : ["--hold", hold]),
  peer: () => bars("peer.ts"),
  capacity: () => bars("capacity.ts"),
  "capacity-tmpfs": () => bars("capacity.ts", ["--tmpfs", "--log", "256"]),
  objects: () => bars("objects.ts")
}

const names = options.only?.split(",") ?? Object.keys(programs)
const all: Array<Bar> = []
const broken: Array<string> = []
for (const name of names)
  if (programs[name] === undefined) throw new Error(`--only ${name}: not ${Object.keys(programs).join(", ")}`)
const began = performance.now()
for (const name of names) {
  if (stopped !== undefined) break
  const from = performance.now()
  console.log(`\n== ${name}`)
  try {
    all.push(...(await programs[name]!()))
  } catch (error) {
    broken.push(`${name}: ${String(error)}`)
  }
  console.log(`== ${name} took ${((performance.now() - from) / 1000).toFixed(0)} s`)
}
rmSync(folder, { recursive: true, force: true })
console.log(`\nAll bars, after ${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
printBars(all)
for (const each of broken) console.log(`not measured: ${each}`)
const text = `${JSON.stringify({ node: process.version, bars: all, broken })}\n`
if (options.json === undefined) console.log(text)
else writeFileSync(options.json, text)
if (!all.every(passes) || broken.length > 0) process.exitCode = 1
if (stopped !== undefined) process.exitCode = 130
