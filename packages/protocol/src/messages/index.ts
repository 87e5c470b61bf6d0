/** The list of all messages: a message is added by its file and its line here. */
import type { Api } from "../codec/Api.ts"
import { AddOffsetsToTxn } from "./AddOffsetsToTxn.ts"
import { AddPartitionsToTxn } from "./AddPartitionsToTxn.ts"
import { AddRaftVoter } from "./AddRaftVoter.ts"
import { AlterClientQuotas } from "./AlterClientQuotas.ts"
import { AlterConfigs } from "./AlterConfigs.ts"
import { AlterPartitionReassignments } from "./AlterPartitionReassignments.ts"
import { AlterReplicaLogDirs } from "./AlterReplicaLogDirs.ts"
import { AlterShareGroupOffsets } from "./AlterShareGroupOffsets.ts"
import { AlterUserScramCredentials } from "./AlterUserScramCredentials.ts"
import { ApiVersions } from "./ApiVersions.ts"
import { ConsumerGroupDescribe } from "./ConsumerGroupDescribe.ts"
import { ConsumerGroupHeartbeat } from "./ConsumerGroupHeartbeat.ts"
import { CreateAcls } from "./CreateAcls.ts"
import { CreateDelegationToken } from "./CreateDelegationToken.ts"
import { CreatePartitions } from "./CreatePartitions.ts"
import { CreateTopics } from "./CreateTopics.ts"
import { DeleteAcls } from "./DeleteAcls.ts"
import { DeleteGroups } from "./DeleteGroups.ts"
import { DeleteRecords } from "./DeleteRecords.ts"
import { DeleteShareGroupOffsets } from "./DeleteShareGroupOffsets.ts"
import { DeleteTopics } from "./DeleteTopics.ts"
import { DescribeAcls } from "./DescribeAcls.ts"
import { DescribeClientQuotas } from "./DescribeClientQuotas.ts"
import { DescribeCluster } from "./DescribeCluster.ts"
import { DescribeConfigs } from "./DescribeConfigs.ts"
import { DescribeDelegationToken } from "./DescribeDelegationToken.ts"
import { DescribeGroups } from "./DescribeGroups.ts"
import { DescribeLogDirs } from "./DescribeLogDirs.ts"
import { DescribeProducers } from "./DescribeProducers.ts"
import { DescribeQuorum } from "./DescribeQuorum.ts"
import { DescribeShareGroupOffsets } from "./DescribeShareGroupOffsets.ts"
import { DescribeTopicPartitions } from "./DescribeTopicPartitions.ts"
import { DescribeTransactions } from "./DescribeTransactions.ts"
import { DescribeUserScramCredentials } from "./DescribeUserScramCredentials.ts"
import { ElectLeaders } from "./ElectLeaders.ts"
import { EndTxn } from "./EndTxn.ts"
import { ExpireDelegationToken } from "./ExpireDelegationToken.ts"
import { Fetch } from "./Fetch.ts"
import { FindCoordinator } from "./FindCoordinator.ts"
import { GetTelemetrySubscriptions } from "./GetTelemetrySubscriptions.ts"
import { Heartbeat } from "./Heartbeat.ts"
import { IncrementalAlterConfigs } from "./IncrementalAlterConfigs.ts"
import { InitProducerId } from "./InitProducerId.ts"
import { JoinGroup } from "./JoinGroup.ts"
import { LeaveGroup } from "./LeaveGroup.ts"
import { ListConfigResources } from "./ListConfigResources.ts"
import { ListGroups } from "./ListGroups.ts"
import { ListOffsets } from "./ListOffsets.ts"
import { ListPartitionReassignments } from "./ListPartitionReassignments.ts"
import { ListTransactions } from "./ListTransactions.ts"
import { Metadata } from "./Metadata.ts"
import { OffsetCommit } from "./OffsetCommit.ts"
import { OffsetDelete } from "./OffsetDelete.ts"
import { OffsetFetch } from "./OffsetFetch.ts"
import { OffsetForLeaderEpoch } from "./OffsetForLeaderEpoch.ts"
import { Produce } from "./Produce.ts"
import { PushTelemetry } from "./PushTelemetry.ts"
import { RemoveRaftVoter } from "./RemoveRaftVoter.ts"
import { RenewDelegationToken } from "./RenewDelegationToken.ts"
import { SaslAuthenticate } from "./SaslAuthenticate.ts"
import { SaslHandshake } from "./SaslHandshake.ts"
import { ShareAcknowledge } from "./ShareAcknowledge.ts"
import { ShareFetch } from "./ShareFetch.ts"
import { ShareGroupDescribe } from "./ShareGroupDescribe.ts"
import { ShareGroupHeartbeat } from "./ShareGroupHeartbeat.ts"
import { StreamsGroupDescribe } from "./StreamsGroupDescribe.ts"
import { StreamsGroupHeartbeat } from "./StreamsGroupHeartbeat.ts"
import { SyncGroup } from "./SyncGroup.ts"
import { TxnOffsetCommit } from "./TxnOffsetCommit.ts"
import { UnregisterBroker } from "./UnregisterBroker.ts"
import { UpdateFeatures } from "./UpdateFeatures.ts"
import { WriteTxnMarkers } from "./WriteTxnMarkers.ts"

