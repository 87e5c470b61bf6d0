/**
 * Groups as clients see them: `npm run test:groups [-- --against tusk|memory|kafka] [--only killed,tools]`. Each check has a
 * broker of its own and has to pass on Apache Kafka, too, which is the reference. A line a check; ends with 1 where one
 * failed.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { Report } from "../../bench/groups/Report.ts"
import { againstOf, startTarget } from "../../bench/groups/Target.ts"
import type { Check } from "./Check.ts"
import { consumerGroupTools } from "./consumerGroupTools.ts"
import { killed } from "./killed.ts"
import { killedJava } from "./killedJava.ts"
import { memberModes } from "./memberModes.ts"
import { rebalance } from "./rebalance.ts"
import { share } from "./share.ts"
import { shareGroupTools } from "./shareGroupTools.ts"
import { upgrade } from "./upgrade.ts"
import { verifiable } from "./verifiableConsumer.ts"

const checks: ReadonlyArray<Check> = [
  killed("classic"),
  killed("consumer"),
  killedJava,
  verifiable("classic"),
  verifiable("consumer"),
  consumerGroupTools("classic"),
  consumerGroupTools("consumer"),
  rebalance("cooperative"),
  rebalance("consumer"),
  memberModes("librdkafka", "confluent-kafka (Python)"),
  memberModes("franz-go", "franz-go (Go)"),
  memberModes("java", "Apache Kafka (Java)"),
  upgrade,
  share,
  shareGroupTools
]

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "tusk" },
    only: { type: "string", default: checks.map(({ name }) => name).join(",") },
    /** Writes what Apache Kafka's tools print anew, below expected/. */
    record: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false }
  }
})

const against = againstOf(options.against)
if (options.record && against !== "kafka") throw new Error("--record: only what Apache Kafka prints is expected")
const report = new Report()
for (const name of options.only.split(",")) {
  const check = checks.find((one) => one.name === name)
  if (check === undefined) throw new Error(`--only ${name}: not ${checks.map((one) => one.name).join(", ")}`)
  const target = await startTarget(against, check.settings)
  console.log(`${check.name}, ${target.name}`)
  try {
    await report.attempt(check.name, () => check.run(target, report, options.record))
  } finally {
    if (options.verbose && target.tusk !== undefined) console.log(target.tusk.log())
    await target.stop()
  }
}
report.summary()
process.exit()
