import { GroupIdNotFound } from "@tusk/protocol/KafkaError"
import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { commonKind } from "../machine/commonKind.ts"
import type { GroupKind } from "../machine/GroupKind.ts"
import { memberRows } from "../machine/memberRows.ts"
import { restore, step } from "./ShareGroup.ts"
import { groupRow, memberRow } from "./ShareRows.ts"
import { Event, empty, phaseOf } from "./ShareGroupState.ts"
import type { Answer, ShareGroupChange, ShareGroupState } from "./ShareGroupState.ts"

export type ShareKind = GroupKind<"share", ShareGroupState, Event, Answer, ShareGroupChange>

/** Queues: groups in which members share partitions (KIP-932): ShareGroupHeartbeat. */
export const shareKind = (configs: (groupId: string) => GroupResourceConfig): ShareKind => ({
  kind: "share",
  step,
  ...commonKind(Event),
  begin: () => empty,
  ...memberRows({
    groupRow,
    memberRow,
    restore,
    sessionTimeoutMs: (groupId) => configs(groupId).shareSessionTimeoutMs
  }),
  isDead: ({ dead }) => dead,
  isVacant: ({ dead, isStored, members }) => dead || (!isStored && members.size === 0),
  listed: (state) => ({ protocolType: "share", state: phaseOf(state), members: state.members.size }),
  generation: ({ groupEpoch }) => groupEpoch,
  commit: (_request, waiter) => Event.Commit({ waiter }),
  fetchError: () => new GroupIdNotFound({ message: "A share group commits no offsets." }),
  inUse: () => new GroupIdNotFound({ message: "A share group commits no offsets." }),
  // What a share group has done is kept until the group is deleted.
  expiry: () => null
})
