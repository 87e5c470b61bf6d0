/**
 * Groups under load: `npm run bench:groups [-- --against tusk|memory|kafka] [--only commits,members,members-consumer] [--seconds 60]`. Model
 * clients speak the protocol from this process. A line a figure; ends with 1 where one is below its bar.
 */
import { parseArgs } from "node:util"
import { runBench } from "../Ending.ts"
import { commits } from "./commits.ts"
import { members, membersSettings } from "./members.ts"
import { Report } from "./Report.ts"
import type { Target } from "./Target.ts"
import { againstOf, startTarget } from "./Target.ts"

const { values: options } = parseArgs({
  options: {
    against: { type: "string", default: "tusk" },
    only: { type: "string", default: "commits,members,members-consumer" },
    seconds: { type: "string", default: "60" },
    groups: { type: "string", default: "1000" },
    members: { type: "string", default: "10000" },
    rate: { type: "string", default: "5000" },
    "heartbeat-interval": { type: "string", default: "3000" }
  }
})

const seconds = Number(options.seconds)
const groups = Number(options.groups)
const inProtocol = (protocol: "classic" | "consumer") => (target: Target, report: Report) => {
  const heartbeatIntervalMs = Number(options["heartbeat-interval"])
  return members(target, { protocol, groups, members: Number(options.members), heartbeatIntervalMs, seconds }, report)
}
const programs: Readonly<Record<string, (target: Target, report: Report) => Promise<void>>> = {
  commits: (target, report) => commits(target, { groups, rate: Number(options.rate), seconds }, report),
  members: inProtocol("classic"),
  "members-consumer": inProtocol("consumer")
}

const report = new Report()
const against = againstOf(options.against)
await runBench(async (ending) => {
  for (const name of options.only.split(",")) {
    const program = programs[name]
    if (program === undefined) throw new Error(`--only ${name}: not ${Object.keys(programs).join(", ")}`)
    const target = await ending.stopping(startTarget(against, name === "commits" ? {} : membersSettings))
    console.log(`${name}, ${target.name}`)
    await report.attempt(name, () => program(target, report))
    await target.stop()
  }
  report.summary()
})
