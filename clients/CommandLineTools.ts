import { javaCommand, javaMissing, prepareJava } from "../bench/kafka/ApacheKafka.ts"
import { runOk } from "../bench/kafka/Program.ts"
import type { Client, Said } from "./Client.ts"
import { recordOf } from "./Client.ts"

const tools = {
  topics: "org.apache.kafka.tools.TopicCommand",
  producer: "org.apache.kafka.tools.ConsoleProducer",
  consumer: "org.apache.kafka.tools.consumer.ConsoleConsumer",
  groups: "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
  offsets: "org.apache.kafka.tools.GetOffsetShell",
  configs: "kafka.admin.ConfigCommand",
  versions: "org.apache.kafka.tools.BrokerApiVersionsCommand",
  cluster: "org.apache.kafka.tools.ClusterTool",
  logDirs: "org.apache.kafka.tools.LogDirsCommand"
} as const

/** `Partition:0 <tab> Offset:5 <tab> key <tab> value`, as the console consumer prints it. */
const parse = (line: string): Said | undefined => {
  const found = /^Partition:(\d+)\tOffset:(\d+)\t([^\t]*)\t(.*)$/.exec(line)
  if (found === null) return undefined
  const [, partition, offset, key = "", value = ""] = found
  return { kind: "record", partition: Number(partition), offset: BigInt(offset ?? "0"), key, value }
}

/** Rows of a table that a tool prints, as words, without its header. */
const rows = (text: string, header: string): ReadonlyArray<ReadonlyArray<string>> => {
  const lines = text.split("\n").map((line) => line.trim().split(/\s+/))
  const at = lines.findIndex((words) => words.includes(header))
  return at < 0 ? [] : lines.slice(at + 1).filter((words) => words.length > 1)
}

/** The tools of Apache Kafka's bin folder, by their main classes. */
export const commandLineTools: Client = {
  name: "Apache Kafka's command-line tools",
  prepare: async () => {
    const absent = await javaMissing()
    if (absent !== undefined) return absent
    const { classpath } = await prepareJava()
    const tool = async (name: keyof typeof tools, bootstrap: string, args: ReadonlyArray<string>, stdin = "") => {
      const command = javaCommand(classpath, tools[name], [...args, "--bootstrap-server", bootstrap])
      return (await runOk(command.file, command.args, { stdin })).stdout
    }
    const expect = (seen: string, wanted: RegExp, what: string) => {
      if (!wanted.test(seen)) throw new Error(`${what} printed: ${seen.trim()}`)
    }
    return {
      create: async (bootstrap, topic, partitions) => {
        await tool("topics", bootstrap, ["--create", "--topic", topic, "--partitions", `${partitions}`])
        const described = await tool("topics", bootstrap, ["--describe", "--topic", topic])
        expect(described, new RegExp(`PartitionCount: ${partitions}\\b`), "kafka-topics --describe")
        expect(await tool("topics", bootstrap, ["--list"]), new RegExp(`^${topic}$`, "m"), "kafka-topics --list")
      },
      produce: async (bootstrap, topic, from, count) => {
        const records = Array.from({ length: count }, (_, i) => recordOf(from + i))
        const stdin = records.map(({ key, value }) => `${key}\t${value}\n`).join("")
        const reader = ["--reader-property", "parse.key=true", "--reader-property", "key.separator=\t"]
        await tool("producer", bootstrap, ["--topic", topic, ...reader], stdin)
      },
      consume: (bootstrap, topic, group) => {
        const shown = ["print.partition", "print.offset", "print.key"]
        const formatter = shown.flatMap((name) => ["--formatter-property", `${name}=true`])
        const args = ["--bootstrap-server", bootstrap, "--topic", topic, "--group", group, "--from-beginning"]
        return javaCommand(classpath, tools.consumer, [...args, ...formatter])
      },
      parse,
      members: async (bootstrap, group) => {
        const text = await tool("groups", bootstrap, ["--describe", "--members", "--group", group]).catch(() => "")
        const owned = rows(text, "#PARTITIONS").map((words) => Number(words[4]))
        return {
          members: owned.filter((count) => count > 0).length,
          partitions: owned.reduce((all, one) => all + one, 0)
        }
      },
      admin: async (bootstrap, topic, group) => {
        const entity = ["--entity-type", "topics", "--entity-name", topic]
        await tool("configs", bootstrap, ["--alter", ...entity, "--add-config", "retention.ms=3600000"])
        const configs = await tool("configs", bootstrap, ["--describe", ...entity])
        expect(configs, /retention\.ms=3600000/, "kafka-configs --describe")
        await tool("configs", bootstrap, ["--alter", ...entity, "--delete-config", "retention.ms"])
        const ofGroup = ["--entity-type", "groups", "--entity-name", group]
        await tool("configs", bootstrap, ["--alter", ...ofGroup, "--add-config", "consumer.session.timeout.ms=50000"])
        // Without a name it asks which groups have configs.
        const groups = await tool("configs", bootstrap, ["--describe", "--entity-type", "groups"])
        expect(groups, /consumer\.session\.timeout\.ms=50000/, "kafka-configs --entity-type groups")
        await tool("configs", bootstrap, ["--alter", ...ofGroup, "--delete-config", "consumer.session.timeout.ms"])
        expect(await tool("versions", bootstrap, []), /Produce\(0\): 0 to /, "kafka-broker-api-versions")
        expect(await tool("cluster", bootstrap, ["cluster-id"]), /^Cluster ID: \S+$/m, "kafka-cluster cluster-id")
        expect(await tool("logDirs", bootstrap, ["--describe", "--topic-list", topic]), /"size":/, "kafka-log-dirs")
        const ends = (await tool("offsets", bootstrap, ["--topic", topic])).trim().split("\n")
        const described = rows(await tool("groups", bootstrap, ["--describe", "--group", group]), "CURRENT-OFFSET")
        const sum = (numbers: ReadonlyArray<string | undefined>) => numbers.reduce((all, one) => all + Number(one), 0)
        await tool("groups", bootstrap, [
          "--reset-offsets",
          "--to-earliest",
          "--topic",
          topic,
          "--group",
          group,
          "--execute"
        ])
        const reset = rows(await tool("groups", bootstrap, ["--describe", "--group", group]), "CURRENT-OFFSET")
        if (sum(reset.map((words) => words[3])) !== 0)
          throw new Error("kafka-consumer-groups --reset-offsets left offsets")
        expect(
          await tool("groups", bootstrap, ["--list"]),
          new RegExp(`^${group}$`, "m"),
          "kafka-consumer-groups --list"
        )
        await tool("groups", bootstrap, ["--delete", "--group", group])
        await tool("topics", bootstrap, ["--alter", "--topic", topic, "--partitions", "6"])
        await tool("topics", bootstrap, ["--delete", "--topic", topic])
        return {
          partitions: ends.length,
          end: sum(ends.map((line) => line.split(":")[2])),
          committed: sum(described.map((words) => words[3]))
        }
      }
    }
  }
}
