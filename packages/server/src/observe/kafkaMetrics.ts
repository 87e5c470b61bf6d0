import { gauge } from "./MetricDefinition.ts"

const PARTITION = ["topic", "partition"]
const OF_GROUP = ["consumergroup", "topic"]

/** Of topics and groups, by the names, labels and help texts of kafka_exporter (danielqsj/kafka_exporter). */
export const kafkaMetrics = {
  brokers: gauge("kafka_brokers", [], "Number of Brokers in the Kafka Cluster."),
  brokerInfo: gauge("kafka_broker_info", ["id", "address"], "Information about the Kafka Broker."),
  partitions: gauge("kafka_topic_partitions", ["topic"], "Number of partitions for this Topic"),
  currentOffset: gauge(
    "kafka_topic_partition_current_offset",
    PARTITION,
    "Current Offset of a Broker at Topic/Partition"
  ),
  oldestOffset: gauge("kafka_topic_partition_oldest_offset", PARTITION, "Oldest Offset of a Broker at Topic/Partition"),
  leader: gauge("kafka_topic_partition_leader", PARTITION, "Leader Broker ID of this Topic/Partition"),
  replicas: gauge("kafka_topic_partition_replicas", PARTITION, "Number of Replicas for this Topic/Partition"),
  inSyncReplica: gauge(
    "kafka_topic_partition_in_sync_replica",
    PARTITION,
    "Number of In-Sync Replicas for this Topic/Partition"
  ),
  leaderIsPreferred: gauge(
    "kafka_topic_partition_leader_is_preferred",
    PARTITION,
    "1 if Topic/Partition is using the Preferred Broker"
  ),
  underReplicated: gauge(
    "kafka_topic_partition_under_replicated_partition",
    PARTITION,
    "1 if Topic/Partition is under Replicated"
  ),
  groupCurrentOffset: gauge(
    "kafka_consumergroup_current_offset",
    [...OF_GROUP, "partition"],
    "Current Offset of a ConsumerGroup at Topic/Partition"
  ),
  groupCurrentOffsetSum: gauge(
    "kafka_consumergroup_current_offset_sum",
    OF_GROUP,
    "Current Offset of a ConsumerGroup at Topic for all partitions"
  ),
  groupLag: gauge(
    "kafka_consumergroup_lag",
    [...OF_GROUP, "partition"],
    "Current Approximate Lag of a ConsumerGroup at Topic/Partition"
  ),
  groupLagSum: gauge(
    "kafka_consumergroup_lag_sum",
    OF_GROUP,
    "Current Approximate Lag of a ConsumerGroup at Topic for all partitions"
  ),
  groupMembers: gauge("kafka_consumergroup_members", ["consumergroup"], "Amount of members in a consumer group")
}
