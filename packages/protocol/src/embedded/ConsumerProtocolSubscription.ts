import { array, bytes, field, int32, nullable, string, struct, type Value } from "../codec/Declare.ts"
import { messageCodec } from "../codec/MessageCodec.ts"

/** Partitions of one topic, by number. */
export const SubscriptionTopicPartition = struct("TopicPartition", {
  topic: field(string, "1+"),
  partitions: field(array(int32), "1+")
})
export interface SubscriptionTopicPartition extends Value<typeof SubscriptionTopicPartition> {}

/** A subscription: topics by name, and what the consumer owned before. */
export const ConsumerProtocolSubscriptionData = struct("ConsumerProtocolSubscription", {
  topics: field(array(string)),
  userData: nullable(bytes, "0+", "0+", { default: null }),
  ownedPartitions: field(array(SubscriptionTopicPartition), "1+", { ignorable: true }),
  generationId: field(int32, "2+", { default: -1, ignorable: true }),
  rackId: nullable(string, "3+", "3+", { default: null, ignorable: true })
})
export interface ConsumerProtocolSubscriptionData extends Value<typeof ConsumerProtocolSubscriptionData> {}

/**
 * What a consumer of a classic group says of itself in JoinGroup's metadata, behind an int16 version.
 *
 * Version 1 brought the partitions it still owns (KIP-429), 2 its generation (KIP-792), 3 its rack (KIP-881).
 */
export const ConsumerProtocolSubscription = messageCodec(ConsumerProtocolSubscriptionData, {
  versions: "0-3",
  flexible: "none"
})
