import { addOffsetsToTxn } from "./AddOffsetsToTxn.ts"
import { addPartitionsToTxn } from "./AddPartitionsToTxn.ts"
import { addRaftVoter } from "./AddRaftVoter.ts"
import { alterClientQuotas } from "./AlterClientQuotas.ts"
import { alterConfigs } from "./AlterConfigs.ts"
import { alterPartitionReassignments } from "./AlterPartitionReassignments.ts"
import { alterReplicaLogDirs } from "./AlterReplicaLogDirs.ts"
import { alterShareGroupOffsets } from "./AlterShareGroupOffsets.ts"
import { alterUserScramCredentials } from "./AlterUserScramCredentials.ts"
import { apiVersions } from "./ApiVersions.ts"
import { consumerGroupDescribe } from "./ConsumerGroupDescribe.ts"
import { consumerGroupHeartbeat } from "./ConsumerGroupHeartbeat.ts"
import { createAcls } from "./CreateAcls.ts"
import { createDelegationToken } from "./CreateDelegationToken.ts"
import { createPartitions } from "./CreatePartitions.ts"
import { createTopics } from "./CreateTopics.ts"
import { deleteAcls } from "./DeleteAcls.ts"
import { deleteGroups } from "./DeleteGroups.ts"
import { deleteRecords } from "./DeleteRecords.ts"
import { deleteShareGroupOffsets } from "./DeleteShareGroupOffsets.ts"
import { deleteTopics } from "./DeleteTopics.ts"
import { describeAcls } from "./DescribeAcls.ts"
import { describeClientQuotas } from "./DescribeClientQuotas.ts"
import { describeCluster } from "./DescribeCluster.ts"
import { describeConfigs } from "./DescribeConfigs.ts"
import { describeDelegationToken } from "./DescribeDelegationToken.ts"
import { describeGroups } from "./DescribeGroups.ts"
import { describeLogDirs } from "./DescribeLogDirs.ts"
import { describeProducers } from "./DescribeProducers.ts"
import { describeQuorum } from "./DescribeQuorum.ts"
import { describeShareGroupOffsets } from "./DescribeShareGroupOffsets.ts"
import { describeTopicPartitions } from "./DescribeTopicPartitions.ts"
import { describeTransactions } from "./DescribeTransactions.ts"
import { describeUserScramCredentials } from "./DescribeUserScramCredentials.ts"
import { electLeaders } from "./ElectLeaders.ts"
import { endTxn } from "./EndTxn.ts"
import { expireDelegationToken } from "./ExpireDelegationToken.ts"
import { fetch } from "./Fetch.ts"
import { findCoordinator } from "./FindCoordinator.ts"
import { getTelemetrySubscriptions } from "./GetTelemetrySubscriptions.ts"
import { heartbeat } from "./Heartbeat.ts"
import { incrementalAlterConfigs } from "./IncrementalAlterConfigs.ts"
import { initProducerId } from "./InitProducerId.ts"
import { joinGroup } from "./JoinGroup.ts"
import { leaveGroup } from "./LeaveGroup.ts"
import { listConfigResources } from "./ListConfigResources.ts"
import { listGroups } from "./ListGroups.ts"
import { listOffsets } from "./ListOffsets.ts"
import { listPartitionReassignments } from "./ListPartitionReassignments.ts"
import { listTransactions } from "./ListTransactions.ts"
import { metadata } from "./Metadata.ts"
import { offsetCommit } from "./OffsetCommit.ts"
import { offsetDelete } from "./OffsetDelete.ts"
import { offsetFetch } from "./OffsetFetch.ts"
import { offsetForLeaderEpoch } from "./OffsetForLeaderEpoch.ts"
import { produce } from "./Produce.ts"
import { pushTelemetry } from "./PushTelemetry.ts"
import { removeRaftVoter } from "./RemoveRaftVoter.ts"
import { renewDelegationToken } from "./RenewDelegationToken.ts"
import { saslAuthenticate } from "./SaslAuthenticate.ts"
import { saslHandshake } from "./SaslHandshake.ts"
import { shareAcknowledge } from "./ShareAcknowledge.ts"
import { shareFetch } from "./ShareFetch.ts"
import { shareGroupDescribe } from "./ShareGroupDescribe.ts"
import { shareGroupHeartbeat } from "./ShareGroupHeartbeat.ts"
import { streamsGroupDescribe } from "./StreamsGroupDescribe.ts"
import { streamsGroupHeartbeat } from "./StreamsGroupHeartbeat.ts"
import { syncGroup } from "./SyncGroup.ts"
import { txnOffsetCommit } from "./TxnOffsetCommit.ts"
import { unregisterBroker } from "./UnregisterBroker.ts"
import { updateFeatures } from "./UpdateFeatures.ts"
import { writeTxnMarkers } from "./WriteTxnMarkers.ts"

/** Every API that is served. ApiVersions, dispatch and the README's table are read from this list. */
export const handlers = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  saslHandshake,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  addPartitionsToTxn,
  addOffsetsToTxn,
  endTxn,
  writeTxnMarkers,
  txnOffsetCommit,
  describeConfigs,
  alterConfigs,
  describeLogDirs,
  saslAuthenticate,
  createPartitions,
  deleteGroups,
  incrementalAlterConfigs,
  offsetDelete,
  describeCluster,
  describeProducers,
  describeTransactions,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  describeTopicPartitions,
  listConfigResources,
  streamsGroupHeartbeat,
  streamsGroupDescribe,
  shareGroupHeartbeat,
  shareGroupDescribe,
  shareFetch,
  shareAcknowledge,
  describeShareGroupOffsets,
  alterShareGroupOffsets,
  deleteShareGroupOffsets,
  describeAcls,
  createAcls,
  deleteAcls,
  describeClientQuotas,
  alterClientQuotas,
  describeUserScramCredentials,
  alterUserScramCredentials,
  createDelegationToken,
  renewDelegationToken,
  expireDelegationToken,
  describeDelegationToken,
  listPartitionReassignments,
  listTransactions,
  alterReplicaLogDirs,
  electLeaders,
  alterPartitionReassignments,
  describeQuorum,
  updateFeatures,
  unregisterBroker,
  getTelemetrySubscriptions,
  pushTelemetry,
  addRaftVoter,
  removeRaftVoter
] as const
