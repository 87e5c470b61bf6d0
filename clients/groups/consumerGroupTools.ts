import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { LeaveGroup } from "@tusk/protocol/messages/LeaveGroup"
import { createTopics, setGroupConfigs, withWire } from "../../bench/groups/Target.ts"
import type { Check } from "./Check.ts"
import { quickGroups } from "./Check.ts"
import { Golden } from "./Golden.ts"
import { FIRST_TIMESTAMP, produce } from "./Records.ts"
import type { tools } from "./ToolShell.ts"
import { startToolShell } from "./ToolShell.ts"
import type { GroupProtocol } from "./Verifiable.ts"
import { startVerifiable } from "./Verifiable.ts"
import { untilAll } from "./verifiableConsumer.ts"

const PARTITIONS = 4
const COUNT = 100

/**
 * kafka-consumer-groups and kafka-groups in all they do, on a group with members, then without; each output has to be what
 * Apache Kafka's broker gave.
 */
export const consumerGroupTools = (protocol: GroupProtocol): Check => ({
  name: `tools-${protocol}`,
  settings: quickGroups,
  run: async (target, report, recording) => {
    const { bootstrap } = target
    const golden = new Golden(`tools-${protocol}`, recording, report)
    const [topic, group, idle] = [`tools-${protocol}`, `group-${protocol}`, `simple-${protocol}`]
    const folder = mkdtempSync(join(tmpdir(), "tusk-tools-"))
    await createTopics(bootstrap, new Map([[topic, PARTITIONS]]))
    await produce(bootstrap, topic, PARTITIONS, COUNT)
    if (protocol === "consumer") {
      await setGroupConfigs(bootstrap, [group], { "consumer.heartbeat.interval.ms": "500" })
    }
    const shell = await startToolShell(bootstrap)
    const step = async (name: string, tool: keyof typeof tools, ...args: ReadonlyArray<string>) => {
      const { code, text } = await shell.run(tool, args)
      golden.step(name, `${text}\nexit code ${code}`)
    }
    const ask = (name: string, ...args: ReadonlyArray<string>) => step(name, "kafka-consumer-groups", ...args)
    const describe = (name: string, ...args: ReadonlyArray<string>) =>
      ask(`describe${args.map((arg) => ` ${arg}`).join("")} (${name})`, "--describe", "--group", group, ...args)
    const describeAll = async (name: string) => {
      for (const view of ["--offsets", "--members", "--state"]) {
        await describe(name, view)
        await describe(name, view, "--verbose")
      }
    }
    const list = async (name: string) => {
      await ask(`list (${name})`, "--list")
      await ask(`list --state (${name})`, "--list", "--state")
      await ask(`list --state Stable (${name})`, "--list", "--state", "Stable")
      await ask(`list --state Empty (${name})`, "--list", "--state", "Empty")
      await ask(`list --type (${name})`, "--list", "--type")
      await ask(`list --type classic (${name})`, "--list", "--type", "classic")
      await ask(`list --type consumer --state (${name})`, "--list", "--type", "consumer", "--state")
      await step(`groups (${name})`, "kafka-groups", "--list")
      await step(`groups --consumer (${name})`, "kafka-groups", "--list", "--consumer")
      await step(`groups --share (${name})`, "kafka-groups", "--list", "--share")
      await step(`groups --group-type classic (${name})`, "kafka-groups", "--list", "--group-type", "classic")
      await step(`groups --protocol consumer (${name})`, "kafka-groups", "--list", "--protocol", "consumer")
    }
    const options = { bootstrap, topic, group, protocol }
    const first = await startVerifiable(options)
    const members = [first]
    try {
      const all = PARTITIONS * COUNT
      const consumed = () =>
        members.flatMap((one) => one.consumed).reduce((sum, { from, to }) => sum + to - from + 1, 0)
      await untilAll("one member", members, 60_000, () => first.owned().length === PARTITIONS && consumed() === all)
      members.push(await startVerifiable({ ...options, instanceId: "instance-2" }))
      const shared = () => members.every((one) => one.owned().length === PARTITIONS / 2)
      await untilAll("two members", members, 60_000, shared)
      await untilAll("commits", members, 10_000, () => first.commits() > 0)

      await list("two members")
      await describeAll("two members")
      await ask("describe --all-groups (two members)", "--describe", "--all-groups")
      const reset = (...args: ReadonlyArray<string>) => ["--reset-offsets", "--group", group, ...args]
      await ask("reset of a group with members", ...reset("--all-topics", "--to-earliest", "--execute"))
      await ask("delete a group with members", "--delete", "--group", group)
      await ask("delete offsets of a topic in use", "--delete-offsets", "--group", group, "--topic", topic)
      await ask("delete offsets of another topic", "--delete-offsets", "--group", group, "--topic", "nowhere")

      await Promise.all(members.map((one) => one.stop()))
      if (protocol === "classic") await ask("a static member stays", "--describe", "--group", group, "--members")
      await leave(target.bootstrap, group, protocol)
      await list("no members")
      await describeAll("no members")

      const resets: ReadonlyArray<readonly [string, ...ReadonlyArray<string>]> = [
        ["to-earliest", "--to-earliest"],
        ["to-latest", "--to-latest"],
        ["to-current", "--to-current"],
        ["to-offset", "--to-offset", "42"],
        ["to-offset beyond the end", "--to-offset", "4242"],
        ["shift-by forwards", "--shift-by", "7"],
        ["shift-by backwards", "--shift-by", "-11"],
        ["shift-by before the start", "--shift-by", "-1000"],
        ["to-datetime", "--to-datetime", "2026-01-01T00:30:30.000"],
        ["to-datetime after the end", "--to-datetime", "2026-03-01T00:00:00.000"],
        // Records are a minute apart: the tool has 55 s to ask.
        ["by-duration", "--by-duration", `PT${Math.floor((Date.now() - FIRST_TIMESTAMP) / 1000) - 50 * 60 - 5}S`]
      ]
      for (const [name, ...args] of resets) {
        await ask(`reset ${name} --dry-run`, ...reset("--all-topics", ...args, "--dry-run"))
        await ask(`reset ${name} --execute`, ...reset("--all-topics", ...args, "--execute"))
        await describe(`after reset ${name}`)
      }
      await ask("reset of some partitions", ...reset("--topic", `${topic}:1,3`, "--to-earliest", "--execute"))
      await ask("reset of a topic that is not there", ...reset("--topic", "nowhere", "--to-earliest", "--execute"))
      await ask("reset --export", ...reset("--all-topics", "--to-current", "--export", "--dry-run"))
      const file = join(folder, "offsets.csv")
      writeFileSync(file, `${topic},0,5\n${topic},1,10\n${topic},2,15\n${topic},3,20\n`)
      await ask("reset --from-file", ...reset("--from-file", file, "--execute"))
      await describe("after reset --from-file")
      const simple = ["--reset-offsets", "--group", idle, "--topic", topic, "--to-latest", "--execute"]
      await ask("reset of a group that is not there", ...simple)
      await ask("describe a simple group", "--describe", "--group", idle)
      await ask("describe a simple group --state", "--describe", "--group", idle, "--state")
      await list("two groups")
      await ask("describe --all-groups --state", "--describe", "--all-groups", "--state")

      await ask("delete offsets of a partition", "--delete-offsets", "--group", group, "--topic", `${topic}:0`)
      await describe("after a partition's offset was deleted")
      await ask("delete offsets", "--delete-offsets", "--group", group, "--topic", topic)
      await describe("after offsets were deleted")
      await ask("delete offsets of no group", "--delete-offsets", "--group", "nobody", "--topic", topic)
      await ask("delete", "--delete", "--group", group, "--group", idle)
      await ask("delete once more", "--delete", "--group", group)
      await describe("after it was deleted")
      await ask("describe --members of no group", "--describe", "--group", "nobody", "--members")
      await ask("describe --state of no group", "--describe", "--group", "nobody", "--state")
      await list("no groups")
      golden.finish()
    } finally {
      await Promise.all(members.map((one) => one.stop()))
      await shell.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  }
})

/** Removes the static member, which its consumer did not take along: by name, as an operator's tool does (KIP-345). */
const leave = async (bootstrap: string, groupId: string, protocol: GroupProtocol): Promise<void> =>
  withWire(bootstrap, async (wire) => {
    const members = [{ memberId: "", groupInstanceId: "instance-2", reason: "test" }]
    const left = await wire.call(LeaveGroup, 5, { groupId, members })
    const codes = [left.errorCode, ...left.members.map(({ errorCode }) => errorCode)]
    if (codes.some((code) => code !== 0)) throw new Error(`LeaveGroup of ${protocol} ${groupId}: ${codes.join(", ")}`)
  })
