import { ConsumerGroups } from "@tusk/coordinator/group/shell/ConsumerGroups"
import { ShareGroups } from "@tusk/coordinator/group/shell/ShareGroups"
import { SharePartitions } from "@tusk/coordinator/group/shell/SharePartitions"
import { StreamsGroups } from "@tusk/coordinator/group/shell/StreamsGroups"
import { Coordinates } from "@tusk/coordinator/group/shell/GroupCells"
import { Groups } from "@tusk/coordinator/group/shell/Groups"
import { Transactions } from "@tusk/coordinator/transaction/shell/Transactions"
import { Active } from "@tusk/storage/commit/Active"
import { Committer, CommitterOptions } from "@tusk/storage/commit/Committer"
import {
  collectorDefaults,
  compactionDefaults,
  eraseDefaults,
  followerDefaults,
  logDefaults,
  mergeDefaults,
  objectDefaults,
  retentionDefaults,
  tierDefaults
} from "@tusk/storage/defaults"
import { Configs, TOPIC_RESOURCE } from "@tusk/storage/topics/Configs"
import { deletions } from "@tusk/storage/deletions"
import { CoordinatorCounts, GroupCounts } from "@tusk/coordinator/group/shell/GroupCounts"
import { GroupStore } from "@tusk/storage/groups/GroupStore"
import { Compaction } from "@tusk/storage/log/compaction/Compaction"
import { CompactionOf, CompactionOptions } from "@tusk/storage/log/compaction/CompactionOptions"
import { Erase } from "@tusk/storage/log/erase/Erase"
import { EraseOptions } from "@tusk/storage/log/erase/EraseOptions"
import { Follower } from "@tusk/storage/log/follower/Follower"
import { FollowerOptions, KeepsRows } from "@tusk/storage/log/follower/FollowerOptions"
import { Log } from "@tusk/storage/log/Log"
import { MergeOptions } from "@tusk/storage/log/merging/MergeOptions"
import { Merger } from "@tusk/storage/log/merging/Merger"
import { LogOptions } from "@tusk/storage/log/LogOptions"
import { Collector } from "@tusk/storage/log/objects/Collector"
import { CollectorOptions } from "@tusk/storage/log/objects/CollectorOptions"
import { ObjectOptions } from "@tusk/storage/log/objects/ObjectOptions"
import { IsImported } from "@tusk/storage/log/partitions/Imported"
import { OpenBatches, OpenBatchesOptions } from "@tusk/storage/log/batches/OpenBatches"
import { Retention } from "@tusk/storage/log/retention/Retention"
import { RetentionOptions, RetentionPolicy } from "@tusk/storage/log/retention/RetentionOptions"
import { Tiering } from "@tusk/storage/log/tiering/Tiering"
import { TierOptions, TierPolicies } from "@tusk/storage/log/tiering/TierOptions"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import { SqlClaims } from "@tusk/storage/offsets/SqlClaims"
import { SecurityOptions } from "@tusk/storage/security/SecurityLimits"
import { security } from "@tusk/storage/security/security"
import { Counts, StorageCounts } from "@tusk/storage/StorageCounts"
import { ProducerIds } from "@tusk/storage/log/ProducerIds"
import { Topics, TopicsOptions } from "@tusk/storage/topics/Topics"
import { TransactionStore } from "@tusk/storage/transactions/TransactionStore"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AnswerBudget } from "./fetch/AnswerBudget.ts"
import { AutoTopics } from "./topics/AutoTopics.ts"
import { BrokerSettings } from "./config/BrokerSettings.ts"
import { isImported } from "./config/TopicConfigs.ts"
import { ConnectionOptions } from "./net/ConnectionOptions.ts"
import { Connections } from "./net/Connections.ts"
import { Deadlines } from "./request/Deadlines.ts"
import { Dispatch } from "./net/Dispatch.ts"
import { AdvertisedApis } from "./handlers/ApiVersions.ts"
import { handlers } from "./handlers/index.ts"
import * as GroupSettings from "./config/GroupSettings.ts"
import { BrokerMetrics } from "./observe/BrokerMetrics.ts"
import { HeldByServer } from "./observe/HeldByServer.ts"
import { layerInArea } from "./observe/LogLines.ts"
import { objectAccess, objectWriting } from "./objects/ObjectAccess.ts"
import { InternalTopics } from "./topics/InternalTopics.ts"
import { GROUP_KEY, Placement } from "./request/Placement.ts"
import { RequestCounts, ServerCounts } from "./request/ServerCounts.ts"
import { outboxDrain } from "./outbox/OutboxDrain.ts"
import { publications } from "./publish/Snapshots.ts"
import { Recompression } from "./produce/Recompression.ts"
import { ResourceConfigs } from "./topics/ResourceConfigs.ts"
import { authorizer } from "./security/acl/AclAuthorizer.ts"
import { Router } from "./produce/Router.ts"
import { KeyDerivation } from "./security/sasl/KeyDerivation.ts"
import { Logins } from "./security/sasl/Logins.ts"
import { roleVerifier } from "./security/sasl/RoleVerifier.ts"
import { ScramUsers } from "./security/sasl/ScramUsers.ts"
import type { Settings } from "./config/Settings.ts"
import { ClientQuotas } from "./security/quota/ClientQuotas.ts"
import { plainAddress } from "./security/quota/Entity.ts"
import { tokenLogins } from "./security/token/tokenLogins.ts"
import { Tokens } from "./security/token/Tokens.ts"
import { tokenSweep } from "./security/token/tokenSweep.ts"
import { shadowing } from "./shadow/shadowing.ts"
import { ShareSessions } from "./share/ShareSessions.ts"
import { ClientTelemetry } from "./telemetry/ClientTelemetry.ts"
import { TopicAdmin } from "./topics/TopicAdmin.ts"
import { wireClock } from "./request/WireClock.ts"
import { keptInObjects } from "./topics/keptInObjects.ts"
import { tierPolicy } from "./topics/tierPolicy.ts"
import { TopicSettings } from "./topics/TopicSettings.ts"

