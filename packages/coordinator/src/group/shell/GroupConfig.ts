import type { ClassicGroupConfig } from "../classic/ClassicGroupState.ts"
import { GROUP_ID_MAX_BYTES } from "../machine/Ids.ts"

/** The coordinator's settings, by Kafka's names if it has them. */
export interface GroupConfig extends ClassicGroupConfig {
  /** Groups at one time; one more is refused with POLICY_VIOLATION. */
  readonly maxGroups: number
  /** Bytes of a group's id, as it is stored: INVALID_GROUP_ID for a longer one. */
  readonly maxGroupIdBytes: number
  /** `offsets.retention.minutes`: offsets of a group that has been empty so long are deleted. */
  readonly offsetsRetentionMs: number
  /** `offsets.retention.check.interval.ms`. */
  readonly offsetsRetentionCheckIntervalMs: number
  /** `offset.metadata.max.bytes`, in UTF-16 units as Kafka counts. */
  readonly offsetMetadataMaxBytes: number
}

/** The server's settings take their defaults from here. */
export const defaultGroupConfig: GroupConfig = {
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  initialRebalanceDelayMs: 0,
  maxSize: 1000,
  newMemberJoinTimeoutMs: 300_000,
  memberMaxBytes: 1024 * 1024,
  groupMaxBytes: 32 * 1024 * 1024,
  maxGroups: 10_000,
  maxGroupIdBytes: GROUP_ID_MAX_BYTES,
  offsetsRetentionMs: 7 * 24 * 60 * 60 * 1000,
  offsetsRetentionCheckIntervalMs: 600_000,
  offsetMetadataMaxBytes: 4096
}
