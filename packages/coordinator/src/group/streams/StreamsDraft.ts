import type { KafkaError } from "@tusk/protocol/KafkaError"
import { Answer } from "./StreamsGroupState.ts"
import type { Output, PersistedStreamsGroup, StreamsGroupState, StreamsMember } from "./StreamsGroupState.ts"

type Mutable<A> = { -readonly [Key in keyof A]: A[Key] }

/**
 * One step's working copy of a group: members are copied at the first change, so that the state it began with stays
 * whole. Collects the outputs.
 */
export class StreamsDraft {
  readonly now: number
  readonly group: Mutable<StreamsGroupState>
  private readonly from: StreamsGroupState
  private readonly outputs: Array<Output> = []
  private persists = false
  private earliestMs = Infinity

  constructor(state: StreamsGroupState, now: number) {
    this.from = state
    this.group = { ...state }
    this.now = now
  }

  private ownMembers(): Map<string, StreamsMember> {
    if (this.group.members === this.from.members) this.group.members = new Map(this.from.members)
    return this.group.members as Map<string, StreamsMember>
  }

  put(member: StreamsMember): void {
    this.ownMembers().set(member.memberId, member)
    this.touch(member.sessionDeadlineMs)
    this.touch(member.rebalanceDeadlineMs)
  }

  /** The others have to share its tasks. Who wanted to stop everybody has its way once all are gone. */
  remove(memberId: string): void {
    this.ownMembers().delete(memberId)
    this.group.groupEpoch++
    if (this.group.members.size === 0) this.group.shutdownBy = null
    this.persist()
  }

  /** At the end of the step, once, before any answer. */
  persist(): void {
    this.persists = true
  }

  setInitialDeadline(atMs: number): void {
    this.group.initialDeadlineMs = atMs
    this.touch(atMs)
  }

  private touch(atMs: number): void {
    if (atMs < this.earliestMs) this.earliestMs = atMs
  }
  /** The timer is spent: it has to be set again for whatever comes next. */
  timerWentOff(): void {
    this.group.wakeAtMs = Infinity
  }
  touchAll(): void {
    this.touch(this.group.initialDeadlineMs)
    for (const member of this.group.members.values()) {
      this.touch(member.sessionDeadlineMs)
      this.touch(member.rebalanceDeadlineMs)
    }
  }

  /** The group goes, with its offsets. */
  die(): void {
    this.group.dead = true
    this.outputs.push({ _tag: "Remove" })
  }
  reply(waiter: number, answer: Answer): void {
    this.outputs.push({ _tag: "Reply", waiter, answer })
  }

  finish(): readonly [StreamsGroupState, ReadonlyArray<Output>] {
    const outputs: Array<Output> = this.persists ? [{ _tag: "Persist", group: persisted(this.group) }] : []
    outputs.push(...this.outputs)
    if (this.earliestMs < this.group.wakeAtMs && !this.group.dead) {
      this.group.wakeAtMs = this.earliestMs
      outputs.push({ _tag: "WakeAt", atMs: this.earliestMs })
    }
    return [this.group, outputs]
  }
}

/** Nothing of the step happens but the refusal. */
export const refused = (
  state: StreamsGroupState,
  waiter: number,
  error: KafkaError
): readonly [StreamsGroupState, ReadonlyArray<Output>] => [
  state,
  [{ _tag: "Reply", waiter, answer: Answer.Refused({ error }) }]
]

const persisted = (state: StreamsGroupState): PersistedStreamsGroup => ({
  groupEpoch: state.groupEpoch,
  assignmentEpoch: state.assignmentEpoch,
  topology: state.topology,
  validatedTopologyEpoch: state.validatedTopologyEpoch,
  topicsSeen: state.topicsSeen,
  standbyReplicas: state.standbyReplicas,
  members: Array.from(state.members.values(), (member) => ({
    memberId: member.memberId,
    memberEpoch: member.memberEpoch,
    previousEpoch: member.previousEpoch,
    phase: member.phase,
    rackId: member.rackId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    topologyEpoch: member.topologyEpoch,
    processId: member.processId,
    userEndpoint: member.userEndpoint,
    clientTags: member.clientTags,
    held: member.held,
    revoking: member.revoking,
    target: member.target
  }))
})
