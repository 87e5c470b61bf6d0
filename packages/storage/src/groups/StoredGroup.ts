/** A group as its coordinator keeps it, whatever the place of its rows. */
import type { StoredGroupMember } from "../port/StateLoader.ts"

/** What a share group has done with one partition. */
export interface StoredSharePartition {
  readonly partitionId: number
  readonly value: string
}

/** All that is stored of a group but its offsets. */
export interface StoredGroup {
  readonly groupId: string
  readonly kind: string
  /** The coordinator's own text, as all values here. */
  readonly value: string
  /** Those that are stored apart. */
  readonly members: ReadonlyArray<StoredGroupMember>
  /** None of a group of another kind. */
  readonly sharePartitions: ReadonlyArray<StoredSharePartition>
}

/** What is to be stored of a group, together. */
export interface GroupToStore {
  readonly groupId: string
  readonly kind: string
  /** Null: as it was. */
  readonly value: string | null
  /** Members stored apart that changed; a null value: gone. */
  readonly members?: ReadonlyArray<{ readonly memberId: string; readonly value: string | null }>
  /** Members stored before and not named here are gone too; share partitions with them. */
  readonly membersAnew?: boolean
  /** Share partitions that changed; a null value: gone. */
  readonly sharePartitions?: ReadonlyArray<{ readonly partitionId: number; readonly value: string | null }>
}
