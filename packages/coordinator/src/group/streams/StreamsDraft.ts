import type { KafkaError } from "@tusk/protocol/KafkaError"
import { ownMap } from "../machine/ownCopy.ts"
import { Answer } from "./StreamsGroupState.ts"
import type {
  Output,
  PersistedStreamsGroup,
  PersistedStreamsMember,
  StreamsGroupChange,
  StreamsGroupState,
  StreamsMember
} from "./StreamsGroupState.ts"

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
  /** Members that were put or removed. */
  private readonly touched = new Set<string>()
  private earliestMs = Infinity

  constructor(state: StreamsGroupState, now: number) {
    this.from = state
    this.group = { ...state }
    this.now = now
  }

  private ownMembers(): Map<string, StreamsMember> {
    return (this.group.members = ownMap(this.group.members, this.from.members))
  }

  put(member: StreamsMember): void {
    this.ownMembers().set(member.memberId, member)
    this.touched.add(member.memberId)
    this.touch(member.sessionDeadlineMs)
    this.touch(member.rebalanceDeadlineMs)
  }

  /** The others have to share its tasks. A shutdown that a member asked for is done once all are gone. */
  remove(memberId: string): void {
    this.ownMembers().delete(memberId)
    this.touched.add(memberId)
    this.group.groupEpoch++
    if (this.group.members.size === 0) this.group.shutdownBy = null
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

  /** What changed is stored before any member is told. */
  finish(): readonly [StreamsGroupState, ReadonlyArray<Output>] {
    const change = this.group.dead ? null : this.change()
    const outputs: Array<Output> = change === null ? [] : [{ _tag: "Persist", group: change }]
    outputs.push(...this.outputs)
    if (this.earliestMs < this.group.wakeAtMs && !this.group.dead) {
      this.group.wakeAtMs = this.earliestMs
      outputs.push({ _tag: "WakeAt", atMs: this.earliestMs })
    }
    return [this.group, outputs]
  }

  private change(): StreamsGroupChange | null {
    const before = persistedGroup(this.from)
    const after = persistedGroup(this.group)
    const members: Array<PersistedStreamsMember> = []
    const removed: Array<string> = []
    for (const memberId of this.touched) {
      const member = this.group.members.get(memberId)
      const former = this.from.members.get(memberId)
      if (member === undefined) removed.push(memberId)
      else if (former === undefined || !isSame(persistedMember(member), persistedMember(former))) {
        members.push(persistedMember(member))
      }
    }
    const group = isSame(before, after) ? null : after
    return group === null && members.length === 0 && removed.length === 0
      ? null
      : { group, members, removed, all: this.from.topology === null }
  }
}

/** Both have the same keys, and values that are never changed in place. */
const isSame = <A extends object>(a: A, b: A): boolean =>
  (Object.keys(a) as Array<keyof A>).every((key) => a[key] === b[key])

/** Nothing of the step happens but the refusal. */
export const refused = (
  state: StreamsGroupState,
  waiter: number,
  error: KafkaError
): readonly [StreamsGroupState, ReadonlyArray<Output>] => [
  state,
  [{ _tag: "Reply", waiter, answer: Answer.Refused({ error }) }]
]

const persistedGroup = (state: StreamsGroupState): PersistedStreamsGroup => ({
  groupEpoch: state.groupEpoch,
  assignmentEpoch: state.assignmentEpoch,
  topology: state.topology,
  validatedTopologyEpoch: state.validatedTopologyEpoch,
  topicsSeen: state.topicsSeen,
  standbyReplicas: state.standbyReplicas
})

const persistedMember = ({
  rebalanceDeadlineMs: _rebalance,
  sessionDeadlineMs: _session,
  ...member
}: StreamsMember): PersistedStreamsMember => member
