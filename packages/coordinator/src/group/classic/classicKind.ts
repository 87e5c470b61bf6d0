import { NonEmptyGroup } from "@tusk/protocol/KafkaError"
import * as Result from "effect/Result"
import { commonKind } from "../machine/commonKind.ts"
import type { GroupKind } from "../machine/GroupKind.ts"
import { isVacant, restore, step } from "./ClassicGroup.ts"
import { Event, empty } from "./ClassicGroupState.ts"
import type { Answer, ClassicGroupConfig, ClassicGroupState, PersistedGroup } from "./ClassicGroupState.ts"
import { groupRow } from "./ClassicRows.ts"
import { CONSUMER, readSubscription, subscribedTopics } from "./SubscribedTopics.ts"

export type ClassicKind = GroupKind<"classic", ClassicGroupState, Event, Answer, PersistedGroup>

/** Groups that have their members divide the work among themselves: JoinGroup, SyncGroup, Heartbeat, LeaveGroup. */
export const classicKind = (config: ClassicGroupConfig): ClassicKind => ({
  kind: "classic",
  step,
  ...commonKind(Event),
  encode: (group, savedAtMs) => ({ value: groupRow.encode({ group, savedAtMs }) }),
  begin: () => empty(config),
  restore: ({ value }) =>
    Result.map(groupRow.decode(value), ({ group, savedAtMs }) => ({
      savedAtMs,
      start: (nowMs: number) => restore(config, group, nowMs)
    })),
  isDead: ({ phase }) => phase === "Dead",
  isVacant,
  listed: ({ members, phase, protocolType }) => ({
    protocolType: protocolType ?? "",
    state: phase,
    members: members.size
  }),
  generation: ({ generationId }) => generationId,
  commit: ({ generationId, groupInstanceId, memberId, transactional }, waiter) =>
    Event.Commit({ waiter, memberId, groupInstanceId, generationId, transactional }),
  fetchError: () => null,
  inUse: (state) => {
    if (state.phase === "Empty") return () => false
    if (state.protocolType !== CONSUMER) return new NonEmptyGroup()
    const subscribed = subscribedTopics(state, readSubscription)
    return subscribed === null ? () => true : (topic) => subscribed.has(topic)
  },
  expiry: (state) => {
    const { generationId, pendingMembers, phase, protocolType } = state
    if (phase === "Empty" && pendingMembers.size === 0) {
      return { since: protocolType === null ? "commit" : "state", isStored: generationId > 0, keeps: null }
    }
    // As Apache Kafka: those of consumers, while no rebalance changes what they are subscribed to.
    if (phase !== "Stable" || protocolType !== CONSUMER) return null
    const subscribed = subscribedTopics(state, readSubscription)
    return subscribed === null
      ? null
      : { since: "commit", isStored: true, keeps: (topic: string) => subscribed.has(topic) }
  }
})
