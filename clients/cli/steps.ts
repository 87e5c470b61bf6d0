/** What `tusk` is told on each broker, one after the other. */

/** A command, and what of its answer differs from broker to broker by right. */
export interface Step {
  readonly args: ReadonlyArray<string>
  readonly stdin?: string
  /** The exit code that is due. */
  readonly exit?: number
  /** Left out of what is compared: keys of objects, entries of that name, or the whole output. */
  readonly ignore?: ReadonlyArray<string> | "all"
}

const numbers = Array.from({ length: 2000 }, (_, i) => `${i % 97}:value ${i} ${"x".repeat(i % 80)}\n`).join("")
const timed = Array.from(
  { length: 10 },
  (_, i) => `${JSON.stringify({ key: `k${i}`, value: `v${i}`, timestamp: 1000 * (i + 1) })}\n`
).join("")
const withHeaders =
  '{"key":null,"value":null,"headers":[{"key":"h","value":"1"},{"key":"n","value":null}],"timestamp":5}\n'

const json = (args: ReadonlyArray<string>, more: Omit<Step, "args"> = {}): Step => ({
  args: [...args, "--output", "json"],
  ...more
})

/** Ids of topics and members, and what only the broker's own kind has. */
const IDS = ["topicId", "memberId", "replicas", "isr", "leader"]

const topics: ReadonlyArray<Step> = [
  json(["topic", "create", "orders", "--partitions", "3", "--config", "retention.ms=-1"], { ignore: IDS }),
  json(["topic", "create", "one", "--partitions", "1", "--config", "retention.ms=-1"], { ignore: IDS }),
  json(["topic", "create", "orders"], { exit: 1 }),
  json(["topic", "create", "bad name"], { exit: 1 }),
  json(["topic", "create", "orders", "--if-not-exists"]),
  json(["topic", "create", "dry", "--partitions", "2", "--dry-run"], { ignore: IDS }),
  json(["topic", "create", "wrong", "--config", "retention.ms=soon"], { exit: 1 }),
  json(["topic", "list"]),
  json(["topic", "describe", "orders", "one"], { ignore: IDS }),
  json(["topic", "alter", "orders", "--partitions", "4", "--config", "max.message.bytes=500000"]),
  json(["topic", "alter", "orders", "--partitions", "2"], { exit: 1 }),
  json(["topic", "describe", "orders"], { ignore: IDS }),
  json(["topic", "describe", "nothing"], { exit: 1 })
]

const codecs = ["none", "gzip", "snappy", "lz4", "zstd"]

const records: ReadonlyArray<Step> = [
  ...codecs.flatMap((codec): ReadonlyArray<Step> => [
    { args: ["topic", "create", `codec-${codec}`, "--partitions", "1"], ignore: "all" },
    { args: ["produce", `codec-${codec}`, "--compression", codec, "--batch-size", "20000"], stdin: numbers },
    { args: ["consume", `codec-${codec}`, "--exit-at-end"] }
  ]),
  json(["produce", "orders", "--key-separator", ":"], { stdin: numbers }),
  json(["topic", "offsets", "orders"]),
  json(["produce", "one", "--json"], { stdin: timed }),
  json(["produce", "one", "--json", "--acks", "1"], { stdin: withHeaders }),
  json(["consume", "one", "--exit-at-end"]),
  json(["consume", "one", "--exit-at-end", "--isolation", "read_committed", "--encoding", "base64"]),
  { args: ["consume", "one", "--from", "3", "--max", "2", "--format", "%t %p %o %T %k %s %K %S %h\\n"] },
  { args: ["consume", "one", "--from", "@4500", "--max", "1"] },
  { args: ["consume", "one", "--from=-2", "--exit-at-end"] },
  ...["beginning", "latest", "4", "-3", "@3500", "@99999999", "max-timestamp"].map((at) =>
    json(["topic", "offsets", "one", `--at=${at}`])
  ),
  json(["topic", "delete-records", "one", "--before", "4"]),
  json(["topic", "offsets", "one"]),
  json(["topic", "delete-records", "one", "--partition", "7", "--before", "latest"], { exit: 1 }),
  { args: ["produce", "one", "--json"], stdin: '{"value":"x","partition":9}\n', exit: 1 },
  { args: ["consume", "nothing"], exit: 1 }
]

