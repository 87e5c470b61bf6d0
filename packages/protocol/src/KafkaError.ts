import * as Data from "effect/Data"

/** One record of a batch, by its place in it. */
export interface RecordError {
  readonly index: number
  readonly message: string
}

/** Details an error may carry: a text for APIs whose answer has an error message, and what led to it. */
export interface ErrorDetails {
  readonly message?: string
  /** Of records refused with their batch: which, and why (KIP-467). */
  readonly recordErrors?: ReadonlyArray<RecordError>
  readonly cause?: unknown
}

/**
 * An answer of Kafka's, as a value. They are made a partition and a member, often many a request: no stack is captured.
 */
export class KafkaErrorBase extends Data.Error<ErrorDetails> {
  constructor(details: ErrorDetails = {}) {
    const limit = Error.stackTraceLimit
    Error.stackTraceLimit = 0
    super(details)
    Error.stackTraceLimit = limit
  }
}

const tagged = <const Tag extends string>(
  tag: Tag
): new (details?: ErrorDetails) => KafkaErrorBase & { readonly _tag: Tag } =>
  class extends KafkaErrorBase {
    readonly _tag: Tag = tag
  }

export class UnknownServerError extends tagged("UnknownServerError") {}
export class OffsetOutOfRange extends tagged("OffsetOutOfRange") {}
export class CorruptMessage extends tagged("CorruptMessage") {}
export class UnknownTopicOrPartition extends tagged("UnknownTopicOrPartition") {}
export class InvalidFetchSize extends tagged("InvalidFetchSize") {}
export class LeaderNotAvailable extends tagged("LeaderNotAvailable") {}
export class NotLeaderOrFollower extends tagged("NotLeaderOrFollower") {}
export class RequestTimedOut extends tagged("RequestTimedOut") {}
export class BrokerNotAvailable extends tagged("BrokerNotAvailable") {}
export class ReplicaNotAvailable extends tagged("ReplicaNotAvailable") {}
export class MessageTooLarge extends tagged("MessageTooLarge") {}
export class StaleControllerEpoch extends tagged("StaleControllerEpoch") {}
export class OffsetMetadataTooLarge extends tagged("OffsetMetadataTooLarge") {}
export class NetworkException extends tagged("NetworkException") {}
export class CoordinatorLoadInProgress extends tagged("CoordinatorLoadInProgress") {}
export class CoordinatorNotAvailable extends tagged("CoordinatorNotAvailable") {}
export class NotCoordinator extends tagged("NotCoordinator") {}
export class InvalidTopicException extends tagged("InvalidTopicException") {}
export class RecordListTooLarge extends tagged("RecordListTooLarge") {}
export class NotEnoughReplicas extends tagged("NotEnoughReplicas") {}
export class NotEnoughReplicasAfterAppend extends tagged("NotEnoughReplicasAfterAppend") {}
export class InvalidRequiredAcks extends tagged("InvalidRequiredAcks") {}
export class IllegalGeneration extends tagged("IllegalGeneration") {}
export class InconsistentGroupProtocol extends tagged("InconsistentGroupProtocol") {}
export class InvalidGroupId extends tagged("InvalidGroupId") {}
export class UnknownMemberId extends tagged("UnknownMemberId") {}
export class InvalidSessionTimeout extends tagged("InvalidSessionTimeout") {}
export class RebalanceInProgress extends tagged("RebalanceInProgress") {}
export class InvalidCommitOffsetSize extends tagged("InvalidCommitOffsetSize") {}
export class TopicAuthorizationFailed extends tagged("TopicAuthorizationFailed") {}
export class GroupAuthorizationFailed extends tagged("GroupAuthorizationFailed") {}
export class ClusterAuthorizationFailed extends tagged("ClusterAuthorizationFailed") {}
export class InvalidTimestamp extends tagged("InvalidTimestamp") {}
export class UnsupportedSaslMechanism extends tagged("UnsupportedSaslMechanism") {}
export class IllegalSaslState extends tagged("IllegalSaslState") {}
export class UnsupportedVersion extends tagged("UnsupportedVersion") {}
export class TopicAlreadyExists extends tagged("TopicAlreadyExists") {}
export class InvalidPartitions extends tagged("InvalidPartitions") {}
export class InvalidReplicationFactor extends tagged("InvalidReplicationFactor") {}
export class InvalidReplicaAssignment extends tagged("InvalidReplicaAssignment") {}
export class InvalidConfig extends tagged("InvalidConfig") {}
export class NotController extends tagged("NotController") {}
export class InvalidRequest extends tagged("InvalidRequest") {}
export class UnsupportedForMessageFormat extends tagged("UnsupportedForMessageFormat") {}
export class PolicyViolation extends tagged("PolicyViolation") {}
export class OutOfOrderSequenceNumber extends tagged("OutOfOrderSequenceNumber") {}
export class DuplicateSequenceNumber extends tagged("DuplicateSequenceNumber") {}
export class InvalidProducerEpoch extends tagged("InvalidProducerEpoch") {}
export class InvalidTxnState extends tagged("InvalidTxnState") {}
export class InvalidProducerIdMapping extends tagged("InvalidProducerIdMapping") {}
export class InvalidTransactionTimeout extends tagged("InvalidTransactionTimeout") {}
export class ConcurrentTransactions extends tagged("ConcurrentTransactions") {}
export class TransactionCoordinatorFenced extends tagged("TransactionCoordinatorFenced") {}
export class TransactionalIdAuthorizationFailed extends tagged("TransactionalIdAuthorizationFailed") {}
export class SecurityDisabled extends tagged("SecurityDisabled") {}
export class OperationNotAttempted extends tagged("OperationNotAttempted") {}
export class KafkaStorageError extends tagged("KafkaStorageError") {}
export class LogDirNotFound extends tagged("LogDirNotFound") {}
export class SaslAuthenticationFailed extends tagged("SaslAuthenticationFailed") {}
export class UnknownProducerId extends tagged("UnknownProducerId") {}
export class ReassignmentInProgress extends tagged("ReassignmentInProgress") {}
export class DelegationTokenAuthDisabled extends tagged("DelegationTokenAuthDisabled") {}
export class DelegationTokenNotFound extends tagged("DelegationTokenNotFound") {}
export class DelegationTokenOwnerMismatch extends tagged("DelegationTokenOwnerMismatch") {}
export class DelegationTokenRequestNotAllowed extends tagged("DelegationTokenRequestNotAllowed") {}
export class DelegationTokenAuthorizationFailed extends tagged("DelegationTokenAuthorizationFailed") {}
export class DelegationTokenExpired extends tagged("DelegationTokenExpired") {}
export class InvalidPrincipalType extends tagged("InvalidPrincipalType") {}
export class NonEmptyGroup extends tagged("NonEmptyGroup") {}
export class GroupIdNotFound extends tagged("GroupIdNotFound") {}
export class FetchSessionIdNotFound extends tagged("FetchSessionIdNotFound") {}
export class InvalidFetchSessionEpoch extends tagged("InvalidFetchSessionEpoch") {}
export class ListenerNotFound extends tagged("ListenerNotFound") {}
export class TopicDeletionDisabled extends tagged("TopicDeletionDisabled") {}
export class FencedLeaderEpoch extends tagged("FencedLeaderEpoch") {}
export class UnknownLeaderEpoch extends tagged("UnknownLeaderEpoch") {}
export class UnsupportedCompressionType extends tagged("UnsupportedCompressionType") {}
export class StaleBrokerEpoch extends tagged("StaleBrokerEpoch") {}
export class OffsetNotAvailable extends tagged("OffsetNotAvailable") {}
export class MemberIdRequired extends tagged("MemberIdRequired") {}
export class PreferredLeaderNotAvailable extends tagged("PreferredLeaderNotAvailable") {}
export class GroupMaxSizeReached extends tagged("GroupMaxSizeReached") {}
export class FencedInstanceId extends tagged("FencedInstanceId") {}
export class EligibleLeadersNotAvailable extends tagged("EligibleLeadersNotAvailable") {}
export class ElectionNotNeeded extends tagged("ElectionNotNeeded") {}
export class NoReassignmentInProgress extends tagged("NoReassignmentInProgress") {}
export class GroupSubscribedToTopic extends tagged("GroupSubscribedToTopic") {}
export class InvalidRecord extends tagged("InvalidRecord") {}
export class UnstableOffsetCommit extends tagged("UnstableOffsetCommit") {}
export class ThrottlingQuotaExceeded extends tagged("ThrottlingQuotaExceeded") {}
export class ProducerFenced extends tagged("ProducerFenced") {}
export class ResourceNotFound extends tagged("ResourceNotFound") {}
export class DuplicateResource extends tagged("DuplicateResource") {}
export class UnacceptableCredential extends tagged("UnacceptableCredential") {}
export class InconsistentVoterSet extends tagged("InconsistentVoterSet") {}
export class InvalidUpdateVersion extends tagged("InvalidUpdateVersion") {}
export class FeatureUpdateFailed extends tagged("FeatureUpdateFailed") {}
export class PrincipalDeserializationFailure extends tagged("PrincipalDeserializationFailure") {}
export class SnapshotNotFound extends tagged("SnapshotNotFound") {}
export class PositionOutOfRange extends tagged("PositionOutOfRange") {}
export class UnknownTopicId extends tagged("UnknownTopicId") {}
export class DuplicateBrokerRegistration extends tagged("DuplicateBrokerRegistration") {}
export class BrokerIdNotRegistered extends tagged("BrokerIdNotRegistered") {}
export class InconsistentTopicId extends tagged("InconsistentTopicId") {}
export class InconsistentClusterId extends tagged("InconsistentClusterId") {}
export class TransactionalIdNotFound extends tagged("TransactionalIdNotFound") {}
export class FetchSessionTopicIdError extends tagged("FetchSessionTopicIdError") {}
export class IneligibleReplica extends tagged("IneligibleReplica") {}
export class NewLeaderElected extends tagged("NewLeaderElected") {}
export class OffsetMovedToTieredStorage extends tagged("OffsetMovedToTieredStorage") {}
export class FencedMemberEpoch extends tagged("FencedMemberEpoch") {}
export class UnreleasedInstanceId extends tagged("UnreleasedInstanceId") {}
export class UnsupportedAssignor extends tagged("UnsupportedAssignor") {}
export class StaleMemberEpoch extends tagged("StaleMemberEpoch") {}
export class MismatchedEndpointType extends tagged("MismatchedEndpointType") {}
export class UnsupportedEndpointType extends tagged("UnsupportedEndpointType") {}
export class UnknownControllerId extends tagged("UnknownControllerId") {}
export class UnknownSubscriptionId extends tagged("UnknownSubscriptionId") {}
export class TelemetryTooLarge extends tagged("TelemetryTooLarge") {}
export class InvalidRegistration extends tagged("InvalidRegistration") {}
export class TransactionAbortable extends tagged("TransactionAbortable") {}
export class InvalidRecordState extends tagged("InvalidRecordState") {}
export class ShareSessionNotFound extends tagged("ShareSessionNotFound") {}
export class InvalidShareSessionEpoch extends tagged("InvalidShareSessionEpoch") {}
export class FencedStateEpoch extends tagged("FencedStateEpoch") {}
export class InvalidVoterKey extends tagged("InvalidVoterKey") {}
export class DuplicateVoter extends tagged("DuplicateVoter") {}
export class VoterNotFound extends tagged("VoterNotFound") {}
export class InvalidRegularExpression extends tagged("InvalidRegularExpression") {}
export class RebootstrapRequired extends tagged("RebootstrapRequired") {}
export class StreamsInvalidTopology extends tagged("StreamsInvalidTopology") {}
export class StreamsInvalidTopologyEpoch extends tagged("StreamsInvalidTopologyEpoch") {}
export class StreamsTopologyFenced extends tagged("StreamsTopologyFenced") {}
export class ShareSessionLimitReached extends tagged("ShareSessionLimitReached") {}

