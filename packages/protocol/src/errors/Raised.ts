/**
 * The errors that Tusk raises, in order of their codes. Each says when it is raised; its code; whether a client may send the
 * same request again; and what the code says. An error that comes to be raised leaves `Unraised.ts` and gets its class
 * here: nothing else lists it.
 */
import { again, final } from "./define.ts"

/** A handler failed in an unforeseen way, or the store refuses a commit however often it is asked. */
export class UnknownServerError extends final("UnknownServerError", -1, "The broker failed in an unforeseen way.") {}
/** A read, or a deletion of records, names an offset outside the log. */
export class OffsetOutOfRange extends final("OffsetOutOfRange", 1, "The log has no such offset.") {}
/** A record batch or message has a wrong checksum, length or magic, or cannot be decompressed. */
export class CorruptMessage extends again("CorruptMessage", 2, "The record batch is damaged.") {}
/** A request names a topic or partition that is not there, or was deleted meanwhile. */
export class UnknownTopicOrPartition extends again("UnknownTopicOrPartition", 3, "No such topic or partition.") {}
/** Metadata tells of a partition with a leader that is no broker of the cluster. */
export class LeaderNotAvailable extends again("LeaderNotAvailable", 5, "The partition has no leader now.") {}
/** Another broker leads the partition, or took the cluster over; a read cannot be served yet. */
export class NotLeaderOrFollower extends again("NotLeaderOrFollower", 6, "Another broker leads the partition.") {}
/** A commit takes longer than the request may wait, or its outcome is not known. It may be stored. */
export class RequestTimedOut extends again("RequestTimedOut", 7, "The request was not done in time.") {}
/** A batch is larger than its topic takes, as sent or decompressed, or holds too many records. */
export class MessageTooLarge extends final("MessageTooLarge", 10, "The record batch is too large.") {}
/** OffsetCommit: an offset's metadata is longer than offset.metadata.max.bytes. */
export class OffsetMetadataTooLarge extends final("OffsetMetadataTooLarge", 12, "The metadata is too long.") {}
/** InitProducerId: the broker does not serve yet, so that no producer id can be given. */
export class CoordinatorLoadInProgress extends again("CoordinatorLoadInProgress", 14, "The coordinator loads.") {}
/** A group's request came while the broker does not serve, or its group was just removed. */
export class CoordinatorNotAvailable extends again("CoordinatorNotAvailable", 15, "There is no coordinator now.") {}
/** Another broker owns the group, or this one lost it before it could store a change. */
export class NotCoordinator extends again("NotCoordinator", 16, "Another broker is the coordinator.") {}
/** A topic's name is not one that Kafka allows, or the topic is internal. */
export class InvalidTopicException extends final("InvalidTopicException", 17, "Not a topic for clients' use.") {}
/** Produce: acks is not -1, 0 or 1. */
export class InvalidRequiredAcks extends final("InvalidRequiredAcks", 21, "acks has to be -1, 0 or 1.") {}
/** A classic member names a generation that is not the group's. */
export class IllegalGeneration extends final("IllegalGeneration", 22, "The generation is not the group's.") {}
/** A member's protocol type or protocols do not fit the group that it joins. */
export class InconsistentGroupProtocol extends final("InconsistentGroupProtocol", 23, "No protocol in common.") {}
/** A group id is empty or too long. */
export class InvalidGroupId extends final("InvalidGroupId", 24, "The group id may not be used.") {}
/** A request names a member that is not in the group. */
export class UnknownMemberId extends final("UnknownMemberId", 25, "The group has no such member.") {}
/** JoinGroup: the session timeout is outside group.min and group.max.session.timeout.ms. */
export class InvalidSessionTimeout extends final("InvalidSessionTimeout", 26, "The session timeout is out of range.") {}
/** A classic group rebalances: the member has to join again. */
export class RebalanceInProgress extends final("RebalanceInProgress", 27, "The group rebalances: join again.") {}
/** A topic may not be used so by the principal, be it there or not. */
export class TopicAuthorizationFailed extends final("TopicAuthorizationFailed", 29, "Topic authorization failed.") {}
/** A group may not be used so by the principal, be it there or not. */
export class GroupAuthorizationFailed extends final("GroupAuthorizationFailed", 30, "Group authorization failed.") {}
/** The principal may not do that to the cluster. */
export class ClusterAuthorizationFailed extends final(
  "ClusterAuthorizationFailed",
  31,
  "Cluster authorization failed."
) {}
/** A record's time is further from now than its topic allows, or marked as the broker's own. */
export class InvalidTimestamp extends final("InvalidTimestamp", 32, "The time of a record is out of range.") {}
/** SaslHandshake: the listener does not take the mechanism (KIP-43). */
export class UnsupportedSaslMechanism extends final("UnsupportedSaslMechanism", 33, "No such mechanism is enabled.") {}
/** A request has no place in a login, or a login's has none now (KIP-152). */
export class IllegalSaslState extends final("IllegalSaslState", 34, "A login takes no such request now.") {}
/** A request's version, or a protocol or kind of resource that it asks for, is not served. */
export class UnsupportedVersion extends final("UnsupportedVersion", 35, "This version is not served.") {}
/** CreateTopics: there is a topic of that name. */
export class TopicAlreadyExists extends final("TopicAlreadyExists", 36, "There is a topic of that name.") {}
/** A number of partitions is below 1, or not above the topic's own. */
export class InvalidPartitions extends final("InvalidPartitions", 37, "Not a possible number of partitions.") {}
/** CreateTopics: a replication factor is below 1, or above tusk.max.replication.factor. */
export class InvalidReplicationFactor extends final("InvalidReplicationFactor", 38, "No such replication factor.") {}
/** A manual assignment is not of all partitions, or names brokers that are not there. */
export class InvalidReplicaAssignment extends final("InvalidReplicaAssignment", 39, "No such replica assignment.") {}
/** A config's name is unknown, or its value is not one that it takes. */
export class InvalidConfig extends final("InvalidConfig", 40, "Unknown config, or a wrong value.") {}
/** The fields of a request contradict each other, or one holds what it may not. */
export class InvalidRequest extends final("InvalidRequest", 42, "The fields of the request make no sense together.") {}
/** A limit of this broker is reached: groups, partitions; or the topic's cleanup.policy or tusk.import forbids it. */
export class PolicyViolation extends final("PolicyViolation", 44, "A rule of the broker forbids it.") {}
/** Produce: a batch's sequence is neither the next one nor a repeated one, or an imported batch does not follow the log. */
export class OutOfOrderSequenceNumber extends final("OutOfOrderSequenceNumber", 45, "Not the next sequence.") {}
/** Produce: the log has the offsets of an imported batch already. */
export class DuplicateSequenceNumber extends final("DuplicateSequenceNumber", 46, "The log goes further.") {}
/** Produce: a newer epoch of the same producer id was seen. */
export class InvalidProducerEpoch extends final("InvalidProducerEpoch", 47, "The producer has a newer epoch.") {}
/** A transaction is to be ended or written to that is not open, or is of another state than the request goes by. */
export class InvalidTxnState extends final("InvalidTxnState", 48, "The transaction is not in such a state.") {}
/** A transactional id is not known, or its producer id is another one. */
export class InvalidProducerIdMapping extends final("InvalidProducerIdMapping", 49, "Not the id's producer id.") {}
/** InitProducerId: transaction.timeout.ms is not above 0, or is more than transaction.max.timeout.ms. */
export class InvalidTransactionTimeout extends final("InvalidTransactionTimeout", 50, "No such timeout is allowed.") {}
/** WriteTxnMarkers: a later coordinator has ended a transaction of the producer in the partition. */
export class TransactionCoordinatorFenced extends final("TransactionCoordinatorFenced", 52, "A newer one is known.") {}
/** A transactional id may not be used so by the principal; Produce: a transactional batch without one. */
export class TransactionalIdAuthorizationFailed extends final(
  "TransactionalIdAuthorizationFailed",
  53,
  "Transactional Id authorization failed."
) {}
/** DescribeAcls: the broker has no authorizer. */
export class SecurityDisabled extends final("SecurityDisabled", 54, "The broker has no authorizer.") {}
/** AddPartitionsToTxn: another partition of the request is not there, so that this one was not added either. */
export class OperationNotAttempted extends final("OperationNotAttempted", 55, "Another part of it was refused.") {}
/** The store cannot be reached, or a row of it cannot be read. Nothing was stored. */
export class KafkaStorageError extends again("KafkaStorageError", 56, "The storage cannot be used now.") {}
/** AlterReplicaLogDirs: the broker has no such directory. */
export class LogDirNotFound extends final("LogDirNotFound", 57, "There is no such log directory.") {}
/** SaslAuthenticate: who the client is was not shown (KIP-152). */
export class SaslAuthenticationFailed extends final("SaslAuthenticationFailed", 58, "The login has failed.") {}
/** A request about delegation tokens, of which there are none: delegation.token.secret.key is not set (KIP-48). */
export class DelegationTokenAuthDisabled extends final(
  "DelegationTokenAuthDisabled",
  61,
  "There are no delegation tokens here."
) {}
/** No delegation token has this HMAC. */
export class DelegationTokenNotFound extends final("DelegationTokenNotFound", 62, "There is no such token.") {}
/** A delegation token is renewed or expired by one who is neither its owner nor a renewer. */
export class DelegationTokenOwnerMismatch extends final(
  "DelegationTokenOwnerMismatch",
  63,
  "The token is another's, who has not named this renewer."
) {}
/** A request about delegation tokens, by one who did not log in, or did so by a token. */
export class DelegationTokenRequestNotAllowed extends final(
  "DelegationTokenRequestNotAllowed",
  64,
  "Tokens are for those who log in by something else."
) {}
/** CreateDelegationToken: the principal may not have tokens of this owner (KIP-373). */
export class DelegationTokenAuthorizationFailed extends final(
  "DelegationTokenAuthorizationFailed",
  65,
  "The owner's tokens may not be made so."
) {}
/** A delegation token is renewed, or its life shortened, after its end. */
export class DelegationTokenExpired extends final("DelegationTokenExpired", 66, "The token has expired.") {}
/** CreateDelegationToken: an owner or a renewer is no user. */
export class InvalidPrincipalType extends final("InvalidPrincipalType", 67, "Tokens are of users alone.") {}
/** A group that has members cannot be deleted, nor can its offsets be set. */
export class NonEmptyGroup extends final("NonEmptyGroup", 68, "The group has members.") {}
/** There is no such group, or it is of another kind. */
export class GroupIdNotFound extends final("GroupIdNotFound", 69, "There is no such group.") {}
/** Fetch: the session was never begun, or was dropped for another (KIP-227). */
export class FetchSessionIdNotFound extends again("FetchSessionIdNotFound", 70, "No such fetch session.") {}
/** Fetch: the session's epoch is not the next one (KIP-227). */
export class InvalidFetchSessionEpoch extends again("InvalidFetchSessionEpoch", 71, "Not the session's epoch.") {}
/** DeleteTopics: delete.topic.enable is false. */
export class TopicDeletionDisabled extends final("TopicDeletionDisabled", 73, "Topics may not be deleted.") {}
/** The request's leader epoch is older than the partition's (KIP-320). */
export class FencedLeaderEpoch extends again("FencedLeaderEpoch", 74, "The leader epoch is too old.") {}
/** The request's leader epoch is newer than any that this broker knows (KIP-320). */
export class UnknownLeaderEpoch extends again("UnknownLeaderEpoch", 75, "The leader epoch is too new.") {}
/** A batch's codec is unknown, or not one that the request's version may carry. */
export class UnsupportedCompressionType extends final("UnsupportedCompressionType", 76, "No such codec here.") {}
/** JoinGroup: a new member has to come again with the id that it gets here (KIP-394). */
export class MemberIdRequired extends final("MemberIdRequired", 79, "Join again with the id of this answer.") {}
/** ElectLeaders: the preferred leader of a partition is no broker that serves. */
export class PreferredLeaderNotAvailable extends again("PreferredLeaderNotAvailable", 80, "It does not serve now.") {}
/** A group takes no more members: group.max.size, or the size of their metadata. */
export class GroupMaxSizeReached extends final("GroupMaxSizeReached", 81, "The group takes no more members.") {}
/** Another member holds the group instance id now (KIP-345). */
export class FencedInstanceId extends final("FencedInstanceId", 82, "Another member has the instance id.") {}
/** ElectLeaders: no broker that could lead a partition serves. */
export class EligibleLeadersNotAvailable extends again("EligibleLeadersNotAvailable", 83, "Nobody can lead now.") {}
/** ElectLeaders: the partition has the leader that it should have. */
export class ElectionNotNeeded extends again("ElectionNotNeeded", 84, "The partition has its leader.") {}
/** AlterPartitionReassignments: what is to be cancelled is not under way. */
export class NoReassignmentInProgress extends final("NoReassignmentInProgress", 85, "Nothing is being moved.") {}
/** OffsetDelete: the group's members subscribe to the topic (KIP-496). */
export class GroupSubscribedToTopic extends final("GroupSubscribedToTopic", 86, "The group reads this topic.") {}
/** A batch or a record in it is malformed, or breaks a rule of its topic. */
export class InvalidRecord extends final("InvalidRecord", 87, "A record may not be stored as it is.") {}
/** OffsetFetch: a transaction is open that has an offset for the partition (KIP-447). */
export class UnstableOffsetCommit extends again("UnstableOffsetCommit", 88, "A transaction is to decide of it.") {}
/** GetTelemetrySubscriptions, PushTelemetry: the client asks or pushes before its interval is over (KIP-714). */
export class ThrottlingQuotaExceeded extends again("ThrottlingQuotaExceeded", 89, "Too soon: wait, then ask again.") {}
/** A newer producer of the same transactional id has taken over, or a failover may have lost what this one did. */
export class ProducerFenced extends final("ProducerFenced", 90, "A newer producer has the transactional id.") {}
/** DescribeUserScramCredentials, AlterUserScramCredentials: the user has no credentials here. */
export class ResourceNotFound extends final("ResourceNotFound", 91, "There is no such resource.") {}
/** DescribeUserScramCredentials, AlterUserScramCredentials: a user is named twice. */
export class DuplicateResource extends final("DuplicateResource", 92, "A resource is named twice.") {}
/** AlterUserScramCredentials: a password may not be kept so (KIP-554). */
export class UnacceptableCredential extends final("UnacceptableCredential", 93, "The credential is not allowed.") {}
/** UpdateFeatures: a feature cannot have this level. */
export class InvalidUpdateVersion extends final("InvalidUpdateVersion", 95, "A feature cannot have this level.") {}
/** A request names a topic id that no topic has, or had until it was deleted (KIP-516). */
export class UnknownTopicId extends again("UnknownTopicId", 100, "No topic has this id.") {}
/** UnregisterBroker: there is no such broker. */
export class BrokerIdNotRegistered extends final("BrokerIdNotRegistered", 102, "There is no such broker.") {}
/** Fetch: the topic of the session's name has another id now (KIP-516). */
export class InconsistentTopicId extends again("InconsistentTopicId", 103, "The topic has another id now.") {}
/** AddRaftVoter, RemoveRaftVoter: the request names another cluster. */
export class InconsistentClusterId extends final("InconsistentClusterId", 104, "This is another cluster.") {}
/** DescribeTransactions: there is no such transactional id. */
export class TransactionalIdNotFound extends final("TransactionalIdNotFound", 105, "No such transactional id.") {}
/** Fetch: a session that began with names goes on with ids, or the other way (KIP-516). */
export class FetchSessionTopicIdError extends again("FetchSessionTopicIdError", 106, "Names and ids are mixed.") {}
/** A member's epoch is not the one that the coordinator gave it (KIP-848). */
export class FencedMemberEpoch extends final("FencedMemberEpoch", 110, "Not the member's epoch: join again.") {}
/** ConsumerGroupHeartbeat: another member holds the instance id, and has not left (KIP-848). */
export class UnreleasedInstanceId extends final("UnreleasedInstanceId", 111, "The instance id is taken.") {}
/** ConsumerGroupHeartbeat: the server assignor is none of group.consumer.assignors (KIP-848). */
export class UnsupportedAssignor extends final("UnsupportedAssignor", 112, "There is no such assignor.") {}
/** OffsetCommit or OffsetFetch: the member's epoch is not its current one (KIP-848). */
export class StaleMemberEpoch extends final("StaleMemberEpoch", 113, "Not the member's current epoch.") {}
/** DescribeCluster: controllers are asked for on a broker's listener (KIP-919). */
export class MismatchedEndpointType extends final("MismatchedEndpointType", 114, "Wrong type of listener.") {}
/** DescribeCluster: the endpoint type is unknown (KIP-919). */
export class UnsupportedEndpointType extends final("UnsupportedEndpointType", 115, "No such endpoint type.") {}
/** PushTelemetry: the client does not go by its subscription as it is now (KIP-714). */
export class UnknownSubscriptionId extends final("UnknownSubscriptionId", 117, "Ask for the subscription again.") {}
/** PushTelemetry: the metrics are larger than telemetry.max.bytes (KIP-714). */
export class TelemetryTooLarge extends final("TelemetryTooLarge", 118, "The metrics are too large.") {}
/** A partition or group is not part of the producer's transaction, which has to be aborted (KIP-890). */
export class TransactionAbortable extends final("TransactionAbortable", 120, "Abort the transaction, and go on.") {}
/** A share consumer acknowledges a record that it does not hold (KIP-932). */
export class InvalidRecordState extends final("InvalidRecordState", 121, "The member does not hold the record.") {}
/** ShareFetch or ShareAcknowledge: the session is not there (KIP-932). */
export class ShareSessionNotFound extends again("ShareSessionNotFound", 122, "There is no such share session.") {}
/** ShareFetch or ShareAcknowledge: the session's epoch is not the next one (KIP-932). */
export class InvalidShareSessionEpoch extends again("InvalidShareSessionEpoch", 123, "Not the session's epoch.") {}
/** ConsumerGroupHeartbeat: the subscribed regex is too long, or is none (KIP-848). */
export class InvalidRegularExpression extends final("InvalidRegularExpression", 128, "Not a valid expression.") {}
/** StreamsGroupHeartbeat: the topology names topics or subtopologies that cannot be (KIP-1071). */
export class StreamsInvalidTopology extends final("StreamsInvalidTopology", 130, "The topology is not valid.") {}
/** ShareFetch: there are as many share sessions as the broker takes (KIP-932). */
export class ShareSessionLimitReached extends again("ShareSessionLimitReached", 133, "Too many share sessions.") {}
