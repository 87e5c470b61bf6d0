/**
 * `tusk import` with real processes: `npm run test:import [-- --only kills,kinds] [--records 1000000] [--kills 5]`. A line a
 * check; ends with 1 if one failed.
 */
import { parseArgs } from "node:util"
import { runBench } from "../../bench/Ending.ts"
import type { Ending } from "../../bench/Ending.ts"
import { javaMissing } from "../../bench/kafka/ApacheKafka.ts"
import { Report } from "../failover/Report.ts"
import { ofAllKinds } from "./ofAllKinds.ts"
import { throughKills } from "./throughKills.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "kinds,kills" },
    records: { type: "string", default: "1000000" },
    kills: { type: "string", default: "5" }
  }
})

const scenarios: Readonly<Record<string, (ending: Ending, report: Report) => Promise<void>>> = {
  kinds: ofAllKinds,
  kills: (ending, report) =>
    throughKills(ending, report, { records: Number(options.records), kills: Number(options.kills) })
}

await runBench(async (ending) => {
  const report = new Report()
  const missing = await javaMissing()
  for (const name of options.only.split(",")) {
    const scenario = scenarios[name]
    if (scenario === undefined) throw new Error(`--only ${name}: not ${Object.keys(scenarios).join(", ")}`)
    if (missing === undefined) await scenario(ending, report)
    else report.skip(name, missing)
  }
  report.summary()
})
