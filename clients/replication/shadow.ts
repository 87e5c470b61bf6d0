/**
 * Tusk's log in an Apache Kafka, with real processes: `npm run test:shadow [-- --only odd,mapped,two,inside,kills] [--records 1000000]`.
 * A line a check; ends with 1 if one failed.
 */
import { parseArgs } from "node:util"
import { Ending, runBench } from "../../bench/Ending.ts"
import { javaMissing } from "../../bench/kafka/ApacheKafka.ts"
import { Report } from "../failover/Report.ts"
import { inside, kills, mapped, odd, two } from "./shadowScenarios.ts"

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "odd,mapped,two,inside,kills" },
    records: { type: "string", default: "1000000" }
  }
})
const records = Number(options.records)

const scenarios: Readonly<Record<string, (report: Report, ending: Ending) => Promise<void>>> = {
  odd,
  mapped,
  two: (report, ending) => two(report, ending, Math.ceil(records / 5)),
  inside: (report, ending) => inside(report, ending, Math.ceil(records / 5)),
  kills: (report, ending) => kills(report, ending, records)
}

await runBench(async (ending) => {
  const report = new Report()
  const missing = await javaMissing()
  for (const name of options.only.split(",")) {
    const scenario = scenarios[name]
    if (scenario === undefined) throw new Error(`--only ${name}: not ${Object.keys(scenarios).join(", ")}`)
    if (missing !== undefined) report.skip(name, missing)
    else {
      // Each has brokers of its own, which are gone before the next one's start.
      const own = new Ending()
      ending.add(() => own.run())
      await scenario(report, own).finally(() => own.run())
    }
  }
  report.summary()
})
