import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { commonKind } from "../machine/commonKind.ts"
import type { GroupKind } from "../machine/GroupKind.ts"
import { memberRows } from "../machine/memberRows.ts"
import { fetchError, isVacant, restore, step } from "./StreamsGroup.ts"
import { groupRow, memberRow } from "./StreamsRows.ts"
import { Event, empty, phaseOf } from "./StreamsGroupState.ts"
import type { Answer, StreamsGroupChange, StreamsGroupState } from "./StreamsGroupState.ts"
import { readerOf } from "./Topology.ts"

export type StreamsKind = GroupKind<"streams", StreamsGroupState, Event, Answer, StreamsGroupChange>

/** Groups of KIP-1071, in which members run the tasks of a Kafka Streams application: StreamsGroupHeartbeat. */
export const streamsKind = (configs: (groupId: string) => GroupResourceConfig): StreamsKind => ({
  kind: "streams",
  step,
  ...commonKind(Event),
  begin: () => empty,
  ...memberRows({
    groupRow,
    memberRow,
    restore,
    sessionTimeoutMs: (groupId) => configs(groupId).streamsSessionTimeoutMs
  }),
  isDead: ({ dead }) => dead,
  isVacant,
  listed: (state) => ({ protocolType: "streams", state: phaseOf(state), members: state.members.size }),
  generation: ({ groupEpoch }) => groupEpoch,
  commit: ({ apiVersion, generationId, groupInstanceId, memberId, partitions, transactional }, waiter) =>
    Event.Commit({
      waiter,
      memberId,
      groupInstanceId,
      memberEpoch: generationId,
      apiVersion,
      transactional,
      partitions: partitions ?? null
    }),
  fetchError,
  inUse: ({ members, topology }) => {
    if (members.size === 0 || topology === null) return () => false
    return (topic) => readerOf(topology, topic) !== undefined
  },
  expiry: ({ members, topology }) => {
    if (members.size === 0) return { since: "commit", isStored: topology !== null, keeps: null }
    if (topology === null) return null
    return { since: "commit", isStored: true, keeps: (topic: string) => readerOf(topology, topic) !== undefined }
  }
})
