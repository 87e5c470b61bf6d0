import type { TaskAssignment } from "../../../src/assignor/StickyTask.ts"
import { restore, step } from "../../../src/group/streams/StreamsGroup.ts"
import { groupRow, memberRow } from "../../../src/group/streams/StreamsRows.ts"
import { empty, Event, phaseOf } from "@tusk/coordinator/group/streams/StreamsGroupState"
import type {
  Answer,
  HeartbeatAnswer,
  Output,
  PersistedStreamsMember,
  StreamsGroupChange,
  StreamsGroupState,
  StreamsGroupTerms,
  StreamsHeartbeatEvent
} from "@tusk/coordinator/group/streams/StreamsGroupState"
import { taskIds } from "../../../src/group/streams/Tasks.ts"
import type { Held } from "../../../src/group/streams/Tasks.ts"
import { topologyFrom } from "@tusk/coordinator/group/streams/Topology"
import type { Topology } from "@tusk/coordinator/group/streams/Topology"
import * as Result from "effect/Result"

export const SESSION_MS = 45_000
export const REBALANCE_MS = 60_000
export const DELAY_MS = 3000
export const terms: StreamsGroupTerms = {
  streamsSessionTimeoutMs: SESSION_MS,
  streamsHeartbeatIntervalMs: 5000,
  streamsAssignmentIntervalMs: 0,
  streamsNumStandbyReplicas: 0,
  streamsInitialRebalanceDelayMs: 0,
  streamsMaxSize: 4
}

/** One subtopology of `tasks` tasks with state, over topic "lines". */
export const counting: Topology = topologyFrom({
  epoch: 0,
  subtopologies: [
    {
      subtopologyId: "0",
      sourceTopics: ["lines"],
      stateChangelogTopics: [
        {
          name: "counts",
          partitions: 0,
          replicationFactor: 0,
          topicConfigs: [{ key: "cleanup.policy", value: "compact" }]
        }
      ],
      repartitionSinkTopics: [],
      repartitionSourceTopics: [],
      copartitionGroups: []
    }
  ]
})

export const tasks = (active: ReadonlyArray<number>, standby: ReadonlyArray<number> = []): TaskAssignment => ({
  active: taskIds([{ subtopologyId: "0", partitions: active }]),
  standby: taskIds([{ subtopologyId: "0", partitions: standby }]),
  warmup: new Map()
})
export const partitionsOf = (held: Held | null, role: "active" | "standby" = "active"): ReadonlyArray<number> =>
  Array.from(held?.[role].get("0")?.keys() ?? []).sort((a, b) => a - b)

/** A machine with its outputs collected and its timer obeyed. */
export class StreamsPlay {
  state: StreamsGroupState = empty
  now = 1000
  terms: StreamsGroupTerms
  readonly topics = new Map<string, number>()
  version = 1
  readonly answers = new Map<number, Answer>()
  groupRow: string | null = null
  readonly memberRows = new Map<string, string>()
  /** How often something was stored. */
  writes = 0
  removed = false
  private waiter = 0

  constructor(change: Partial<StreamsGroupTerms> = {}, topics: Record<string, number> = { lines: 4, counts: 4 }) {
    this.terms = { ...terms, ...change }
    this.setTopics(topics)
  }

  setTopics(topics: Record<string, number>): void {
    for (const [name, partitions] of Object.entries(topics)) this.topics.set(name, partitions)
    this.version++
  }

  send(event: Event): void {
    const [state, outputs] = step(this.state, event, this.now)
    this.state = state
    this.carryOut(outputs)
  }

  /** Stores what changed, as the store does. */
  private store({ all, group, members, removed }: StreamsGroupChange): void {
    this.writes++
    if (group !== null) this.groupRow = groupRow.encode({ group, savedAtMs: 7 })
    if (all) this.memberRows.clear()
    for (const member of members) this.memberRows.set(member.memberId, memberRow.encode(member))
    for (const memberId of removed) this.memberRows.delete(memberId)
  }

