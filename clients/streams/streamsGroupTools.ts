import type { Report } from "../../bench/groups/Report.ts"
import { holdsWithin } from "../../bench/groups/Report.ts"
import type { Target } from "../../bench/groups/Target.ts"
import { createTopics, setGroupConfigs } from "../../bench/groups/Target.ts"
import { Golden } from "../groups/Golden.ts"
import type { tools } from "../groups/ToolShell.ts"
import { startToolShell } from "../groups/ToolShell.ts"
import { startApplication } from "./Application.ts"
import { openWords } from "./Words.ts"

const PARTITIONS = 2
/** Each partition read, and each partition of what is written by word. */
const TASKS = 2 * PARTITIONS

/**
 * kafka-streams-groups and kafka-groups on a word count of two instances with standbys, then without any; each output has
 * to be what Apache Kafka's broker gave.
 */
export const streamsGroupTools = async (target: Target, report: Report, recording: boolean): Promise<void> => {
  const { bootstrap } = target
  const golden = new Golden("tools-streams", recording, report)
  const [input, output, id] = ["lines", "counts", "word-count"]
  await createTopics(
    bootstrap,
    new Map([
      [input, PARTITIONS],
      [output, PARTITIONS]
    ])
  )
  await setGroupConfigs(bootstrap, [id], { "streams.num.standby.replicas": "1" })
  const words = await openWords(bootstrap, input, output)
  const shell = await startToolShell(bootstrap)
  const step = async (name: string, tool: keyof typeof tools, ...args: ReadonlyArray<string>) => {
    const { code, text } = await shell.run(tool, args)
    golden.step(name, `${text}\nexit code ${code}`)
  }
  const ask = (name: string, ...args: ReadonlyArray<string>) => step(name, "kafka-streams-groups", ...args)
  const describe = async (name: string) => {
    for (const view of ["--offsets", "--members", "--state"]) {
      await ask(`describe ${view} (${name})`, "--describe", "--group", id, view)
      await ask(`describe ${view} --verbose (${name})`, "--describe", "--group", id, view, "--verbose")
    }
  }
  const list = async (name: string) => {
    await ask(`list (${name})`, "--list")
    await ask(`list --state (${name})`, "--list", "--state")
    await step(`groups (${name})`, "kafka-groups", "--list")
    await step(`groups --streams (${name})`, "kafka-groups", "--list", "--streams")
  }
  const program = { program: "WordCount", args: [input, output] } as const
  const options = { bootstrap, id, protocol: "streams" as const, ...program }
  const apps = [await startApplication(options)]
  try {
    await words.write(100)
    const all = async (what: string, holds: () => boolean) => {
      const held = await holdsWithin(60_000, () => {
        for (const app of apps) app.check()
        return holds()
      })
      if (!held) throw new Error(`${what}: not within 60 s; ${apps.map((app) => app.log()).join("\n---\n")}`)
    }
    await all("one instance", () => apps[0]!.active().length === TASKS && words.agree())
    apps.push(await startApplication(options))
    await all("two instances, each with the standbys of the other", () => {
      const active = apps.flatMap((app) => app.active())
      const standby = apps.flatMap((app) => app.standby())
      return (
        active.length === TASKS && standby.length === PARTITIONS && apps.every(({ state }) => state() === "RUNNING")
      )
    })
    const apart = apps.every((app) => !app.standby().some((task) => app.active().includes(task)))
    report.check("standbys are in the other instance", apart, apart ? "yes" : "no", "yes")
    await words.write(100)
    await all("the counts", words.agree)
    await list("two members")
    await ask("describe --members (two members)", "--describe", "--group", id, "--members")
    await ask("describe --state (two members)", "--describe", "--group", id, "--state")
    await ask("delete a group with members", "--delete", "--group", id)
    const reset = ["--reset-offsets", "--group", id, "--all-input-topics"]
    await ask("reset of a group with members", ...reset, "--to-earliest", "--execute")

    await Promise.all(apps.map((app) => app.stop()))
    await list("no members")
    await describe("no members")
    await ask("reset --to-earliest --dry-run", ...reset, "--to-earliest", "--dry-run")
    await ask("reset --shift-by --dry-run", ...reset, "--shift-by", "-5", "--dry-run")
    await ask("reset --to-offset --execute", ...reset, "--to-offset", "7", "--execute")
    await describe("reset")
    await ask("delete offsets", "--delete-offsets", "--group", id, "--input-topic", input)
    await ask("delete offsets of a topic it does not read", "--delete-offsets", "--group", id, "--input-topic", output)
    await describe("offsets deleted")
    const anew = [...reset, "--to-earliest", "--delete-all-internal-topics", "--execute"]
    await ask("reset with all internal topics", ...anew)
    await ask("delete", "--delete", "--group", id)
    await ask("delete once more", "--delete", "--group", id)
    await ask("describe of no group", "--describe", "--group", id)
    await list("no groups")
    golden.finish()
  } finally {
    await Promise.all(apps.map((app) => app.kill()))
    await shell.stop()
    await words.stop()
  }
}
