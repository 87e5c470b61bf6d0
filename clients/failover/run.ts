/**
 * Failover with real processes: `npm run test:failover [-- --only sync-promote,bursts] [--rounds 20] [--verbose]
 * [--ports 20800] [--list] [--patroni]`. A line a check; ends with 1 where one failed.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import { patroni } from "./patroni.ts"
import { pythonWithRdkafka } from "./Rdkafka.ts"
import { Report } from "./Report.ts"
import { scenarios } from "./scenarios/index.ts"
import { installed } from "./Server.ts"
import { runScenarios, wanted } from "./Running.ts"
import { Ports } from "./World.ts"

const PORTS = 200
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

if (options.list) {
  for (const { name, what } of scenarios) console.log(`${name.padEnd(22)} ${what}`)
  process.exit(0)
}
const rounds = options.rounds === undefined ? undefined : Number(options.rounds)

await runBench(async (ending) => {
  const report = new Report()
  const ports = new Ports(Number(options.ports), PORTS)
  const names = wanted(scenarios, options.only)
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
  await runScenarios(ending, report, names, { postgres, ports, python, rounds, verbose: options.verbose })
})
