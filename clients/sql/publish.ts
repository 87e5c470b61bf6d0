/**
 * Tables that are published as topics, with real processes: `npm run test:publish [-- --only replay,rate,debezium]
 * [--seconds 60] [--kills 3] [--scale 2] [--rounds 9]`. A line a check; ends with 1 if one failed.
 */
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import { Report } from "../failover/Report.ts"
import { pgbenchMissing } from "./Pgbench.ts"
import { debeziumReads } from "./publishDebezium.ts"
import { writersRate } from "./publishRate.ts"
import { replayGivesTheTables } from "./publishReplay.ts"
import { startWorld } from "./World.ts"
import type { World } from "./World.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "replay,rate,debezium" },
    seconds: { type: "string", default: "60" },
    kills: { type: "string", default: "3" },
    scale: { type: "string", default: "2" },
    rounds: { type: "string", default: "9" }
  }
})

const scenarios: Readonly<Record<string, (world: World) => Promise<void>>> = {
  replay: (world) =>
    replayGivesTheTables(world, {
      seconds: Number(options.seconds),
      kills: Number(options.kills),
      scale: Number(options.scale)
    }),
  rate: (world) =>
    writersRate(world, { rounds: Number(options.rounds), seconds: Math.ceil(Number(options.seconds) / 15) }),
  debezium: debeziumReads
}

await runBench(async (ending) => {
  const report = new Report()
  for (const name of options.only.split(",")) {
    const scenario = scenarios[name]
    if (scenario === undefined) throw new Error(`--only ${name}: not ${Object.keys(scenarios).join(", ")}`)
    const missing = name === "debezium" ? undefined : pgbenchMissing()
    const world = missing ?? (await startWorld(ending, report))
    if (typeof world === "string") report.skip(name, world)
    else await scenario(world)
  }
  report.summary()
})
