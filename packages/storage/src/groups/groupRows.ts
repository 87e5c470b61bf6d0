/**
 * Where rows of a group's members and share partitions lie: `kafka.group_members` has both, under one key a group. A share
 * group's members are "member/<id>" there and its partitions "partition/<id>"; members of groups of every other kind lie
 * under their ids as they are. Only this file and the views (`viewContract.ts`) know of it.
 */
import type * as StateLoader from "../port/StateLoader.ts"
import type { Write } from "../port/Write.ts"
import type { GroupToStore, StoredGroup, StoredSharePartition } from "./StoredGroup.ts"

const SHARE = "share"
const MEMBER = "member/"
const PARTITION = "partition/"

/** The key of a member's row. */
export const memberKey = (kind: string, memberId: string): string => (kind === SHARE ? MEMBER + memberId : memberId)

/** The key of a share partition's row. */
export const partitionKey = (partitionId: number): string => PARTITION + String(partitionId)

/** A group as its rows tell it. What a share group has under any other key is passed over. */
export const fromRows = ({ groupId, kind, members: rows = [], value }: StateLoader.StoredGroup): StoredGroup => {
  if (kind !== SHARE) return { groupId, kind, value, members: rows, sharePartitions: [] }
  const members: Array<StateLoader.StoredGroupMember> = []
  const sharePartitions: Array<StoredSharePartition> = []
  for (const { memberId: key, value } of rows) {
    if (key.startsWith(MEMBER)) members.push({ memberId: key.slice(MEMBER.length), value })
    else if (key.startsWith(PARTITION)) {
      sharePartitions.push({ partitionId: Number(key.slice(PARTITION.length)), value })
    }
  }
  return { groupId, kind, value, members, sharePartitions }
}

/** All that is put comes before what is deleted. */
export const writesOf = ({
  groupId,
  kind,
  members = [],
  membersAnew = false,
  sharePartitions = [],
  value
}: GroupToStore): ReadonlyArray<Write> => {
  const writes: Array<Write> = []
  const gone: Array<Write> = []
  const put = (memberId: string, value: string | null): void => {
    if (value === null) gone.push({ _tag: "DeleteGroupMember", groupId, memberId })
    else writes.push({ _tag: "PutGroupMember", groupId, memberId, value })
  }
  if (membersAnew) writes.push({ _tag: "DeleteGroupMember", groupId, memberId: null })
  if (value !== null) writes.push({ _tag: "PutGroup", groupId, kind, value })
  for (const { memberId, value } of members) put(memberKey(kind, memberId), value)
  for (const { partitionId, value } of sharePartitions) put(partitionKey(partitionId), value)
  return gone.length === 0 ? writes : [...writes, ...gone]
}
