/** APIs that Apache Kafka tells of and Tusk does not, and why; all others are to be served to their highest version. */
export const NOT_SERVED: ReadonlyMap<string, string> = new Map([
  ...["SaslHandshake", "SaslAuthenticate", "AlterUserScramCredentials"].map((name) => [name, "security"] as const),
  ...[
    "InitializeShareGroupState",
    "ReadShareGroupState",
    "WriteShareGroupState",
    "DeleteShareGroupState",
    "ReadShareGroupStateSummary"
  ].map((name) => [name, "only brokers send it"] as const)
])

const oneLevel = "a feature has the one level that the code has, so that no other is supported"
const noDowngrade =
  "a protocol that is always served cannot be switched off, so that the refusal is Kafka's for a level it lacks"
const noLog = "metadata are rows in Postgres: no log of them has an offset, and clients' listeners are the controller's"

/** Where Tusk answers otherwise than Apache Kafka on purpose, by the step: why. A step that is alike must not stand here. */
export const DIFFERENCES: ReadonlyMap<string, string> = new Map([
  [
    "kafka-features describe",
    `${oneLevel}; kraft.version and eligible.leader.replicas.version are of what is not here`
  ],
  ["kafka-features describe --node-id 1", oneLevel],
  ["kafka-features upgrade --feature group.version=9", oneLevel],
  ["kafka-features upgrade --feature metadata.version=99", oneLevel],
  ["kafka-features upgrade --feature kraft.version=9 --dry-run", "there is no quorum, so that it is no feature here"],
  ["kafka-features downgrade --feature transaction.version=3 --dry-run", oneLevel],
  ["kafka-features downgrade --feature group.version=0 --dry-run", noDowngrade],
  ["kafka-features downgrade --feature metadata.version=7 --dry-run", noDowngrade],
  ["kafka-features disable --feature streams.version --dry-run", noDowngrade],
  ["kafka-metadata-quorum describe --status", noLog],
  ["kafka-metadata-quorum describe --replication", noLog],
  ["kafka-metadata-quorum describe --replication --human-readable", noLog],
  [
    "kafka-configs --entity-type broker-loggers --entity-name 1 --describe",
    "loggers are areas of Tusk's code, not classes of Kafka's"
  ],
  [
    "tiers: kafka-configs --describe --topic tiered",
    "the default that would hold is told as a synonym, where Apache Kafka tells none"
  ]
])