  private carryOut(outputs: ReadonlyArray<Output>): void {
    for (const output of outputs) {
      if (output._tag === "Persist") this.store(output.group)
      if (output._tag === "Remove") this.removed = true
      if (output._tag !== "Reply") continue
      if (this.answers.has(output.waiter)) throw new Error(`waiter ${output.waiter} is answered twice`)
      this.answers.set(output.waiter, output.answer)
    }
  }

  /** Time passes; the timer goes off whenever it was set to. */
  pass(ms: number): void {
    const end = this.now + ms
    while (this.state.wakeAtMs <= end) {
      this.now = Math.max(this.now, this.state.wakeAtMs)
      this.send(Event.Tick())
    }
    this.now = end
  }

  /** All that is not stored is lost. */
  restart(): void {
    if (this.groupRow === null) {
      this.state = empty
      return
    }
    const { group } = Result.getOrThrow(groupRow.decode(this.groupRow))
    const [state, outputs] = restore(group, this.storedMembers(), this.terms.streamsSessionTimeoutMs, this.now)
    this.state = state
    this.carryOut(outputs)
  }
  storedMembers(): ReadonlyArray<PersistedStreamsMember> {
    return Array.from(this.memberRows, ([memberId, row]) => Result.getOrThrow(memberRow.decode(memberId, row)))
  }

  heartbeat(memberId: string, memberEpoch: number, change: Partial<StreamsHeartbeatEvent> = {}): number {
    const waiter = ++this.waiter
    const joins = memberEpoch === 0
    this.send(
      Event.Heartbeat({
        waiter,
        memberId,
        memberEpoch,
        endpointEpoch: 0,
        clientId: "client",
        clientHost: "/127.0.0.1",
        rackId: null,
        rebalanceTimeoutMs: joins ? REBALANCE_MS : -1,
        topology: joins ? counting : null,
        owned: joins ? tasks([]) : null,
        processId: joins ? `process of ${memberId}` : null,
        userEndpoint: null,
        clientTags: joins ? [] : null,
        shutdownApplication: false,
        terms: this.terms,
        topics: {
          version: () => this.version,
          find: (name) => {
            const partitions = this.topics.get(name)
            return partitions === undefined ? undefined : { topicId: `id-of-${name}`, partitions }
          }
        },
        ...change
      })
    )
    return waiter
  }
  join(memberId: string, change: Partial<StreamsHeartbeatEvent> = {}): number {
    return this.heartbeat(memberId, 0, change)
  }

  leave(memberId: string, shutdownApplication = false): number {
    const waiter = ++this.waiter
    this.send(Event.Leave({ waiter, memberId, shutdownApplication }))
    return waiter
  }

  commit(
    memberId: string,
    memberEpoch: number,
    partitions: ReadonlyArray<number> = [0],
    change: { readonly apiVersion?: number; readonly transactional?: boolean } = {}
  ): number {
    const waiter = ++this.waiter
    this.send(
      Event.Commit({
        waiter,
        memberId,
        memberEpoch,
        groupInstanceId: null,
        apiVersion: 9,
        transactional: false,
        partitions: partitions.map((partition) => ({ topicId: "id-of-lines", partition })),
        ...change
      })
    )
    return waiter
  }

  delete(): number {
    const waiter = ++this.waiter
    this.send(Event.Delete({ waiter }))
    return waiter
  }

  get phase() {
    return phaseOf(this.state)
  }

  /** The answer in a word: the error's tag, or "ok". */
  outcome(waiter: number): string {
    const answer = this.answers.get(waiter)
    if (answer === undefined) return "waits"
    return answer._tag === "Refused" ? answer.error._tag : "ok"
  }
  heard(waiter: number): HeartbeatAnswer {
    const answer = this.answers.get(waiter)
    if (answer?._tag !== "Heard") throw new Error(`waiter ${waiter} was not heard: ${this.outcome(waiter)}`)
    return answer
  }
  status(waiter: number): ReadonlyArray<string> {
    return this.heard(waiter).status.map(({ name }) => name)
  }
}