/** Every error that Kafka 4.3.1 names, one class each, named as Kafka names it. */
export type KafkaError =
  | UnknownServerError
  | OffsetOutOfRange
  | CorruptMessage
  | UnknownTopicOrPartition
  | InvalidFetchSize
  | LeaderNotAvailable
  | NotLeaderOrFollower
  | RequestTimedOut
  | BrokerNotAvailable
  | ReplicaNotAvailable
  | MessageTooLarge
  | StaleControllerEpoch
  | OffsetMetadataTooLarge
  | NetworkException
  | CoordinatorLoadInProgress
  | CoordinatorNotAvailable
  | NotCoordinator
  | InvalidTopicException
  | RecordListTooLarge
  | NotEnoughReplicas
  | NotEnoughReplicasAfterAppend
  | InvalidRequiredAcks
  | IllegalGeneration
  | InconsistentGroupProtocol
  | InvalidGroupId
  | UnknownMemberId
  | InvalidSessionTimeout
  | RebalanceInProgress
  | InvalidCommitOffsetSize
  | TopicAuthorizationFailed
  | GroupAuthorizationFailed
  | ClusterAuthorizationFailed
  | InvalidTimestamp
  | UnsupportedSaslMechanism
  | IllegalSaslState
  | UnsupportedVersion
  | TopicAlreadyExists
  | InvalidPartitions
  | InvalidReplicationFactor
  | InvalidReplicaAssignment
  | InvalidConfig
  | NotController
  | InvalidRequest
  | UnsupportedForMessageFormat
  | PolicyViolation
  | OutOfOrderSequenceNumber
  | DuplicateSequenceNumber
  | InvalidProducerEpoch
  | InvalidTxnState
  | InvalidProducerIdMapping
  | InvalidTransactionTimeout
  | ConcurrentTransactions
  | TransactionCoordinatorFenced
  | TransactionalIdAuthorizationFailed
  | SecurityDisabled
  | OperationNotAttempted
  | KafkaStorageError
  | LogDirNotFound
  | SaslAuthenticationFailed
  | UnknownProducerId
  | ReassignmentInProgress
  | DelegationTokenAuthDisabled
  | DelegationTokenNotFound
  | DelegationTokenOwnerMismatch
  | DelegationTokenRequestNotAllowed
  | DelegationTokenAuthorizationFailed
  | DelegationTokenExpired
  | InvalidPrincipalType
  | NonEmptyGroup
  | GroupIdNotFound
  | FetchSessionIdNotFound
  | InvalidFetchSessionEpoch
  | ListenerNotFound
  | TopicDeletionDisabled
  | FencedLeaderEpoch
  | UnknownLeaderEpoch
  | UnsupportedCompressionType
  | StaleBrokerEpoch
  | OffsetNotAvailable
  | MemberIdRequired
  | PreferredLeaderNotAvailable
  | GroupMaxSizeReached
  | FencedInstanceId
  | EligibleLeadersNotAvailable
  | ElectionNotNeeded
  | NoReassignmentInProgress
  | GroupSubscribedToTopic
  | InvalidRecord
  | UnstableOffsetCommit
  | ThrottlingQuotaExceeded
  | ProducerFenced
  | ResourceNotFound
  | DuplicateResource
  | UnacceptableCredential
  | InconsistentVoterSet
  | InvalidUpdateVersion
  | FeatureUpdateFailed
  | PrincipalDeserializationFailure
  | SnapshotNotFound
  | PositionOutOfRange
  | UnknownTopicId
  | DuplicateBrokerRegistration
  | BrokerIdNotRegistered
  | InconsistentTopicId
  | InconsistentClusterId
  | TransactionalIdNotFound
  | FetchSessionTopicIdError
  | IneligibleReplica
  | NewLeaderElected
  | OffsetMovedToTieredStorage
  | FencedMemberEpoch
  | UnreleasedInstanceId
  | UnsupportedAssignor
  | StaleMemberEpoch
  | MismatchedEndpointType
  | UnsupportedEndpointType
  | UnknownControllerId
  | UnknownSubscriptionId
  | TelemetryTooLarge
  | InvalidRegistration
  | TransactionAbortable
  | InvalidRecordState
  | ShareSessionNotFound
  | InvalidShareSessionEpoch
  | FencedStateEpoch
  | InvalidVoterKey
  | DuplicateVoter
  | VoterNotFound
  | InvalidRegularExpression
  | RebootstrapRequired
  | StreamsInvalidTopology
  | StreamsInvalidTopologyEpoch
  | StreamsTopologyFenced
  | ShareSessionLimitReached

