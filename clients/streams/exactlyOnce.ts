/**
 * Kafka Streams with `exactly_once_v2`: a word count and a windowed join, with repartition and changelog topics, while the
 * application and Tusk are killed with -9 in turn. What a read_committed reader finds has to be what the input makes.
 * `npm run test:streams-once [-- --records 1000000] [--kills 20] [--seed 1] [--protocol classic|streams] [--against kafka]
 * [--set name=value]`; `--set`: a setting of Kafka Streams. Ends with 1 where anything differs.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { Report } from "../../bench/groups/Report.ts"
import { againstOf, startTarget } from "../../bench/groups/Target.ts"
import { killedFlow } from "./KilledFlow.ts"
import { quickSettings } from "./Quick.ts"

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "tusk" },
    records: { type: "string", default: "1000000" },
    kills: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    protocol: { type: "string", default: "classic" },
    set: { type: "string", multiple: true, default: [] },
    verbose: { type: "boolean", default: false }
  }
})
const protocol = options.protocol === "streams" ? "streams" : "classic"
const settings = Object.fromEntries(options.set.map((text) => text.split("=", 2) as [string, string]))
const [records, kills, seed] = [Number(options.records), Number(options.kills), Number(options.seed)]
if (records % 4 !== 0) throw new Error(`--records ${records}: not a multiple of 4`)

const report = new Report()
const target = await startTarget(againstOf(options.against), quickSettings)
console.log(`${target.name}, ${records} records, ${kills} kills, ${protocol}`)
try {
  await report.attempt("exactly once", () => killedFlow(target, { records, kills, seed, protocol, settings }, report))
} finally {
  if (options.verbose) console.log(target.tusk?.log())
  await target.stop()
}
report.summary()
process.exit()
