/**
 * Two checkouts beside each other: benches of this folder, each tree's own, in turns; the median of the pairs' ratios.
 * `npm run bench:pairs -- --other ../old [--only produce-128k,latency] [--pairs 5] [--json FILE]`. Ratio: this tree to the other.
 */
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { loadavg, tmpdir } from "node:os"
import { join, resolve } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import type { Bar } from "./Bars.ts"
import { median } from "./Bars.ts"
import { runBench, settle } from "./Ending.ts"

const { values: options } = parseArgs({
  options: {
    other: { type: "string" },
    only: { type: "string" },
    pairs: { type: "string", default: "5" },
    json: { type: "string" }
  }
})

/** A figure by its name, or nothing where a program has none of it. */
type Pick = (json: unknown) => number | undefined

interface Figure {
  readonly what: string
  readonly unit: string
  readonly pick: Pick
}

interface Bench {
  readonly program: string
  readonly args: ReadonlyArray<string>
  readonly figures: ReadonlyArray<Figure>
}

const bar = (what: string, unit: string): Figure => ({
  what,
  unit,
  pick: (json) => (json as { readonly bars: ReadonlyArray<Bar> }).bars.find((one) => one.what === what)?.value
})

interface Medians {
  readonly medians: ReadonlyArray<{ readonly figure: string; readonly tusk?: number }>
}

const produced = (figure: string): Pick => {
  return (json) => (json as Medians).medians.find((one) => one.figure === figure)?.tusk
}

/** ProducerPerformance with one round that counts; seconds for each GB become microseconds for each record. */
const produce = (recordSize: number, args: ReadonlyArray<string>): Bench => {
  const own = produced("produce CPU s/GB, Postgres apart")
  const all = produced("produce CPU s/GB")
  const perRecord = (perGb: number | undefined) => (perGb === undefined ? undefined : (perGb * recordSize) / 1000)
  const others = (json: unknown) => {
    const [whole, part] = [all(json), own(json)]
    return whole === undefined || part === undefined ? undefined : whole - part
  }
  return {
    program: "produce.ts",
    args: ["--sides", "tusk", "--no-consume", "--rounds", "1", "--record-size", `${recordSize}`, ...args],
    figures: [
      { what: "produced", unit: "MB/s", pick: produced("produce MB/s") },
      { what: "p99", unit: "ms", pick: produced("produce latency p99 ms") },
      { what: "CPU of Node, a record", unit: "µs", pick: (json) => perRecord(own(json)) },
      { what: "CPU of Postgres, a record", unit: "µs", pick: (json) => perRecord(others(json)) }
    ]
  }
}

const SIZES = [1024, 16_384, 131_072]

const benches: Readonly<Record<string, Bench>> = {
  "produce-128k": produce(1024, ["--records", "400000", "--warmup", "150000"]),
  "produce-16k": produce(1024, [
    ...["--batch-size", "16384", "--linger", "0", "--records", "200000", "--warmup", "60000"]
  ]),
  "produce-100b": produce(100, ["--records", "1500000", "--warmup", "500000"]),
  latency: {
    program: "latency.ts",
    args: ["--rounds", "4", "--warmup", "6"],
    figures: [
      // What the machine did meanwhile: the same statement on either side.
      bar("bare insert p50", "µs"),
      ...["acknowledged p50", "acknowledged p99"].map((what) => bar(what, "µs")),
      ...["delivered p50 (1.5x of insert + 1 ms)", "delivered p99 (3x of insert's)"].map((what) => bar(what, "µs"))
    ]
  },
  idle: {
    program: "idle.ts",
    args: ["--seconds", "12"],
    figures: [
      bar("no consumers: CPU", "% of core"),
      bar("1000 consumers, max wait 500 ms: CPU", "% of core"),
      bar("1000 consumers, max wait 500 ms: CPU of Node", "% of core"),
      bar("1000 consumers, max wait 5 s: CPU", "% of core")
    ]
  },
  append: {
    program: "append.ts",
    args: ["--rounds", "3", "--sizes", SIZES.join(",")],
    figures: SIZES.flatMap((bytes) => [
      bar(`${bytes} B: append`, "MiB/s"),
      bar(`${bytes} B: CPU of Node for a batch`, "µs"),
      bar(`${bytes} B: CPU of the backend for a batch`, "µs")
    ])
  }
}

