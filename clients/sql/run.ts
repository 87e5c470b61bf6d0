/**
 * What SQL sessions do to a broker, with real processes: `npm run test:sql [-- --only produce,bank,snapshot] [--sessions 32]
 * [--seconds 70] [--kills 5] [--open 60] [--transfers 10000] [--rate 2000]`. A line a check; ends with 1 if one failed.
 */
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import { Report } from "../failover/Report.ts"
import type { Ending } from "../../bench/Ending.ts"
import { bank } from "./bank.ts"
import { produceThroughKills } from "./produce.ts"
import { besideHeldSnapshot } from "./snapshot.ts"
import { startWorld } from "./World.ts"
import type { World } from "./World.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "produce,bank,snapshot" },
    transfers: { type: "string", default: "10000" },
    sessions: { type: "string", default: "32" },
    seconds: { type: "string", default: "70" },
    kills: { type: "string", default: "5" },
    open: { type: "string", default: "60" },
    rate: { type: "string", default: "2000" }
  }
})
const seconds = Number(options.seconds)

const scenarios: Readonly<Record<string, (world: World, ending: Ending) => Promise<void>>> = {
  bank: (world, ending) => bank(world, ending, { transfers: Number(options.transfers) }),
  produce: (world) =>
    produceThroughKills(world, {
      sessions: Number(options.sessions),
      seconds,
      kills: Number(options.kills),
      openSeconds: Number(options.open)
    }),
  snapshot: (world) => besideHeldSnapshot(world, { seconds, rate: Number(options.rate) })
}

await runBench(async (ending) => {
  const report = new Report()
  for (const name of options.only.split(",")) {
    const scenario = scenarios[name]
    if (scenario === undefined) throw new Error(`--only ${name}: not ${Object.keys(scenarios).join(", ")}`)
    // Beside transactions that are prepared nobody notifies: the broker looks by itself.
    const world = await startWorld(ending, report, name === "produce" ? { max_prepared_transactions: "20" } : {})
    if (typeof world === "string") report.skip(name, world)
    else await scenario(world, ending)
  }
  report.summary()
})
