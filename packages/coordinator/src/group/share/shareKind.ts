import { GroupIdNotFound } from "@tusk/protocol/KafkaError"
import * as Result from "effect/Result"
import type { GroupResourceConfig } from "../GroupConfigs.ts"
import type { GroupKind } from "../GroupKind.ts"
import { restore, step } from "./ShareGroup.ts"
import { decodeGroup, decodeMember, encodeGroup, encodeMember, memberOf, memberRow } from "./ShareGroupRecord.ts"
import { Event, empty, phaseOf } from "./ShareGroupState.ts"
import type { Answer, PersistedShareMember, ShareGroupChange, ShareGroupState } from "./ShareGroupState.ts"

export type ShareKind = GroupKind<"share", ShareGroupState, Event, Answer, ShareGroupChange>

/** Queues: groups whose members share partitions (KIP-932): ShareGroupHeartbeat. */
export const shareKind = (configs: (groupId: string) => GroupResourceConfig): ShareKind => ({
  kind: "share",
  step,
  tick: Event.Tick(),
  encode: ({ group, members, removed }, savedAtMs) => ({
    value: group && encodeGroup(group, savedAtMs),
    members: [
      ...members.map((member) => ({ memberId: memberRow(member.memberId), value: encodeMember(member) })),
      ...removed.map((memberId) => ({ memberId: memberRow(memberId), value: null }))
    ]
  }),
  begin: () => empty,
  restore: (groupId, value, stored) =>
    Result.gen(function* () {
      const { group, savedAtMs } = yield* decodeGroup(value)
      const members: Array<PersistedShareMember> = []
      for (const row of stored) {
        const memberId = memberOf(row.memberId)
        if (memberId !== undefined) members.push(yield* decodeMember(memberId, row.value))
      }
      const { shareSessionTimeoutMs } = configs(groupId)
      return { savedAtMs, start: (nowMs: number) => restore(group, members, shareSessionTimeoutMs, nowMs) }
    }),
  isDead: ({ dead }) => dead,
  isVacant: ({ dead, isStored, members }) => dead || (!isStored && members.size === 0),
  listed: (state) => ({ protocolType: "share", state: phaseOf(state) }),
  remove: (waiter) => Event.Delete({ waiter }),
  commit: (_request, waiter) => Event.Commit({ waiter }),
  refusal: (answer) => (answer._tag === "Refused" ? answer.error : null),
  fetchError: () => new GroupIdNotFound({ message: "A share group commits no offsets." }),
  inUse: () => new GroupIdNotFound({ message: "A share group commits no offsets." }),
  // What a share group has done is kept until the group is deleted.
  expiry: () => null
})