const names = options.only?.split(",") ?? Object.keys(benches)
for (const name of names)
  if (benches[name] === undefined) throw new Error(`--only ${name}: not ${Object.keys(benches).join(", ")}`)
const own = join(import.meta.dirname, "..")
if (options.other === undefined) throw new Error("--other: the path of the other checkout")
const other = resolve(process.env["INIT_CWD"] ?? ".", options.other)
if (!existsSync(join(other, "bench", "run.ts"))) throw new Error(`--other ${other}: no checkout of Tusk`)
const pairs = Number(options.pairs)
const folder = mkdtempSync(join(tmpdir(), "tusk-bench-pairs-"))

let running: ChildProcess | undefined

/** Runs a tree's own program with its own packages; what it wrote as JSON. */
const run = (tree: string, { args, program }: Bench): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const json = join(folder, "result.json")
    rmSync(json, { force: true })
    const file = join(tree, "bench", program)
    let said = ""
    running = spawn(process.execPath, ["--conditions=tusk-source", file, ...args, "--json", json], {
      cwd: tree,
      stdio: ["ignore", "pipe", "pipe"]
    })
    for (const stream of [running.stdout!, running.stderr!])
      stream.setEncoding("utf8").on("data", (text: string) => (said = (said + text).slice(-4000)))
    running.once("error", reject)
    running.once("close", () => {
      try {
        resolve(JSON.parse(readFileSync(json, "utf8")))
      } catch {
        reject(new Error(`${file} gave no figures: ${said.slice(-600)}`))
      }
    })
  })

interface Row {
  readonly bench: string
  readonly what: string
  readonly unit: string
  readonly own: number
  readonly other: number
  readonly ratio: number
  readonly ratios: ReadonlyArray<number>
}

/** The first one changes from pair to pair. */
const compare = async (name: string): Promise<ReadonlyArray<Row>> => {
  const bench = benches[name]!
  const found: Array<{ readonly own: unknown; readonly other: unknown }> = []
  for (let pair = 0; pair < pairs; pair++) {
    const result = new Map<string, unknown>()
    const loads: Array<string> = []
    for (const side of pair % 2 === 0 ? (["own", "other"] as const) : (["other", "own"] as const)) {
      await settle()
      loads.push(loadavg()[0]!.toFixed(1))
      result.set(side, await run(side === "own" ? own : other, bench))
    }
    found.push({ own: result.get("own"), other: result.get("other") })
    const [first] = bench.figures
    const shown = [first!.pick(result.get("own")), first!.pick(result.get("other"))].map((value) => value?.toFixed(1))
    const figure = `${first!.what} ${shown.join(" beside ")} ${first!.unit}`
    console.log(`${name}, pair ${pair + 1}: ${figure}; load before each ${loads.join(" ")}`)
  }
  return bench.figures.flatMap(({ pick, unit, what }) => {
    const mine = found.map((pair) => pick(pair.own) ?? NaN)
    const theirs = found.map((pair) => pick(pair.other) ?? NaN)
    const ratios = mine.map((value, i) => value / theirs[i]!)
    return [{ bench: name, what, unit, own: median(mine), other: median(theirs), ratio: median(ratios), ratios }]
  })
}

const print = (rows: ReadonlyArray<Row>): void => {
  const heads = ["this", "other", "ratio"].map((head) => head.padStart(11)).join("")
  console.log(`\n${"".padEnd(62)}${heads}   ratio of each pair`)
  for (const row of rows) {
    const cells = [row.own, row.other, row.ratio].map((value) => value.toFixed(2).padStart(11)).join("")
    const name = `${row.bench}: ${row.what}, ${row.unit}`.padEnd(62)
    console.log(`${name}${cells}   ${row.ratios.map((ratio) => ratio.toFixed(2)).join(" ")}`)
  }
}

await runBench(async (ending) => {
  ending.add(() => rmSync(folder, { recursive: true, force: true }))
  // It ends what it has begun, and then itself.
  ending.add(() => {
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return undefined
    const child = running
    return new Promise<void>((done) => {
      child.once("close", () => done())
      child.kill("SIGTERM")
    })
  })
  const rows: Array<Row> = []
  for (const name of names) rows.push(...(await compare(name)))
  print(rows)
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify({ own, other, pairs, rows })}\n`)
})
