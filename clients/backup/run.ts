/**
 * Backups with real processes: `npm run test:backup [-- --only dump,point-in-time] [--verbose] [--ports 21100] [--list]`. A line a
 * check; ends with 1 where one failed.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import { pythonWithRdkafka } from "../failover/Rdkafka.ts"
import { Report } from "../failover/Report.ts"
import { runScenarios, wanted } from "../failover/Running.ts"
import { installed } from "../failover/Server.ts"
import { Ports } from "../failover/World.ts"
import { programsFolder } from "./Programs.ts"
import { scenarios } from "./scenarios.ts"

const PORTS = 200
const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    ports: { type: "string", default: "21100" },
    list: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false }
  }
})

if (options.list) {
  for (const { name, what } of scenarios) console.log(`${name.padEnd(15)} ${what}`)
  process.exit(0)
}

await runBench(async (ending) => {
  const report = new Report()
  const chosen = wanted(scenarios, options.only)
  const folder = programsFolder()
  const postgres = folder === undefined ? "no Postgres with pg_dump and pg_basebackup" : installed(folder)
  if (typeof postgres === "string") {
    for (const { name } of chosen) report.skip(name, postgres)
    return report.summary()
  }
  const python = await pythonWithRdkafka()
  if (python === undefined) report.skip("librdkafka beside our own clients", "no Python with confluent_kafka")
  const ports = new Ports(Number(options.ports), PORTS)
  await runScenarios(ending, report, chosen, { postgres, ports, python, verbose: options.verbose })
})