const groups: ReadonlyArray<Step> = [
  json(["group", "reset-offsets", "billing", "--topic", "orders", "--to-earliest"]),
  json(["group", "describe", "billing"], { exit: 1 }),
  json(["group", "reset-offsets", "billing", "--topic", "orders", "--to-earliest", "--execute"]),
  json(["group", "reset-offsets", "billing", "--topic", "orders:0,1", "--to-latest", "--execute"]),
  json(["group", "reset-offsets", "billing", "--all-topics", "--shift-by=-10", "--execute"]),
  json(["group", "reset-offsets", "billing", "--topic", "one", "--to-datetime", "1970-01-01T00:00:06Z", "--execute"]),
  json(["group", "reset-offsets", "billing", "--topic", "one", "--by-duration", "P1D"]),
  json(["group", "describe", "billing"]),
  json(["group", "list"]),
  json(["consume", "one", "--group", "reader", "--from", "beginning", "--max", "3"]),
  json(["group", "describe", "reader"]),
  json(["consume", "one", "--group", "reader", "--exit-at-end"]),
  json(["group", "describe", "reader"]),
  json(["group", "delete-offsets", "billing", "--topic", "orders:0"]),
  json(["group", "describe", "billing"]),
  json(["group", "delete", "billing", "nobody"], { exit: 1 }),
  json(["group", "list"])
]

const configs: ReadonlyArray<Step> = [
  json(["config", "describe", "topic", "orders"]),
  json(["config", "set", "topic", "orders", "retention.ms=1000", "cleanup.policy=compact"]),
  json(["config", "describe", "topic", "orders"]),
  json(["config", "unset", "topic", "orders", "retention.ms"]),
  json(["config", "describe", "topic", "orders"]),
  json(["config", "set", "topic", "orders", "retention.ms=soon"], { exit: 1 }),
  json(["config", "set", "group", "billing", "consumer.session.timeout.ms=50000"]),
  json(["config", "describe", "group", "billing"]),
  json(["config", "unset", "group", "billing", "consumer.session.timeout.ms"]),
  json(["config", "describe", "group", "billing"]),
  json(["config", "set", "broker", "all", "log.cleaner.threads=2"]),
  // Kafka itself sets min.insync.replicas for all brokers (KIP-966).
  json(["config", "describe", "broker", "all"], { ignore: ["min.insync.replicas"] }),
  json(["config", "unset", "broker", "all", "log.cleaner.threads"]),
  json(["topic", "delete", "orders", "one"]),
  json(["topic", "delete", "orders"], { exit: 1 })
]

const users: ReadonlyArray<Step> = [
  json(["user", "list"]),
  json(["user", "add", "alice"], { stdin: "one\n" }),
  json(["user", "add", "alice"], { stdin: "one\n", exit: 1 }),
  json(["user", "add", "bob", "--mechanism", "SCRAM-SHA-512", "--iterations", "8192"], { stdin: "two\n" }),
  json(["user", "add", "carol", "--iterations", "1"], { stdin: "three\n", exit: 2 }),
  json(["user", "add", "carol"], { exit: 1 }),
  json(["user", "list"]),
  json(["user", "passwd", "alice", "--iterations", "5000"], { stdin: "four\n" }),
  json(["user", "passwd", "nobody"], { stdin: "four\n", exit: 1 }),
  json(["user", "remove", "alice", "--mechanism", "SCRAM-SHA-256"]),
  json(["user", "list", "alice", "bob", "nobody"]),
  json(["user", "remove", "alice", "bob", "nobody"], { exit: 1 }),
  json(["user", "list"]),
  // Neither of the two has an authorizer here.
  json(["acl", "list"], { exit: 1 }),
  json(["acl", "add", "--allow", "User:alice", "--operation", "read", "--topic", "orders"], { exit: 1 }),
  json(["acl", "add", "--allow", "alice", "--operation", "read", "--topic", "orders"], { exit: 2 }),
  json(["acl", "remove"], { exit: 2 }),
  json(["acl", "remove", "--all"], { exit: 1 })
]

/** All of them. */
export const steps: ReadonlyArray<Step> = [...topics, ...records, ...groups, ...configs, ...users]
