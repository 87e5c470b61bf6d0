import { spawn } from "node:child_process"
import { javaCommand, prepareJava } from "../../bench/kafka/ApacheKafka.ts"
import { tail, terminate } from "../../bench/kafka/Program.ts"

/** Main classes of Apache Kafka's command-line tools. */
export const tools = {
  "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
  "kafka-groups": "org.apache.kafka.tools.GroupsCommand",
  "kafka-share-groups": "org.apache.kafka.tools.consumer.group.ShareGroupCommand",
  "kafka-streams-groups": "org.apache.kafka.tools.streams.StreamsGroupCommand",
  "kafka-configs": "kafka.admin.ConfigCommand",
  "kafka-topics": "org.apache.kafka.tools.TopicCommand",
  "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
  "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
  "kafka-broker-api-versions": "org.apache.kafka.tools.BrokerApiVersionsCommand",
  "kafka-features": "org.apache.kafka.tools.FeatureCommand",
  "kafka-metadata-quorum": "org.apache.kafka.tools.MetadataQuorumCommand",
  "kafka-client-metrics": "org.apache.kafka.tools.ClientMetricsCommand",
  "kafka-reassign-partitions": "org.apache.kafka.tools.reassign.ReassignPartitionsCommand",
  "kafka-leader-election": "org.apache.kafka.tools.LeaderElectionCommand",
  "kafka-log-dirs": "org.apache.kafka.tools.LogDirsCommand",
  "kafka-acls": "org.apache.kafka.tools.AclCommand",
  "kafka-delegation-tokens": "org.apache.kafka.tools.DelegationTokenCommand",
  "kafka-cluster": "org.apache.kafka.tools.ClusterTool"
} as const

export interface ToolShell {
  /** Runs a tool with `--bootstrap-server` in front, or where it takes it; resolves with what it printed and its exit code. */
  readonly run: (
    tool: keyof typeof tools,
    args: ReadonlyArray<string>
  ) => Promise<{ readonly text: string; readonly code: number }>
  readonly stop: () => Promise<void>
}

/** One Java machine for all the calls of a check: a start costs more than most of the tools. */
export const startToolShell = async (bootstrap: string): Promise<ToolShell> => {
  const { classpath } = await prepareJava()
  const { file, args } = javaCommand(classpath, "tusk.clients.ToolShell", [])
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "pipe"] })
  let text = ""
  let log = ""
  let answer: PromiseWithResolvers<{ readonly text: string; readonly code: number }> | undefined
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => (log = (log + chunk).slice(-8192)))
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk
    const end = /\n\f(\d+)\n$/.exec(text)
    if (end === null) return
    const finished = { text: text.slice(0, end.index), code: Number(end[1]) }
    text = ""
    answer?.resolve(finished)
  })
  child.on("close", () => answer?.reject(new Error(`the Java machine of the tools ended: ${tail(log)}`)))
  return {
    run: (tool, words) => {
      answer = Promise.withResolvers()
      const server = ["--bootstrap-server", bootstrap]
      // The option is one of this tool's commands.
      const args = tool === "kafka-cluster" ? [...words, ...server] : [...server, ...words]
      child.stdin.write(`${[tools[tool], ...args].join("\t")}\n`)
      return answer.promise
    },
    stop: async () => {
      answer = undefined
      await terminate(child)
    }
  }
}
