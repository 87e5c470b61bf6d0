/**
 * Apache Kafka's admin tools on Tusk, beside Apache Kafka: `npm run test:admin [-- --against memory,tusk] [--tiers] [--verbose]`. Each
 * output has to be the same, but for what `Differences.ts` names with a reason. Ends with 1 where one is not.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { Report } from "../../bench/groups/Report.ts"
import { againstOf, startTarget } from "../../bench/groups/Target.ts"
import type { Against } from "../../bench/groups/Target.ts"
import { DIFFERENCES } from "./Differences.ts"
import { outputsOf } from "./Outputs.ts"
import { tierOutputs } from "./Tiers.ts"

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "memory,tusk" },
    /** Only the steps on a tiered topic. */
    tiers: { type: "boolean", default: false },
    /** Prints what Apache Kafka gave, too. */
    verbose: { type: "boolean", default: false }
  }
})

const SETTINGS = { kafka: { "metric.reporters": "tusk.clients.Telemetry" }, tusk: {}, memory: {} }

const toolOutputs = async (against: Against): Promise<ReadonlyMap<string, string>> => {
  const target = await startTarget(against, SETTINGS[against])
  console.log(target.name)
  try {
    return await outputsOf(target.bootstrap)
  } finally {
    await target.stop()
  }
}

const outputs = async (against: Against): Promise<ReadonlyMap<string, string>> =>
  new Map([...(options.tiers ? [] : await toolOutputs(against)), ...(await tierOutputs(against))])

const report = new Report()
const expected = await outputs("kafka")
if (options.verbose) for (const [step, text] of expected) console.log(`### ${step}\n${text}\n`)
for (const against of options.against.split(",").map(againstOf)) {
  const seen = await outputs(against)
  for (const [step, text] of expected) {
    const why = DIFFERENCES.get(step)
    const other = seen.get(step)
    const isSame = other === text
    const figure = isSame ? "the same" : why === undefined ? "differs" : `differs: ${why}`
    report.check(`${against}: ${step}`, isSame === (why === undefined), figure, "Apache Kafka's output")
    if (isSame || (why !== undefined && !options.verbose)) continue
    const [left, right] = [new Set(text.split("\n")), new Set(other?.split("\n"))]
    for (const line of left) if (!right.has(line)) console.log(`    - ${line}`)
    for (const line of right) if (!left.has(line)) console.log(`    + ${line}`)
  }
}
for (const step of DIFFERENCES.keys()) {
  if (!options.tiers && !expected.has(step)) report.check(step, false, "no such step", "a step of Differences.ts")
}
report.summary()
process.exit()