export const groups = Layer.unwrap(
  Effect.map(BrokerSettings, (settings) =>
    Groups.layer({
      minSessionTimeoutMs: settings.groupMinSessionTimeoutMs,
      maxSessionTimeoutMs: settings.groupMaxSessionTimeoutMs,
      initialRebalanceDelayMs: settings.groupInitialRebalanceDelayMs,
      maxSize: settings.groupMaxSize,
      maxGroups: settings.maxGroups,
      maxGroupIdBytes: settings.groupIdMaxBytes,
      offsetsRetentionMs: settings.offsetsRetentionMinutes * 60_000,
      offsetsRetentionCheckIntervalMs: settings.offsetsRetentionCheckIntervalMs,
      offsetMetadataMaxBytes: settings.offsetMetadataMaxBytes
    })
  )
)

const transactions = Layer.unwrap(
  Effect.map(BrokerSettings, (settings) =>
    Transactions.layer({
      maxTimeoutMs: settings.transactionMaxTimeoutMs,
      abortIntervalMs: settings.transactionAbortTimedOutTransactionCleanupIntervalMs,
      expirationMs: settings.transactionalIdExpirationMs,
      expirationIntervalMs: settings.transactionRemoveExpiredTransactionCleanupIntervalMs,
      maxIds: settings.maxTransactionalIds,
      maxIdBytes: settings.transactionalIdMaxBytes
    })
  )
)

const advertisedApis = Layer.succeed(AdvertisedApis, () =>
  handlers.map(({ advertised: [minVersion, maxVersion], api }) => ({ apiKey: api.key, minVersion, maxVersion }))
)

const retention = Layer.provide(
  Retention.layer,
  Layer.effect(
    RetentionPolicy,
    Effect.map(TopicSettings, (settings) => (topic: string) => {
      const { deletes, importing, retentionBytes, retentionMs } = settings.of(topic)
      // What goes from a log that is imported goes where it comes from.
      return deletes && !importing ? { retentionMs, retentionBytes } : undefined
    })
  )
)

const compaction = Layer.provide(
  Compaction.layer,
  Layer.effect(
    CompactionOf,
    Effect.map(TopicSettings, (settings) => (topic: string) => {
      const { compacted, compaction, importing } = settings.of(topic)
      return compacted && !importing ? compaction : undefined
    })
  )
)

const tierPolicies = Layer.effect(
  TierPolicies,
  Effect.map(TopicSettings, (settings) => (topic: string) => tierPolicy(settings.of(topic)))
)

/** Whose offsets are another log's. */
const imported = Layer.effect(
  IsImported,
  Effect.gen(function* () {
    const { of } = yield* Configs
    const { ofPartition } = yield* Topics
    return (partitionId: number) => {
      const found = ofPartition(partitionId)
      return found !== undefined && isImported(of(TOPIC_RESOURCE, found.topic.name))
    }
  })
)

const follower = Layer.provide(
  Follower.layer,
  Layer.effect(
    KeepsRows,
    Effect.map(TopicSettings, (settings) => (topic: string) => settings.of(topic).keptAsRows)
  )
)

