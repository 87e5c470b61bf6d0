/** Where Tusk answers otherwise than Apache Kafka on purpose. */

/** Places of answers that differ, and why; one of which nothing differs any more must not stand here. */
export interface Difference {
  /** Matches `API VERSION[, WHAT] by PRINCIPAL`. */
  readonly of: RegExp
  /** Matches the place in the answer: `results[].errorCode`; empty for an answer that is none. */
  readonly at: RegExp
  readonly why: string
  /** Only on this kind of storage. */
  readonly on?: "memory" | "tusk"
}

export const DIFFERENCES: ReadonlyArray<Difference> = [
  {
    of: /^ApiVersions/,
    at: /^(?:apiKeys|supportedFeatures|finalizedFeatures)/,
    why: "Tusk serves older versions, none of those that only brokers send, and its own levels of features"
  },
  {
    of: /^CreateTopics [567]/,
    at: /^topics\[\]\.configs\[\]\.configSource$/,
    why: "Kafka's eligible leader replicas make min.insync.replicas a dynamic default; there are none here"
  },
  {
    of: /^DescribeConfigs/,
    at: /^results\[\]\.configs\[\]\.(?:configSource|synonyms.*)$/,
    why: "min.insync.replicas, as of CreateTopics; and synonyms name what this broker has"
  },
  {
    of: /^DescribeConfigs [34]/,
    at: /^results\[\]\.configs\[\]\.documentation$/,
    why: "configs are explained in words of our own"
  },
  {
    of: /^DescribeConfigs \d, of many/,
    at: /^results\[\]\.configs\[\]\.value$/,
    why: "the level of the root logger is what each of the two was started with"
  },
  {
    of: /^DescribeLogDirs [45]/,
    at: /^results\[\]\.(?:totalBytes|usableBytes)$/,
    why: "the disk is the database's"
  },
  {
    of: /^ShareGroupHeartbeat 1, subscribing/,
    at: /^(?:memberEpoch|assignment\.topicPartitions)$/,
    why: "Kafka assigns a partition once its share coordinator has set it up; here there is nothing to set up"
  },
  {
    of: /^ShareFetch/,
    at: /^responses$/,
    why: "Kafka answers before it has read the state of the share partition; here a group without members has none"
  },
  {
    of: /^ShareFetch \d, of many by (?:super|allowed)$/,
    at: /^responses\[\]\.partitions\[\]\.(?:errorCode|currentLeader\..*)$/,
    why: "Kafka fails to set up a share partition of a group without members; and where no leader is told it says 0, a node's id"
  },
  {
    of: /^AlterShareGroupOffsets 0, of many by allowed$/,
    at: /^responses\[\]\.topicId$/,
    why: "the id of a topic is not told to who may not know of it"
  },
  {
    of: /^DescribeQuorum 2/,
    at: /^nodes\[\]\.listeners\[\]\.name$/,
    why: "there is no quorum: controllers are reached as brokers are"
  },
  {
    of: /^AddRaftVoter/,
    at: /^error(?:Code|Message)$/,
    why: "there is no quorum, and no listener of its own that a voter would have to have"
  }
]