/** The code of "no error". */
export const NONE = 0

/** The one table of codes: a missing tag and a tag too many do not compile. */
const codes: { readonly [Tag in KafkaError["_tag"]]: number } = {
  UnknownServerError: -1,
  OffsetOutOfRange: 1,
  CorruptMessage: 2,
  UnknownTopicOrPartition: 3,
  InvalidFetchSize: 4,
  LeaderNotAvailable: 5,
  NotLeaderOrFollower: 6,
  RequestTimedOut: 7,
  BrokerNotAvailable: 8,
  ReplicaNotAvailable: 9,
  MessageTooLarge: 10,
  StaleControllerEpoch: 11,
  OffsetMetadataTooLarge: 12,
  NetworkException: 13,
  CoordinatorLoadInProgress: 14,
  CoordinatorNotAvailable: 15,
  NotCoordinator: 16,
  InvalidTopicException: 17,
  RecordListTooLarge: 18,
  NotEnoughReplicas: 19,
  NotEnoughReplicasAfterAppend: 20,
  InvalidRequiredAcks: 21,
  IllegalGeneration: 22,
  InconsistentGroupProtocol: 23,
  InvalidGroupId: 24,
  UnknownMemberId: 25,
  InvalidSessionTimeout: 26,
  RebalanceInProgress: 27,
  InvalidCommitOffsetSize: 28,
  TopicAuthorizationFailed: 29,
  GroupAuthorizationFailed: 30,
  ClusterAuthorizationFailed: 31,
  InvalidTimestamp: 32,
  UnsupportedSaslMechanism: 33,
  IllegalSaslState: 34,
  UnsupportedVersion: 35,
  TopicAlreadyExists: 36,
  InvalidPartitions: 37,
  InvalidReplicationFactor: 38,
  InvalidReplicaAssignment: 39,
  InvalidConfig: 40,
  NotController: 41,
  InvalidRequest: 42,
  UnsupportedForMessageFormat: 43,
  PolicyViolation: 44,
  OutOfOrderSequenceNumber: 45,
  DuplicateSequenceNumber: 46,
  InvalidProducerEpoch: 47,
  InvalidTxnState: 48,
  InvalidProducerIdMapping: 49,
  InvalidTransactionTimeout: 50,
  ConcurrentTransactions: 51,
  TransactionCoordinatorFenced: 52,
  TransactionalIdAuthorizationFailed: 53,
  SecurityDisabled: 54,
  OperationNotAttempted: 55,
  KafkaStorageError: 56,
  LogDirNotFound: 57,
  SaslAuthenticationFailed: 58,
  UnknownProducerId: 59,
  ReassignmentInProgress: 60,
  DelegationTokenAuthDisabled: 61,
  DelegationTokenNotFound: 62,
  DelegationTokenOwnerMismatch: 63,
  DelegationTokenRequestNotAllowed: 64,
  DelegationTokenAuthorizationFailed: 65,
  DelegationTokenExpired: 66,
  InvalidPrincipalType: 67,
  NonEmptyGroup: 68,
  GroupIdNotFound: 69,
  FetchSessionIdNotFound: 70,
  InvalidFetchSessionEpoch: 71,
  ListenerNotFound: 72,
  TopicDeletionDisabled: 73,
  FencedLeaderEpoch: 74,
  UnknownLeaderEpoch: 75,
  UnsupportedCompressionType: 76,
  StaleBrokerEpoch: 77,
  OffsetNotAvailable: 78,
  MemberIdRequired: 79,
  PreferredLeaderNotAvailable: 80,
  GroupMaxSizeReached: 81,
  FencedInstanceId: 82,
  EligibleLeadersNotAvailable: 83,
  ElectionNotNeeded: 84,
  NoReassignmentInProgress: 85,
  GroupSubscribedToTopic: 86,
  InvalidRecord: 87,
  UnstableOffsetCommit: 88,
  ThrottlingQuotaExceeded: 89,
  ProducerFenced: 90,
  ResourceNotFound: 91,
  DuplicateResource: 92,
  UnacceptableCredential: 93,
  InconsistentVoterSet: 94,
  InvalidUpdateVersion: 95,
  FeatureUpdateFailed: 96,
  PrincipalDeserializationFailure: 97,
  SnapshotNotFound: 98,
  PositionOutOfRange: 99,
  UnknownTopicId: 100,
  DuplicateBrokerRegistration: 101,
  BrokerIdNotRegistered: 102,
  InconsistentTopicId: 103,
  InconsistentClusterId: 104,
  TransactionalIdNotFound: 105,
  FetchSessionTopicIdError: 106,
  IneligibleReplica: 107,
  NewLeaderElected: 108,
  OffsetMovedToTieredStorage: 109,
  FencedMemberEpoch: 110,
  UnreleasedInstanceId: 111,
  UnsupportedAssignor: 112,
  StaleMemberEpoch: 113,
  MismatchedEndpointType: 114,
  UnsupportedEndpointType: 115,
  UnknownControllerId: 116,
  UnknownSubscriptionId: 117,
  TelemetryTooLarge: 118,
  InvalidRegistration: 119,
  TransactionAbortable: 120,
  InvalidRecordState: 121,
  ShareSessionNotFound: 122,
  InvalidShareSessionEpoch: 123,
  FencedStateEpoch: 124,
  InvalidVoterKey: 125,
  DuplicateVoter: 126,
  VoterNotFound: 127,
  InvalidRegularExpression: 128,
  RebootstrapRequired: 129,
  StreamsInvalidTopology: 130,
  StreamsInvalidTopologyEpoch: 131,
  StreamsTopologyFenced: 132,
  ShareSessionLimitReached: 133
}