const table = {
  Produce,
  Fetch,
  ListOffsets,
  Metadata,
  OffsetCommit,
  OffsetFetch,
  FindCoordinator,
  JoinGroup,
  Heartbeat,
  LeaveGroup,
  SyncGroup,
  DescribeGroups,
  ListGroups,
  SaslHandshake,
  ApiVersions,
  CreateTopics,
  DeleteTopics,
  DeleteRecords,
  InitProducerId,
  OffsetForLeaderEpoch,
  AddPartitionsToTxn,
  AddOffsetsToTxn,
  EndTxn,
  WriteTxnMarkers,
  TxnOffsetCommit,
  DescribeAcls,
  CreateAcls,
  DeleteAcls,
  DescribeConfigs,
  AlterConfigs,
  AlterReplicaLogDirs,
  DescribeLogDirs,
  SaslAuthenticate,
  CreatePartitions,
  CreateDelegationToken,
  RenewDelegationToken,
  ExpireDelegationToken,
  DescribeDelegationToken,
  DeleteGroups,
  ElectLeaders,
  IncrementalAlterConfigs,
  AlterPartitionReassignments,
  ListPartitionReassignments,
  OffsetDelete,
  DescribeClientQuotas,
  AlterClientQuotas,
  DescribeUserScramCredentials,
  AlterUserScramCredentials,
  DescribeQuorum,
  UpdateFeatures,
  DescribeCluster,
  DescribeProducers,
  UnregisterBroker,
  DescribeTransactions,
  ListTransactions,
  ConsumerGroupHeartbeat,
  ConsumerGroupDescribe,
  GetTelemetrySubscriptions,
  PushTelemetry,
  ListConfigResources,
  DescribeTopicPartitions,
  ShareGroupHeartbeat,
  ShareGroupDescribe,
  ShareFetch,
  ShareAcknowledge,
  AddRaftVoter,
  RemoveRaftVoter,
  StreamsGroupHeartbeat,
  StreamsGroupDescribe,
  DescribeShareGroupOffsets,
  AlterShareGroupOffsets,
  DeleteShareGroupOffsets
}

/** Kafka's name of an API. */
export type ApiName = keyof typeof table

/** Every client-facing API of Apache Kafka 4.3.1, by key. */
export const apis: ReadonlyArray<Api<any, any>> = Object.values(table)

const byKey = new Map(apis.map((api) => [api.key, api]))

/** The API of a key; undefined for keys that are unknown or left out on purpose (`leftOut`). */
export const apiByKey = (key: number): Api<any, any> | undefined => byKey.get(key)

/** The API of a name, as Kafka spells it: `OffsetDelete`. */
export const apiByName = (name: string): Api<any, any> | undefined => apis.find((api) => api.name === name)

const quorum = "the controllers' Raft quorum: no client sends it, and Tusk has no quorum"
const controller = "from a broker to the controller"
const shareState = "between share coordinators: the broker listener has it, but only brokers send it"
const zookeeper = "of the ZooKeeper mode, which ended with Kafka 4"

/** APIs of Kafka that are not declared, and why. */
export const leftOut: ReadonlyArray<{ readonly key: number; readonly name: string; readonly reason: string }> = [
  { key: 4, name: "LeaderAndIsr", reason: zookeeper },
  { key: 5, name: "StopReplica", reason: zookeeper },
  { key: 6, name: "UpdateMetadata", reason: zookeeper },
  { key: 7, name: "ControlledShutdown", reason: zookeeper },
  { key: 52, name: "Vote", reason: quorum },
  { key: 53, name: "BeginQuorumEpoch", reason: quorum },
  { key: 54, name: "EndQuorumEpoch", reason: quorum },
  { key: 56, name: "AlterPartition", reason: controller },
  { key: 58, name: "Envelope", reason: controller },
  { key: 59, name: "FetchSnapshot", reason: quorum },
  { key: 62, name: "BrokerRegistration", reason: controller },
  { key: 63, name: "BrokerHeartbeat", reason: controller },
  { key: 67, name: "AllocateProducerIds", reason: controller },
  { key: 70, name: "ControllerRegistration", reason: controller },
  { key: 73, name: "AssignReplicasToDirs", reason: controller },
  { key: 82, name: "UpdateRaftVoter", reason: quorum },
  { key: 83, name: "InitializeShareGroupState", reason: shareState },
  { key: 84, name: "ReadShareGroupState", reason: shareState },
  { key: 85, name: "WriteShareGroupState", reason: shareState },
  { key: 86, name: "DeleteShareGroupState", reason: shareState },
  { key: 87, name: "ReadShareGroupStateSummary", reason: shareState }
]
