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
import { delegationTokens } from "./delegationTokens.ts"
import { rights } from "./rights.ts"
import { outputsOf } from "./Outputs.ts"
import type { OwnPart, Part } from "./Part.ts"

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "memory,tusk" },
    /** Parts, by their names. */
    only: { type: "string" },
    /** Prints what Apache Kafka gave, too. */
    verbose: { type: "boolean", default: false }
  }
})

const PARTS: ReadonlyArray<Part | OwnPart> = [acls, rights, delegationTokens]
const parts = PARTS.filter(({ name }) => options.only === undefined || options.only.split(",").includes(name))

const AUTHORIZER = {
  "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
}
/** The tools come as nobody in particular, and may do everything. */
const SUPER = { "super.users": "User:ANONYMOUS" }

const outputs = async (against: Against, part: Part | OwnPart): Promise<ReadonlyMap<string, string>> => {
  if ("outputs" in part) return part.outputs(against)
  const target = await startTarget(against, { ...AUTHORIZER, ...(part.settings ?? SUPER) })
  console.log(`${target.name}: ${part.name}`)
  try {
    return await outputsOf(target.bootstrap, part)
  } finally {
    await target.stop()
  }
}

const report = new Report()

const compare = (
  against: Against,
  part: Part | OwnPart,
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

for (const part of parts) {
  const expected = await outputs("kafka", part)
  if (options.verbose) for (const [step, text] of expected) console.log(`### ${step}\n${text}\n`)
  for (const step of part.differences.keys()) {
    if (!expected.has(step)) report.check(step, false, "no such step", "a step of the part")
  }
  for (const against of options.against.split(",").map(againstOf)) {
    compare(against, part, expected, await outputs(against, part))
  }
}
report.summary()
process.exit()
