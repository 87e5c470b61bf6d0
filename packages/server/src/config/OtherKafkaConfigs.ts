/** Names that stand in a server.properties and that Apache Kafka 4.3.1 does not define: those of Kafka 2 and 3, and of plug-ins. */
const former: ReadonlySet<string> = new Set([
  "auto.include.jmx.reporter",
  "broker.id.generation.enable",
  "control.plane.listener.name",
  "controlled.shutdown.max.retries",
  "controlled.shutdown.retry.backoff.ms",
  "delegation.token.master.key",
  "group.coordinator.new.enable",
  "inter.broker.protocol.version",
  "log.message.downconversion.enable",
  "log.message.format.version",
  "log.message.timestamp.difference.max.ms",
  "offsets.commit.required.acks",
  "quota.consumer.default",
  "quota.producer.default",
  "reserved.broker.max.id"
])

/** ZooKeeper's, and those that Kafka hands on to plug-ins. */
const prefixes = ["config.providers.", "confluent.", "password.encoder.", "rlmm.config.", "rsm.config.", "zookeeper."]

/** Whether a name is a setting of some other Kafka: it means nothing here, and is no slip of the pen. */
export const isOfAnotherKafka = (name: string): boolean =>
  former.has(name) || prefixes.some((prefix) => name.startsWith(prefix))
