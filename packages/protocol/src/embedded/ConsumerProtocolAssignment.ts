import { array, bytes, field, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"
import { messageCodec } from "../codec/MessageCodec.ts"

/** Partitions of one topic, by number. */
export const AssignmentTopicPartition = struct("TopicPartition", {
  topic: field(string),
  partitions: field(array(int32))
})
export interface AssignmentTopicPartition extends Value<typeof AssignmentTopicPartition> {}

/** An assignment: partitions by topic, and bytes of the assignor's own. */
export const ConsumerProtocolAssignmentData = struct("ConsumerProtocolAssignment", {
  assignedPartitions: field(array(AssignmentTopicPartition)),
  userData: nullable(bytes, "0+", "0+", { default: null })
})
export interface ConsumerProtocolAssignmentData extends Value<typeof ConsumerProtocolAssignmentData> {}

/** What the leader of a classic group assigns to one consumer in SyncGroup, behind an int16 version; all alike. */
export const ConsumerProtocolAssignment = messageCodec(ConsumerProtocolAssignmentData, {
  versions: "0-3",
  flexible: "none"
})
