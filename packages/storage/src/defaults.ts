/**
 * What this package goes by if no setting says otherwise. The server's settings take their defaults from here, so that
 * a number stands in one place. Plain values: a program that only lists settings loads nothing else.
 */
const MIB = 1024 * 1024

/** Of `CommitterOptions`. */
export const committerDefaults = {
  maxCommitBytes: 8 * MIB,
  maxQueuedBytes: 128 * MIB,
  besideBytes: 128 * 1024,
  requestTimeoutMs: 30_000,
  slowMs: 10_000
}

/** Of `LogOptions`. */
export const logDefaults = {
  tailMaxBytes: 32 * MIB,
  tailIsAll: false,
  readAheadBytes: 16 * MIB,
  failoverLeap: 1_000_000,
  snapshotEvery: 1000,
  maxProducers: 10_000,
  producerIdExpirationMs: 86_400_000
}

/** Of `ObjectOptions`. */
export const objectDefaults = {
  lingerMs: -1,
  maxBytes: 8 * MIB,
  uploads: 4,
  grownBytes: 32 * MIB,
  pointableMs: 3_600_000
}

/** Of `RetentionOptions`. */
export const retentionDefaults = {
  intervalMs: 5000,
  checkIntervalMs: 300_000,
  batchesPerStep: 500,
  bytesPerStep: 32 * MIB
}

/** Of `CompactionOptions`. */
export const compactionDefaults = {
  enabled: true,
  backoffMs: 15_000,
  maxKeyBytes: 128 * MIB,
  stepBytes: 512 * 1024
}

/** Of `TierOptions`. */
export const tierDefaults = {
  intervalMs: 30_000,
  objectBytes: 32 * MIB,
  objectBatches: 10_000,
  bytesPerCommit: 8 * MIB,
  batchesPerCommit: 2000,
  bytesPerSecond: 2 ** 52
}

/** Of `EraseOptions`. */
export const eraseDefaults = {
  bytesPerSecond: 8 * MIB,
  stepBytes: 512 * 1024,
  sliceBytes: 64 * MIB,
  lookMs: 10_000,
  waitMs: 200,
  longestWaitMs: 5000,
  outboxMs: 5000
}

/** Of `MergeOptions`. */
export const mergeDefaults = {
  intervalMs: 60_000,
  leastAgeMs: 60_000,
  bytes: 32 * MIB,
  batches: 50_000,
  batchesPerCommit: 500,
  objectsPerLook: 1000,
  usesPerLook: 16
}

/** Of `FollowerOptions`. */
export const followerDefaults = {
  lookMs: 500,
  upkeepIntervalMs: 15_000,
  stepBytes: MIB,
  openBytes: 8 * MIB,
  paceMs: 20,
  tableLookMs: 1000,
  tableSteps: 4,
  tablePatienceMs: 10_000
}

/** Of `OpenBatchesOptions`. */
export const openBatchesDefaults = { maxDecompressedBytes: 64 * MIB }

/** Of `TopicsOptions`. */
export const topicsDefaults = { maxPartitions: 100_000 }

/** Of `SecurityOptions`. */
export const securityDefaults = {
  maxAcls: 100_000,
  maxScramCredentials: 100_000,
  maxQuotas: 100_000,
  maxDelegationTokens: 100_000
}

/** Of `PgOptions`, as far as they are settings. */
export const pgDefaults = {
  statementTimeoutMs: 60_000,
  lockTimeoutMs: 30_000,
  tableSessions: followerDefaults.tableSteps,
  cachedPointers: 65_536
}

/** Of `CollectorOptions`. */
export const collectorDefaults = {
  intervalMs: 300_000,
  deleteDelayMs: 7 * 86_400_000,
  settledMs: 70 * 60_000,
  orphanMs: 86_400_000,
  roundsPerSweep: 12,
  rowsPerStep: 1000,
  removedPerStep: 100
}
