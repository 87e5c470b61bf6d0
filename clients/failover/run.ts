/**
 * Failover with real processes: `npm run test:failover [-- --only sync-promote,bursts] [--rounds 20] [--verbose]
 * [--ports 20800] [--list] [--patroni]`. A line a check; ends with 1 where one failed.
 */
import process from "node:process"
import { rmSync } from "node:fs"
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import { patroni } from "./patroni.ts"
import { pythonWithRdkafka } from "./Rdkafka.ts"
import { Report } from "./Report.ts"
import { scenarios } from "./scenarios/index.ts"
import { installed } from "./Server.ts"
import { Ports, World } from "./World.ts"
import type { Scenario } from "./World.ts"

const PORTS = 200
/** A scenario that takes longer is ended, and has failed; each of its rounds adds to that. */
const LIMIT_S = 180
const ROUND_S = 30

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string" },
    ports: { type: "string", default: "20800" },
    patroni: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false }
  }
})

const wanted = (): ReadonlyArray<Scenario> => {
  if (options.only === undefined) return scenarios
  return options.only.split(",").map((name) => {
    const found = scenarios.find((one) => one.name === name)
    if (found === undefined) throw new Error(`--only ${name}: not ${scenarios.map((one) => one.name).join(", ")}`)
    return found
  })
}

const runOne = async (scenario: Scenario, world: World): Promise<void> => {
  const { report } = world
  if (scenario.rdkafka === true && world.python === undefined)
    return report.skip(scenario.name, "no Python with confluent_kafka")
  console.log(`\n${scenario.name}: ${scenario.what}`)
  const began = performance.now()
  const failures = report.failures.length
  const limit = LIMIT_S + ROUND_S * (world.rounds ?? 0)
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`it is not at its end after ${limit} s`)), limit * 1000)
  try {
    await Promise.race([scenario.run(world), late.promise])
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error)
    report.check(scenario.name, false, text.split("\n").slice(0, 6).join(" | "), "runs to its end")
    if (options.verbose) console.log(error)
  }
  if (options.verbose || report.failures.length > failures) for (const broker of world.brokers) printLog(broker.lines)
  clearTimeout(timer)
  await world.end()
  report.note(scenario.name, `took ${((performance.now() - began) / 1000).toFixed(0)} s`)
}

/** The last lines of a broker that tell more than that it listens. */
const printLog = (lines: World["brokers"][number]["lines"]): void => {
  for (const { at, level, text } of lines.slice(options.verbose ? 0 : -12))
    console.log(`  | ${new Date(at).toISOString().slice(11, 23)} ${level} ${text.slice(0, 200)}`)
}

if (options.list) {
  for (const { name, what } of scenarios) console.log(`${name.padEnd(22)} ${what}`)
  process.exit(0)
}
const rounds = options.rounds === undefined ? undefined : Number(options.rounds)

await runBench(async (ending) => {
  const report = new Report()
  const ports = new Ports(Number(options.ports), PORTS)
  const names = wanted()
  const python = await pythonWithRdkafka()
  if (python === undefined) report.skip("librdkafka beside our own clients", "no Python with confluent_kafka")
  if (options.patroni) {
    await patroni(ending, report, ports, python)
    return report.summary()
  }
  const postgres = installed()
  if (typeof postgres === "string") {
    for (const { name } of names) report.skip(name, postgres)
    return report.summary()
  }
  ending.add(() => rmSync(postgres.root, { recursive: true, force: true }))
  // What is undone then must not be begun anew by the next scenario.
  let interrupted = false
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => (interrupted = true))
  const began = performance.now()
  for (const scenario of names) {
    const world = new World(postgres, ports, report, python, rounds)
    ending.add(() => world.end())
    await runOne(scenario, world)
    if (interrupted) return
  }
  console.log(`\nafter ${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
  report.summary()
})
