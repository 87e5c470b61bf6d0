import type * as Result from "effect/Result"
import { array, integer, nullable, object, reading, string, version } from "../machine/RecordFields.ts"
import type { PersistedShareGroup, PersistedShareMember } from "./ShareGroupState.ts"

/** The form written; a reader refuses what it does not know. */
const VERSION = 1
const MAX_CHARACTERS = 16 * 1024 * 1024

/** A group as it is stored, without its members. */
export interface ShareGroupRecord {
  readonly group: PersistedShareGroup
  /** Milliseconds since the epoch. */
  readonly savedAtMs: number
}

export const encodeGroup = ({ group, savedAtMs }: ShareGroupRecord): string =>
  JSON.stringify({ version: VERSION, savedAtMs, groupEpoch: group.groupEpoch, assignmentEpoch: group.assignmentEpoch })

export const decodeGroup = (value: string): Result.Result<ShareGroupRecord, string> =>
  reading(value, MAX_CHARACTERS, (json) => {
    const record = object(json, "share group")
    version(record, VERSION)
    return {
      savedAtMs: integer(record["savedAtMs"], "savedAtMs"),
      group: {
        groupEpoch: integer(record["groupEpoch"], "groupEpoch"),
        assignmentEpoch: integer(record["assignmentEpoch"], "assignmentEpoch")
      }
    }
  })

export const encodeMember = (member: PersistedShareMember): string =>
  JSON.stringify({
    version: VERSION,
    rackId: member.rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: member.subscribedTopicNames,
    memberEpoch: member.memberEpoch,
    previousMemberEpoch: member.previousMemberEpoch
  })

export const decodeMember = (memberId: string, value: string): Result.Result<PersistedShareMember, string> =>
  reading(value, MAX_CHARACTERS, (json) => {
    const record = object(json, "member")
    version(record, VERSION)
    return {
      memberId,
      rackId: nullable(record["rackId"], "rackId"),
      clientId: string(record["clientId"], "clientId"),
      clientHost: string(record["clientHost"], "clientHost"),
      subscribedTopicNames: array(record["subscribedTopicNames"], "subscribedTopicNames").map((name) =>
        string(name, "topic")
      ),
      memberEpoch: integer(record["memberEpoch"], "memberEpoch"),
      previousMemberEpoch: integer(record["previousMemberEpoch"], "previousMemberEpoch")
    }
  })

/** Rows of a share group's members, and of the partitions it reads, lie in one table: this tells them apart. */
const MEMBER = "member/"
const PARTITION = "partition/"

export const memberRow = (memberId: string): string => MEMBER + memberId
export const memberOf = (row: string): string | undefined =>
  row.startsWith(MEMBER) ? row.slice(MEMBER.length) : undefined
export const partitionRow = (partitionId: number): string => PARTITION + String(partitionId)
export const partitionOf = (row: string): number | undefined =>
  row.startsWith(PARTITION) ? Number(row.slice(PARTITION.length)) : undefined