/** What waits for SQL waits in the time of sockets: a database goes by no test's clock. */
const inWireTime = <A, E, R>(layer: Layer.Layer<A, E, R>): Layer.Layer<A, E, R> =>
  Layer.provide(layer, Layer.effect(Clock.Clock, wireClock))

/** Who gets in. */
const logins = Logins.layer.pipe(
  Layer.provide(Layer.mergeAll(roleVerifier, tokenLogins, layerInArea("security", tokenSweep))),
  Layer.provideMerge(Layer.mergeAll(ScramUsers.layer, KeyDerivation.layer, Tokens.layer))
)

/** Tells coordinators which groups are theirs. */
const coordination = Layer.effect(
  Coordinates,
  Effect.map(
    Placement,
    ({ coordinatorOf, me }) =>
      (groupId: string) =>
        coordinatorOf(GROUP_KEY, groupId) === me
  )
)

/** Who counts what this broker does: each room its own. */
const counts = Layer.mergeAll(
  Layer.sync(Counts, () => new StorageCounts()),
  Layer.sync(GroupCounts, () => new CoordinatorCounts()),
  Layer.sync(RequestCounts, () => new ServerCounts())
)

const held = Layer.effect(
  HeldByServer,
  Effect.gen(function* () {
    const [connections, sessions, answers] = [yield* Connections, yield* ShareSessions, yield* AnswerBudget]
    return HeldByServer.of({
      connections: connections.count,
      shareSessions: sessions.count,
      answerBytes: answers.held
    })
  })
)

/** Services that tests replace, and of which the simulation has versions that are wrong on purpose. */
const parts = {
  active: Active.layer,
  committer: Committer.layer,
  configs: Configs.layer,
  erase: Erase.layer,
  log: Log.layer,
  offsets: Offsets.layer,
  transactions,
  groups,
  placement: Placement.layer,
  security,
  authorizer,
  tiering: Tiering.layer
}
export type BrokerParts = typeof parts

/** Everything between a connection and the store: no socket is opened, `Connections.serve` takes them. */
export const brokerLayer = (replaced: Partial<BrokerParts> = {}) => {
  const all = { ...parts, ...replaced }
  const { active, authorizer, committer, configs, erase, groups, log, offsets, placement, security, transactions } = all
  const tiering = Layer.provide(layerInArea("objects", all.tiering), tierPolicies)
  const storage = deletions.pipe(
    Layer.provideMerge(
      layerInArea("topics", Layer.mergeAll(ProducerIds.layer, GroupStore.layer, TransactionStore.layer))
    ),
    Layer.provideMerge(
      layerInArea("log", Layer.mergeAll(Layer.provide(log, imported), offsets, SqlClaims.layer, OpenBatches.layer))
    ),
    Layer.provideMerge(layerInArea("topics", Topics.layer)),
    Layer.provideMerge(layerInArea("log", configs)),
    Layer.provideMerge(inWireTime(layerInArea("security", security))),
    Layer.provideMerge(layerInArea("commit", committer)),
    Layer.provideMerge(layerInArea("objects", objectWriting)),
    Layer.provideMerge(layerInArea("commit", active))
  )
  const kinds = Layer.mergeAll(
    ConsumerGroups.layer,
    Layer.provideMerge(ShareGroups.layer, SharePartitions.layer),
    StreamsGroups.layer
  )
  const erasing = inWireTime(Layer.provideMerge(erase, follower))
  const collecting = inWireTime(layerInArea("objects", Collector.layer))
  const merging = inWireTime(layerInArea("objects", Merger.layer))
  const keeping = Layer.provide(
    layerInArea("log", Layer.mergeAll(retention, compaction, tiering, erasing, collecting, merging)),
    keptInObjects
  )
  return BrokerMetrics.layer.pipe(
    Layer.provide(held),
    Layer.provideMerge(Layer.provide(layerInArea("net", Connections.layer), Dispatch.layer)),
    Layer.provideMerge(logins),
    Layer.provide(ClientQuotas.layer),
    Layer.provide(InternalTopics.layer),
    Layer.provideMerge(TopicAdmin.layer),
    Layer.provide(
      Layer.mergeAll(
        ResourceConfigs.layer,
        Router.layer,
        Recompression.layer,
        advertisedApis,
        authorizer,
        keeping,
        Deadlines.layer,
        AnswerBudget.layer,
        inWireTime(layerInArea("outbox", Layer.merge(outboxDrain, publications))),
        inWireTime(layerInArea("shadow", shadowing))
      )
    ),
    Layer.provide(Layer.merge(ShareSessions.layer, layerInArea("groups", kinds))),
    Layer.provideMerge(Layer.mergeAll(AutoTopics.layer, TopicSettings.layer, ClientTelemetry.layer)),
    Layer.provide(layerInArea("groups", groups)),
    Layer.provide(layerInArea("transactions", transactions)),
    Layer.provide(Layer.merge(GroupSettings.layer, coordination)),
    Layer.provide(placement),
    Layer.provideMerge(storage),
    Layer.provide(layerInArea("objects", objectAccess)),
    Layer.provide(counts)
  )
}

