import { createTopics, setGroupConfigs } from "../../bench/groups/Target.ts"
import { holdsWithin } from "../../bench/groups/Report.ts"
import type { Check } from "./Check.ts"
import { Golden } from "./Golden.ts"
import { produce } from "./Records.ts"
import { quickShareGroups } from "./share.ts"
import type { tools } from "./ToolShell.ts"
import { startToolShell } from "./ToolShell.ts"
import { startVerifiableShare } from "./VerifiableShare.ts"

const PARTITIONS = 3
const COUNT = 100

/** Where a share partition starts while it is read is told late by Apache Kafka, which stores it now and then; its lag is not. */
const withoutStart = (text: string) => text.replaceAll(/(tools-share\s+\d+\s+(?:\d+\s+)?)\d+(\s+\d+\s*)$/gm, "$1*$2")

/** kafka-share-groups in all it does, on a group with a member, then without; beside what Apache Kafka's broker gave. */
export const shareGroupTools: Check = {
  name: "tools-share",
  settings: quickShareGroups,
  run: async (target, report, recording) => {
    const { bootstrap } = target
    const golden = new Golden("tools-share", recording, report)
    const [topic, group] = ["tools-share", "group-share"]
    await createTopics(bootstrap, new Map([[topic, PARTITIONS]]))
    await setGroupConfigs(bootstrap, [group], { "share.auto.offset.reset": "earliest" })
    await produce(bootstrap, topic, PARTITIONS, COUNT)
    const shell = await startToolShell(bootstrap)
    let isLooked = false
    const step = async (name: string, tool: keyof typeof tools, ...args: ReadonlyArray<string>) => {
      const { code, text } = await shell.run(tool, args)
      golden.step(name, `${isLooked ? withoutStart(text) : text}\nexit code ${code}`)
    }
    const ask = (name: string, ...args: ReadonlyArray<string>) => step(name, "kafka-share-groups", ...args)
    const look = async (when: string) => {
      isLooked = true
      for (const view of [
        ["--offsets"],
        ["--offsets", "--verbose"],
        ["--members"],
        ["--members", "--verbose"],
        ["--state"],
        ["--state", "--verbose"]
      ]) {
        await ask(`describe ${view.join(" ")} (${when})`, "--describe", "--group", group, ...view)
      }
      await ask(`list (${when})`, "--list")
      await ask(`list --state (${when})`, "--list", "--state")
      await ask(`list --state Empty (${when})`, "--list", "--state", "Empty")
      await step(`kafka-groups (${when})`, "kafka-groups", "--list")
      await step(`kafka-groups --share (${when})`, "kafka-groups", "--list", "--share")
      await step(`kafka-consumer-groups (${when})`, "kafka-consumer-groups", "--list", "--type")
      isLooked = false
    }
    const reset = (...args: ReadonlyArray<string>) => ["--reset-offsets", "--group", group, ...args]
    const member = await startVerifiableShare({ bootstrap, topic, group, mode: "sync" })
    try {
      const all = await holdsWithin(60_000, () => {
        member.check()
        return member.acknowledged.length === PARTITIONS * COUNT
      })
      if (!all) throw new Error(`${member.acknowledged.length} records acknowledged within 60 s`)
      await look("one member")
      await ask("reset of a group with a member", ...reset("--topic", topic, "--to-earliest", "--execute"))
      await ask("delete offsets of a group with a member", "--delete-offsets", "--group", group, "--topic", topic)
      await ask("delete a group with a member", "--delete", "--group", group)

      await member.stop()
      await look("no members")
      for (const [name, ...args] of [
        ["to-earliest", "--to-earliest"],
        ["to-latest", "--to-latest"],
        ["to-datetime", "--to-datetime", "2026-01-01T00:30:30.000"]
      ] as const) {
        await ask(`reset ${name} --dry-run`, ...reset("--topic", topic, ...args, "--dry-run"))
        await ask(`reset ${name} --execute`, ...reset("--all-topics", ...args, "--execute"))
        await ask(`describe (after reset ${name})`, "--describe", "--group", group)
      }
      await ask("reset of some partitions", ...reset("--topic", `${topic}:1`, "--to-earliest", "--execute"))
      await ask("describe (after reset of some partitions)", "--describe", "--group", group)
      await ask("reset of a topic that is not there", ...reset("--topic", "nowhere", "--to-earliest", "--execute"))
      await ask(
        "reset of no group",
        "--reset-offsets",
        "--group",
        "nobody",
        "--topic",
        topic,
        "--to-latest",
        "--execute"
      )
      await ask("delete offsets of another topic", "--delete-offsets", "--group", group, "--topic", "nowhere")
      await ask("delete offsets", "--delete-offsets", "--group", group, "--topic", topic)
      await ask("describe (after offsets were deleted)", "--describe", "--group", group)
      await ask("delete", "--delete", "--group", group)
      await ask("delete once more", "--delete", "--group", group)
      await ask("describe of no group", "--describe", "--group", group)
      await ask("describe --members of no group", "--describe", "--group", group, "--members")
      await look("no groups")
      golden.finish()
    } finally {
      await member.stop()
      await shell.stop()
    }
  }
}
