import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { QUOTA_LINES } from "./QuotaSteps.ts"
import type { tools } from "../groups/ToolShell.ts"

/** One call of a tool; all are made in this order, on each broker. */
export interface ToolStep {
  readonly tool: keyof typeof tools
  readonly args: ReadonlyArray<string>
}

/** What a step needs to know of the broker. */
export interface World {
  /** Of files that the tools read; the same for all brokers. */
  readonly folder: string
  readonly logDir: string
}

export const TOPICS: ReadonlyMap<string, number> = new Map([
  ["orders", 3],
  ["payments", 1]
])

const VOTER = "AAECAwQFBgcICQoLDA0ODw"

const steps = (tool: keyof typeof tools, lines: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<ToolStep> =>
  lines.map((args) => ({ tool, args }))

const features = steps("kafka-features", [
  ["describe"],
  ["describe", "--node-id", "1"],
  ["describe", "--node-id", "-1"],
  ["upgrade"],
  ["upgrade", "--feature", "group.version=1"],
  ["upgrade", "--feature", "group.version=1", "--feature", "transaction.version=2", "--dry-run"],
  ["upgrade", "--feature", "nope.version=1"],
  ["upgrade", "--feature", "nope.version=0"],
  ["upgrade", "--feature", "group.version=9"],
  ["upgrade", "--feature", "group.version=-1"],
  ["upgrade", "--feature", "group.version"],
  ["upgrade", "--feature", "metadata.version=30"],
  ["upgrade", "--feature", "metadata.version=99"],
  ["upgrade", "--feature", "kraft.version=9", "--dry-run"],
  ["upgrade", "--feature", "kraft.version=0"],
  ["upgrade", "--release-version", "9.9"],
  ["downgrade", "--feature", "group.version=1"],
  ["downgrade", "--feature", "transaction.version=3", "--dry-run"],
  ["downgrade", "--feature", "group.version=0", "--dry-run"],
  ["downgrade", "--feature", "metadata.version=7", "--dry-run"],
  ["disable", "--feature", "streams.version", "--dry-run"],
  ["disable", "--feature", "nope.version", "--dry-run"],
  ["version-mapping"],
  ["feature-dependencies", "--feature", "group.version=1"]
])

const quorum = ({ folder }: World) =>
  steps("kafka-metadata-quorum", [
    ["describe", "--status"],
    ["describe", "--replication"],
    ["describe", "--replication", "--human-readable"],
    ["describe"],
    ["--command-config", join(folder, "controller.properties"), "add-controller"],
    ["--command-config", join(folder, "controller.properties"), "add-controller", "--dry-run"],
    ["remove-controller", "--controller-id", "1", "--controller-directory-id", VOTER],
    ["remove-controller", "--controller-id", "1", "--controller-directory-id", VOTER, "--dry-run"],
    ["remove-controller", "--controller-id", "-1", "--controller-directory-id", VOTER]
  ])

const alter = (...args: ReadonlyArray<string>) => ["--alter", "--name", "sub", ...args]
const ofMetrics = (...args: ReadonlyArray<string>) => ["--entity-type", "client-metrics", ...args]
const clientMetrics = [
  ...steps("kafka-client-metrics", [
    ["--list"],
    ["--describe"],
    ["--describe", "--name", "nobody"],
    alter("--metrics", "org.apache.kafka.producer.,org.apache.kafka.consumer.", "--interval", "10000"),
    ["--describe", "--name", "sub"],
    alter("--match", "client_id=app.*,client_software_name=apache-kafka-java"),
    ["--alter", "--name", "other", "--metrics", "*"],
    ["--list"],
    ["--describe"],
    alter("--interval", "50"),
    alter("--interval", "3600001"),
    alter("--interval", "soon"),
    alter("--match", "colour=red"),
    alter("--match", "client_id"),
    alter("--match", "client_id=a=b"),
    alter("--match", "client_id=["),
    alter("--match", "client_id="),
    alter("--metrics", "a,a"),
    alter("--metrics", "a,,b"),
    alter("--metrics", ""),
    ["--describe", "--name", "sub"],
    alter("--metrics", "", "--interval", "", "--match", ""),
    ["--list"],
    ["--delete", "--name", "other"],
    ["--delete", "--name", "nobody"],
    ["--list"]
  ]),
  ...steps("kafka-configs", [
    ofMetrics("--alter", "--entity-name", "third", "--add-config", "interval.ms=5000,match=[client_id=a]"),
    ofMetrics("--describe", "--entity-name", "third"),
    ofMetrics("--describe", "--entity-name", "third", "--all"),
    ofMetrics("--describe"),
    ofMetrics("--alter", "--entity-name", "third", "--add-config", "nope=1"),
    ofMetrics("--alter", "--entity-name", "third", "--delete-config", "nope"),
    ofMetrics("--alter", "--entity-name", "third", "--delete-config", "interval.ms"),
    ofMetrics("--describe", "--entity-name", "third"),
    ofMetrics("--alter", "--entity-name", "third", "--delete-config", "match"),
    ofMetrics("--describe")
  ])
]

const ofLogger = (...args: ReadonlyArray<string>) => ["--entity-type", "broker-loggers", "--entity-name", "1", ...args]
const loggers = steps("kafka-configs", [
  ofLogger("--describe"),
  ofLogger("--alter", "--add-config", "root=ERROR"),
  ofLogger("--alter", "--add-config", "root=LOUD"),
  ofLogger("--alter", "--add-config", "root=info"),
  ofLogger("--alter", "--add-config", "nope=DEBUG"),
  ofLogger("--alter", "--delete-config", "root"),
  ofLogger("--alter", "--delete-config", "nope"),
  ofLogger("--alter", "--add-config", "root=INFO"),
  ["--describe", "--entity-type", "broker-loggers"]
])

const REASSIGNMENTS: Readonly<Record<string, string>> = {
  same: '{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1],"log_dirs":["any"]}]}',
  all: '{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1]},{"topic":"payments","partition":0,"replicas":[1]}]}',
  stranger: '{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[2]}]}',
  twice: '{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1,1]}]}',
  empty: '{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[]}]}',
  nowhere: '{"version":1,"partitions":[{"topic":"nowhere","partition":0,"replicas":[1]}]}',
  beyond: '{"version":1,"partitions":[{"topic":"orders","partition":7,"replicas":[1]}]}',
  elsewhere:
    '{"version":1,"partitions":[{"topic":"orders","partition":0,"replicas":[1],"log_dirs":["/no/such/directory"]}]}',
  broken: '{"version":1,"partitions":'
}

const reassign = ({ folder }: World) => {
  const file = (name: string) => ["--reassignment-json-file", join(folder, `${name}.json`)]
  const generate = (brokers: string) => [
    "--generate",
    "--topics-to-move-json-file",
    join(folder, "topics.json"),
    "--broker-list",
    brokers
  ]
  return steps("kafka-reassign-partitions", [
    ["--list"],
    generate("1"),
    generate("1,2"),
    generate("x"),
    ...Object.keys(REASSIGNMENTS).map((name) => ["--execute", ...file(name)]),
    ["--execute", "--throttle", "1000000", ...file("same")],
    ["--execute", "--additional", ...file("all")],
    ["--execute", "--disallow-replication-factor-change", ...file("same")],
    ...["same", "all", "nowhere"].map((name) => ["--verify", ...file(name)]),
    ["--verify", "--preserve-throttles", ...file("all")],
    ["--cancel", ...file("same")],
    ["--list"]
  ])
}

const ELECTIONS: Readonly<Record<string, string>> = {
  election: '{"partitions":[{"topic":"orders","partition":1},{"topic":"payments","partition":0}]}',
  elections: '{"partitions":[{"topic":"orders","partition":0},{"topic":"nowhere","partition":0}]}',
  noElection: '{"partitions":[]}'
}

const elect = ({ folder }: World) =>
  steps("kafka-leader-election", [
    ["--election-type", "preferred", "--all-topic-partitions"],
    ["--election-type", "unclean", "--all-topic-partitions"],
    ["--election-type", "preferred", "--topic", "orders", "--partition", "0"],
    ["--election-type", "unclean", "--topic", "orders", "--partition", "0"],
    ["--election-type", "preferred", "--topic", "nowhere", "--partition", "0"],
    ["--election-type", "preferred", "--topic", "orders", "--partition", "9"],
    ["--election-type", "cheerful", "--all-topic-partitions"],
    ["--election-type", "preferred", "--topic", "orders"],
    ...Object.keys(ELECTIONS).map((name) => [
      "--election-type",
      "preferred",
      "--path-to-json-file",
      join(folder, `${name}.json`)
    ])
  ])

const logDirs = steps("kafka-log-dirs", [
  ["--describe", "--topic-list", "orders"],
  ["--describe", "--topic-list", "orders,payments", "--broker-list", "1"],
  ["--describe", "--topic-list", "nowhere"],
  ["--describe", "--topic-list", "orders", "--broker-list", "9"]
])

const cluster = steps("kafka-cluster", [
  ["cluster-id"],
  ["list-endpoints"],
  ["list-endpoints", "--include-fenced-brokers"],
  ["unregister", "--id", "9"]
])

/** All of them. */
export const toolSteps = (world: World): ReadonlyArray<ToolStep> => [
  { tool: "kafka-broker-api-versions", args: [] },
  ...features,
  ...quorum(world),
  ...clientMetrics,
  ...loggers,
  ...steps("kafka-configs", QUOTA_LINES),
  ...reassign(world),
  ...elect(world),
  ...logDirs,
  ...cluster
]

/** The files that the tools read. */
export const writeFiles = (folder: string): void => {
  for (const [name, text] of Object.entries({ ...REASSIGNMENTS, ...ELECTIONS })) {
    writeFileSync(join(folder, `${name}.json`), text)
  }
  writeFileSync(join(folder, "topics.json"), '{"version":1,"topics":[{"topic":"orders"},{"topic":"payments"}]}')
  const metadata = join(folder, "metadata")
  mkdirSync(metadata)
  writeFileSync(join(metadata, "meta.properties"), `version=1\nnode.id=7\ncluster.id=x\ndirectory.id=${VOTER}\n`)
  const controller = {
    "process.roles": "controller",
    "node.id": "7",
    "controller.listener.names": "CONTROLLER",
    listeners: "CONTROLLER://127.0.0.1:19093",
    "advertised.listeners": "CONTROLLER://127.0.0.1:19093",
    "controller.quorum.bootstrap.servers": "127.0.0.1:19093",
    "metadata.log.dir": metadata
  }
  const lines = Object.entries(controller).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(join(folder, "controller.properties"), lines.join(""))
}