/** The code that stands for an error on the wire. */
export const errorCode = (error: KafkaError): number => codes[error._tag]

/** Whether a value is one of Kafka's errors. */
export const isKafkaError = (value: unknown): value is KafkaError => value instanceof KafkaErrorBase

/** The text for an answer's error message: the error's own, or null. */
export const errorMessage = (error: KafkaError): string | null => error.message || null

export interface ErrorInfo {
  readonly code: number
  /** Kafka's name, such as `NOT_LEADER_OR_FOLLOWER`. */
  readonly name: string
  /** Whether a client may simply ask again. */
  readonly retriable: boolean
}

const retriable: ReadonlySet<number> = new Set([
  2, 3, 5, 6, 7, 9, 13, 14, 15, 16, 19, 20, 41, 51, 56, 70, 71, 72, 74, 75, 78, 80, 83, 84, 88, 89, 100, 103, 106, 122,
  123, 133
])

let byCode: ReadonlyMap<number, ErrorInfo> | undefined

const upperSnake = (tag: string): string => tag.replace(/(?<=[a-z0-9])(?=[A-Z])/g, "_").toUpperCase()

/** What a code stands for; undefined for one that Kafka 4.3.1 does not know. */
export const errorInfo = (code: number): ErrorInfo | undefined => {
  byCode ??= new Map([
    [NONE, { code: NONE, name: "NONE", retriable: false }],
    ...Object.entries(codes).map(([tag, value]): [number, ErrorInfo] => [
      value,
      { code: value, name: upperSnake(tag), retriable: retriable.has(value) }
    ])
  ])
  return byCode.get(code)
}
