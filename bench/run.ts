/**
 * Every bar of the log in one go: each program of this folder in a process of its own, then one table and one JSON.
 * `npm run bench [-- --only append,produce,…] [--rounds 3] [--hold 600] [--quick] [--json FILE]`; a program that is missed ends it with 1.
 */
import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { parseArgs } from "node:util"
import { passes, printBars } from "./Bars.ts"
import type { Bar } from "./Bars.ts"
import { startPostgres } from "./EmbeddedPostgres.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "3" },
    quick: { type: "boolean", default: false },
    /** Seconds that `size` holds its snapshot; the bar says 600. */
    hold: { type: "string", default: "60" },
    json: { type: "string" }
  }
})
const { hold, quick, rounds } = options
const folder = mkdtempSync(join(tmpdir(), "tusk-bench-results-"))

/** Runs a program of this folder, its output beside ours; resolves with what it wrote as JSON. */
const run = (program: string, args: ReadonlyArray<string>): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const json = join(folder, `${Math.random().toString(36).slice(2)}.json`)
    const own = ["--conditions=tusk-source", join(import.meta.dirname, program), ...args]
    const output = program === "append.ts" ? [] : ["--json", json]
    const child = spawn(process.execPath, [...own, ...output], { stdio: ["ignore", "pipe", "inherit"] })
    let text = ""
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk
      process.stdout.write(chunk)
    })
    child.once("error", reject)
    child.once("close", () => {
      try {
        resolve(JSON.parse(output.length === 0 ? text : readFileSync(json, "utf8")))
      } catch {
        reject(new Error(`${program} gave no figures`))
      }
    })
  })

const bars = async (program: string, args: ReadonlyArray<string> = []): Promise<ReadonlyArray<Bar>> =>
  ((await run(program, args)) as { readonly bars: ReadonlyArray<Bar> }).bars

interface AppendResult {
  readonly bytes: number
  readonly ratio: number
  readonly bar: number
  readonly store: { readonly nodeCpu: number }
}

const append = async (): Promise<ReadonlyArray<Bar>> => {
  const postgres = await startPostgres()
  const { database, host, port, user } = postgres.options
  try {
    const url = `postgres://${user}@localhost:${port}/${database}?host=${encodeURIComponent(host)}`
    const results = (await run("append.ts", [
      "--url",
      url,
      "--rounds",
      rounds,
      "--json"
    ])) as ReadonlyArray<AppendResult>
    return results.flatMap(({ bar, bytes, ratio, store }): ReadonlyArray<Bar> => [
      { bar: "1", what: `append of ${bytes} B beside COPY BINARY`, value: ratio, unit: "x", least: bar },
      bytes === 131_072
        ? { bar: "1", what: "CPU of Node for a batch of 128 KiB", value: store.nodeCpu, unit: "µs", most: 100 }
        : { bar: "1", what: `CPU of Node for a batch of ${bytes} B`, value: store.nodeCpu, unit: "µs" }
    ])
  } finally {
    await postgres.stop()
  }
}

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
    const shared = [...(quick ? ["--quick"] : ["--rounds", rounds]), ...(consume ? [] : ["--no-consume"])]
    const { medians } = (await run("produce.ts", [...shared, ...args])) as Medians
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
  append,
  produce: produce("128 KiB batches, flush.messages=1", 2, [], true),
  "produce-16k": produce("16 KiB batches, flush.messages=1", 5, [
    ...["--batch-size", "16384", "--linger", "0", "--records", quick ? "100000" : "200000", "--warmup", "40000"]
  ]),
  "produce-nosync": produce("1 KiB records, Kafka without fsync", 0.6, ["--flush", "none"]),
  "produce-100b": produce("100 B records, Kafka without fsync", 0.5, [
    ...["--flush", "none", "--record-size", "100", "--records", quick ? "1000000" : "3000000", "--warmup", "500000"]
  ]),
  tail: () => bars("tail.ts", quick ? ["--quick"] : ["--rounds", rounds]),
  latency: () => bars("latency.ts", quick ? ["--rounds", "4"] : []),
  idle: () => bars("idle.ts", quick ? ["--quick"] : []),
  size: () => bars("size.ts", quick ? ["--quick"] : ["--hold", hold]),
  peer: () => bars("peer.ts", ["--rounds", rounds])
}

const names = options.only?.split(",") ?? Object.keys(programs)
const all: Array<Bar> = []
const broken: Array<string> = []
for (const name of names) {
  const program = programs[name]
  if (program === undefined) throw new Error(`--only ${name}: not ${Object.keys(programs).join(", ")}`)
  console.log(`\n== ${name}`)
  try {
    all.push(...(await program()))
  } catch (error) {
    broken.push(`${name}: ${String(error)}`)
  }
}
rmSync(folder, { recursive: true, force: true })
console.log("\nAll bars")
printBars(all)
for (const each of broken) console.log(`not measured: ${each}`)
const text = `${JSON.stringify({ node: process.version, bars: all, broken })}\n`
if (options.json === undefined) console.log(text)
else writeFileSync(options.json, text)
if (!all.every(passes) || broken.length > 0) process.exitCode = 1
