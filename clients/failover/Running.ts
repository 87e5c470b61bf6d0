import { rmSync } from "node:fs"
import process from "node:process"
import type { Ending } from "../../bench/Ending.ts"
import type { Report } from "./Report.ts"
import type { Installed } from "./Server.ts"
import { World } from "./World.ts"
import type { Ports, Scenario } from "./World.ts"

/** A scenario that takes longer is ended, and has failed; each of its rounds adds to that. */
const LIMIT_S = 180
const ROUND_S = 30

const runOne = async (scenario: Scenario, world: World, verbose: boolean): Promise<void> => {
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
    if (verbose) console.log(error)
  }
  if (verbose || report.failures.length > failures) for (const broker of world.brokers) printLog(broker.lines, verbose)
  clearTimeout(timer)
  await world.end()
  report.note(scenario.name, `took ${((performance.now() - began) / 1000).toFixed(0)} s`)
}

/** The last lines of a broker that tell more than that it listens. */
const printLog = (lines: World["brokers"][number]["lines"], verbose: boolean): void => {
  for (const { at, level, text } of lines.slice(verbose ? 0 : -12))
    console.log(`  | ${new Date(at).toISOString().slice(11, 23)} ${level} ${text.slice(0, 200)}`)
}

export interface RunOptions {
  readonly postgres: Installed
  readonly ports: Ports
  readonly python: string | undefined
  readonly rounds?: number | undefined
  readonly verbose: boolean
}

/** The scenarios of these names; of all of them if none is given. */
export const wanted = (scenarios: ReadonlyArray<Scenario>, only: string | undefined): ReadonlyArray<Scenario> => {
  if (only === undefined) return scenarios
  return only.split(",").map((name) => {
    const found = scenarios.find((one) => one.name === name)
    if (found === undefined) throw new Error(`--only ${name}: not ${scenarios.map((one) => one.name).join(", ")}`)
    return found
  })
}

/** Runs one scenario after the other, each in a world of its own, and prints the summary. */
export const runScenarios = async (
  ending: Ending,
  report: Report,
  scenarios: ReadonlyArray<Scenario>,
  { ports, postgres, python, rounds, verbose }: RunOptions
): Promise<void> => {
  ending.add(() => rmSync(postgres.root, { recursive: true, force: true }))
  // What is undone then must not be begun anew by the next scenario.
  let interrupted = false
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => (interrupted = true))
  const began = performance.now()
  for (const scenario of scenarios) {
    const world = new World(postgres, ports, report, python, rounds)
    ending.add(() => world.end())
    await runOne(scenario, world, verbose)
    if (interrupted) return
  }
  console.log(`\nafter ${((performance.now() - began) / 60_000).toFixed(1)} minutes`)
  report.summary()
}
