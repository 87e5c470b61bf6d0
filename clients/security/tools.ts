/**
 * Apache Kafka's tools of security on Tusk, beside Apache Kafka with its StandardAuthorizer: `npm run test:security-tools
 * [-- --against memory,tusk] [--only acls] [--verbose]`. Each output and answer has to be the same, but for what a part
 * names with a reason. Ends with 1 where one is not.
 */
import process from "node:process"
import { parseArgs } from "node:util"
import { Report } from "../../bench/groups/Report.ts"
import { againstOf, startTarget } from "../../bench/groups/Target.ts"
import type { Against } from "../../bench/groups/Target.ts"
import { acls } from "./acls.ts"
import { outputsOf } from "./Outputs.ts"
import type { Part } from "./Part.ts"

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "memory,tusk" },
    /** Parts, by their names. */
    only: { type: "string" },
    /** Prints what Apache Kafka gave, too. */
    verbose: { type: "boolean", default: false }
  }
})

const PARTS: ReadonlyArray<Part> = [acls]
const parts = PARTS.filter(({ name }) => options.only === undefined || options.only.split(",").includes(name))

/** The tools come as nobody in particular, and may do everything. */
const SETTINGS = {
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
  "super.users": "User:ANONYMOUS"
}

const outputs = async (against: Against): Promise<ReadonlyMap<Part, ReadonlyMap<string, string>>> => {
  const target = await startTarget(against, SETTINGS)
  console.log(target.name)
  try {
    const seen = new Map<Part, ReadonlyMap<string, string>>()
    for (const part of parts) seen.set(part, await outputsOf(target.bootstrap, part))
    return seen
  } finally {
    await target.stop()
  }
}

const report = new Report()

const compare = (
  against: Against,
  part: Part,
  expected: ReadonlyMap<string, string>,
  seen: ReadonlyMap<string, string>
) => {
  for (const [step, text] of expected) {
    const why = part.differences.get(step)
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

const expected = await outputs("kafka")
for (const [part, texts] of expected) {
  if (options.verbose) for (const [step, text] of texts) console.log(`### ${step}\n${text}\n`)
  for (const step of part.differences.keys()) {
    if (!texts.has(step)) report.check(step, false, "no such step", "a step of the part")
  }
}
for (const against of options.against.split(",").map(againstOf)) {
  const seen = await outputs(against)
  for (const part of parts) compare(against, part, expected.get(part)!, seen.get(part)!)
}
report.summary()
process.exit()
