/**
 * Topics of objects on a real server of S3 that fails, and in a folder: `npm run test:objects [-- --only suite,faults,kills,take-overs,crash] [--rounds 12] [--verbose] [--ports 21000]`.
 * A line a check; ends with 1 where one failed. `SEED=1` has the same faults at the same requests.
 */
import { join } from "node:path"
import process from "node:process"
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import { repository } from "../../bench/kafka/ApacheKafka.ts"
import { run, tail } from "../../bench/kafka/Program.ts"
import { Report } from "../failover/Report.ts"
import { runScenarios, wanted } from "../failover/Running.ts"
import { installed } from "../failover/Server.ts"
import { Ports } from "../failover/World.ts"
import type { Scenario } from "../failover/World.ts"
import { crashes } from "./crash.ts"
import { faults } from "./faults.ts"
import { kills } from "./kills.ts"
import { takeOvers } from "./takeOvers.ts"
import { prepareVersitygw } from "./Versitygw.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string" },
    rounds: { type: "string", default: "12" },
    ports: { type: "string", default: "21000" },
    verbose: { type: "boolean", default: false }
  }
})

/** Now that there is a server, the tests that are skipped without it. */
const suite: Scenario = {
  name: "suite",
  what: "what every object store has to do, on versitygw",
  run: async ({ report }) => {
    const vitest = join(repository, "node_modules", "vitest", "vitest.mjs")
    const words = ["run", "--config", "vitest.workspace.ts", "--project", "storage", "object/s3/versitygw"]
    const { code, stderr, stdout } = await run(process.execPath, [vitest, ...words], { spawn: { cwd: repository } })
    report.check("object/s3/versitygw.test.ts", code === 0, code === 0 ? "0" : tail(`${stdout}${stderr}`, 20), "0")
  }
}

await runBench(async (ending) => {
  const report = new Report()
  const ports = new Ports(Number(options.ports), 200)
  const prepared = await prepareVersitygw()
  const file = typeof prepared === "string" ? "" : prepared.file
  const rounds = Number(options.rounds)
  const onS3 = [suite, faults(file), kills(file, rounds)]
  const scenarios = wanted([...onS3, takeOvers(rounds), crashes(rounds)], options.only)
  const postgres = installed()
  const absentFor = (scenario: Scenario) =>
    [postgres, ...(onS3.includes(scenario) ? [prepared] : [])].find((each) => typeof each === "string")
  for (const scenario of scenarios) {
    const absent = absentFor(scenario)
    if (absent !== undefined) report.skip(scenario.name, String(absent))
  }
  if (typeof postgres === "string") return report.summary()
  // Each round is two, of a broker that puts and of one that removes.
  const there = scenarios.filter((scenario) => absentFor(scenario) === undefined)
  await runScenarios(ending, report, there, {
    postgres,
    ports,
    python: undefined,
    rounds: 3 * rounds,
    verbose: options.verbose
  })
})
