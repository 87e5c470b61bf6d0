import * as Effect from "effect/Effect"
import { LATEST, listOffsets } from "@tusk/client/admin/Offsets"
import { committedOffsets, shareOffsets } from "@tusk/client/admin/GroupOffsets"
import type { GroupOffset } from "@tusk/client/admin/GroupOffsets"
import type { GroupDescription, GroupMember } from "@tusk/client/admin/Groups"
import { Refused } from "@tusk/client/ClientError"
import type { TopicPartition } from "@tusk/client/Metadata"

/** Where a group is in a partition. */
export interface GroupPosition extends TopicPartition {
  /** Null if nothing is committed. */
  readonly offset: bigint | null
  /** Null if the partition is gone. */
  readonly end: bigint | null
  /** Records that are not read yet; null if one of the two is missing. */
  readonly lag: bigint | null
  /** Who has the partition; null if nobody, or several as in a share group. */
  readonly memberId: string | null
  readonly clientId: string | null
  readonly host: string | null
}

const key = ({ partition, topic }: TopicPartition): string => `${partition} ${topic}`

/** Who has which partition. Of share groups several may have one, and tasks of Streams name no topic. */
const ownersOf = ({ members, type }: GroupDescription): ReadonlyMap<string, GroupMember> =>
  type === "share" || type === "streams"
    ? new Map()
    : new Map(
        members.flatMap((member) =>
          member.assignment.flatMap(({ partitions, topic }) =>
            partitions.map((partition) => [key({ topic, partition }), member] as const)
          )
        )
      )

/** Positions in all partitions that a group has committed or owns, by topic and partition. Pure. */
export const positionsOf = (
  group: GroupDescription,
  offsets: ReadonlyArray<GroupOffset>,
  ends: ReadonlyMap<string, bigint>
): ReadonlyArray<GroupPosition> => {
  const owners = ownersOf(group)
  const known = new Map(offsets.map((each) => [key(each), each.offset]))
  return placesOf(group, offsets).map(({ partition, topic }) => {
    const place = { topic, partition }
    const owner = owners.get(key(place))
    const found = known.get(key(place))
    const offset = found === undefined || found === -1n ? null : found
    const end = ends.get(key(place)) ?? null
    return {
      ...place,
      offset,
      end,
      lag: offset === null || end === null ? null : end < offset ? 0n : end - offset,
      memberId: owner?.memberId ?? null,
      clientId: owner?.clientId ?? null,
      host: owner?.host ?? null
    }
  })
}

const placesOf = (group: GroupDescription, offsets: ReadonlyArray<GroupOffset>): ReadonlyArray<TopicPartition> => {
  const places = new Map<string, TopicPartition>(offsets.map((each) => [key(each), each]))
  if (group.type !== "streams") {
    for (const { assignment } of group.members) {
      for (const { partitions, topic } of assignment) {
        for (const partition of partitions) places.set(key({ topic, partition }), { topic, partition })
      }
    }
  }
  return [...places.values()].sort((a, b) =>
    a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1
  )
}

/** What a group, of whatever kind, has committed. */
export const offsetsOfGroup = ({ group, type }: Pick<GroupDescription, "group" | "type">) =>
  type === "share" ? shareOffsets(group) : committedOffsets(group)

/** Where a group is, and how far from the end. */
export const groupPositions = (group: GroupDescription) =>
  Effect.gen(function* () {
    const offsets = yield* offsetsOfGroup(group)
    const found = yield* listOffsets(placesOf(group, offsets), LATEST)
    const ends = new Map(
      found.flatMap(({ partition, result, topic }) =>
        result instanceof Refused ? [] : [[key({ topic, partition }), result.offset] as const]
      )
    )
    return positionsOf(group, offsets, ends)
  })
