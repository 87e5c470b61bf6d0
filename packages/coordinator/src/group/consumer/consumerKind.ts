import type { GroupResourceConfig } from "../machine/GroupConfigs.ts"
import { commonKind } from "../machine/commonKind.ts"
import type { GroupKind } from "../machine/GroupKind.ts"
import { memberRows } from "../machine/memberRows.ts"
import { fetchError, isVacant, restore, step } from "./ConsumerGroup.ts"
import { Event, NEVER_STORED, empty, phaseOf } from "./ConsumerGroupState.ts"
import type { Answer, ConsumerGroupState, GroupChange } from "./ConsumerGroupState.ts"
import { groupRow, memberRow } from "./ConsumerRows.ts"

export type ConsumerKind = GroupKind<"consumer", ConsumerGroupState, Event, Answer, GroupChange>

/** Groups of KIP-848, for which the broker makes the assignment: ConsumerGroupHeartbeat. */
export const consumerKind = (configs: (groupId: string) => GroupResourceConfig): ConsumerKind => ({
  kind: "consumer",
  step,
  ...commonKind(Event),
  begin: () => empty,
  ...memberRows({
    groupRow,
    memberRow,
    restore,
    sessionTimeoutMs: (groupId) => configs(groupId).consumerSessionTimeoutMs
  }),
  isDead: ({ dead }) => dead,
  isVacant,
  listed: (state) => ({ protocolType: "consumer", state: phaseOf(state), members: state.members.size }),
  generation: ({ groupEpoch }) => groupEpoch,
  commit: ({ apiVersion, generationId, groupInstanceId, memberId, partitions, transactional }, waiter) =>
    Event.Commit({
      waiter,
      memberId,
      groupInstanceId,
      memberEpoch: generationId,
      apiVersion,
      transactional,
      partitions: partitions ?? []
    }),
  fetchError,
  inUse: subscribed,
  expiry: (state) => ({
    since: "commit",
    isStored: state.stored !== NEVER_STORED,
    keeps: state.members.size > 0 ? subscribed(state) : null
  })
})

const subscribed = (state: ConsumerGroupState): ((topic: string) => boolean) => {
  const names = new Set<string>()
  for (const { subscribedTopicNames, subscribedTopicRegex } of state.members.values()) {
    for (const name of subscribedTopicNames) names.add(name)
    for (const name of state.resolved.get(subscribedTopicRegex) ?? []) names.add(name)
  }
  return (topic) => names.has(topic)
}