/** What a broker is made of, as far as one looks at it from beside. */
export type BrokerServices = Layer.Success<ReturnType<typeof brokerLayer>>

/** Settings that rooms below the server take by names of their own. */
export const tuning = (settings: Settings, memoryBytes: number | undefined) =>
  Layer.mergeAll(
    Layer.succeed(CommitterOptions, {
      maxCommitBytes: settings.commitMaxBytes,
      maxQueuedBytes: settings.commitQueueMaxBytes,
      besideBytes: settings.commitBesideBytes,
      requestTimeoutMs: settings.requestTimeoutMs,
      slowMs: settings.logSlowRequestMs
    }),
    Layer.succeed(LogOptions, {
      ...logDefaults,
      tailMaxBytes: memoryBytes ?? settings.tailCacheBytes,
      tailIsAll: memoryBytes !== undefined,
      readAheadBytes: settings.readAheadBytes,
      failoverLeap: settings.failoverOffsetLeap,
      maxProducers: settings.maxProducersPerPartition,
      producerIdExpirationMs: settings.producerIdExpirationMs
    }),
    Layer.succeed(ObjectOptions, {
      ...objectDefaults,
      lingerMs: settings.objectLingerMs,
      maxBytes: settings.objectMaxBytes,
      uploads: settings.objectUploads
    }),
    Layer.succeed(MergeOptions, {
      ...mergeDefaults,
      intervalMs: settings.objectMergeIntervalMs,
      leastAgeMs: settings.objectMergeIntervalMs,
      bytes: settings.objectMergeBytes
    }),
    Layer.succeed(CollectorOptions, {
      ...collectorDefaults,
      intervalMs: settings.objectCollectIntervalMs,
      deleteDelayMs: settings.objectDeleteDelayMs
    }),
    Layer.succeed(RetentionOptions, {
      ...retentionDefaults,
      checkIntervalMs: settings.logRetentionCheckIntervalMs
    }),
    Layer.succeed(CompactionOptions, {
      ...compactionDefaults,
      backoffMs: settings.logCleanerBackoffMs,
      maxKeyBytes: settings.logCleanerDedupeBufferSize
    }),
    Layer.succeed(TierOptions, {
      ...tierDefaults,
      intervalMs: settings.tierIntervalMs,
      bytesPerSecond: settings.tierBytesPerSecond
    }),
    Layer.succeed(EraseOptions, { ...eraseDefaults, bytesPerSecond: settings.eraseBytesPerSecond }),
    Layer.succeed(OpenBatchesOptions, { maxDecompressedBytes: settings.decompressedMaxBytes }),
    Layer.succeed(FollowerOptions, { ...followerDefaults, tableSteps: settings.sqlMaterialiseSessions }),
    Layer.succeed(TopicsOptions, { maxPartitions: settings.maxPartitions }),
    Layer.succeed(SecurityOptions, {
      maxAcls: settings.maxAcls,
      maxScramCredentials: settings.maxScramUsers,
      maxQuotas: settings.maxQuotas,
      maxDelegationTokens: settings.maxDelegationTokens
    }),
    Layer.succeed(ConnectionOptions, {
      maxRequestBytes: settings.socketRequestMaxBytes,
      maxLoginBytes: settings.saslServerMaxReceiveSize,
      maxLoginMs: settings.authenticationTimeoutMs,
      maxIdleMs: settings.connectionsMaxIdleMs,
      maxRequestMs: settings.requestReceiveTimeoutMs,
      maxWriteStallMs: settings.writeStallTimeoutMs,
      maxInFlight: settings.maxInFlightRequestsPerConnection,
      maxConnections: settings.maxConnections,
      maxConnectionsPerIp: settings.maxConnectionsPerIp,
      perIpOverrides: new Map(
        Array.from(settings.maxConnectionsPerIpOverrides, ([host, limit]) => [plainAddress(host), limit])
      ),
      maxCreationRate: settings.maxConnectionCreationRate
    })
  )
