import { assert } from "@effect/vitest"
import { restore, step } from "../../../src/group/consumer/ConsumerGroup.ts"
import { empty } from "../../../src/group/consumer/ConsumerGroupState.ts"
import type {
  Answer,
  Assigned,
  ClassicJoinEvent,
  CommitEvent,
  ConsumerGroupState,
  ConsumerTerms,
  HeartbeatEvent,
  PersistedGroup,
  PersistedMember,
  TopicPartitions
} from "../../../src/group/consumer/ConsumerGroupState.ts"
import { Event } from "../../../src/group/consumer/ConsumerGroupState.ts"
import type { TopicsView } from "../../../src/group/consumer/Subscription.ts"

export const SESSION_MS = 10_000
export const REBALANCE_MS = 30_000

export const terms: ConsumerTerms = {
  sessionTimeoutMs: SESSION_MS,
  heartbeatIntervalMs: 1000,
  assignmentIntervalMs: 0,
  maxSize: 6,
  assignors: ["uniform", "range"],
  regexRefreshIntervalMs: 600_000
}

/** Topics by name: their id is `id-<name>`. */
export const view = (version: number, sizes: ReadonlyMap<string, number>): TopicsView => ({
  version,
  byName: (name) => (sizes.has(name) ? { topicId: `id-${name}`, partitions: sizes.get(name)! } : undefined),
  partitionCount: (topicId) => sizes.get(topicId.slice(3))!,
  matching: (regex) => Array.from(sizes.keys()).filter((name) => new RegExp(`^(?:${regex})$`).test(name))
})

export const flat = (assigned: Assigned | null | undefined): Array<string> =>
  Array.from(assigned ?? []).flatMap(([topicId, partitions]) =>
    Array.from(partitions.keys(), (partition) => `${topicId.slice(3)}-${partition}`)
  )

export const toOwned = (partitions: Iterable<string>): ReadonlyArray<TopicPartitions> => {
  const byTopic = new Map<string, Array<number>>()
  for (const name of partitions) {
    const at = name.lastIndexOf("-")
    const topicId = `id-${name.slice(0, at)}`
    byTopic.set(topicId, [...(byTopic.get(topicId) ?? []), Number(name.slice(at + 1))])
  }
  return Array.from(byTopic, ([topicId, of]) => ({ topicId, partitions: of }))
}

/** The first to join is at epoch 1 here, for the ease of counting; by itself a group is at 1 without members. */
const beginning: ConsumerGroupState = { ...empty, groupEpoch: 0 }

/** A machine with its clock, its disk and everything it answered. */
export class Play {
  beginning: ConsumerGroupState = beginning
  state: ConsumerGroupState = beginning
  now = 0
  terms: ConsumerTerms = terms
  sizes = new Map([["t", 3]])
  version = 1
  writes = 0
  storedGroup: PersistedGroup | null = null
  readonly storedMembers = new Map<string, PersistedMember>()
  readonly answers = new Map<number, Answer>()
  private nextWaiter = 1
  private wakeAtMs = Infinity

  send(event: Event): void {
    const before = this.state
    const [next, outputs] = step(this.state, event, this.now)
    assert.strictEqual(this.state, before)
    this.state = next
    this.perform(outputs)
  }

  private perform(outputs: ReturnType<typeof step>[1]): void {
    let replied = false
    for (const output of outputs) {
      switch (output._tag) {
        case "Persist": {
          assert.isFalse(replied, "answered before it was stored")
          this.writes++
          const { all, group, members, removed } = output.group
          if (all) this.storedMembers.clear()
          if (group !== null) this.storedGroup = group
          for (const memberId of removed) this.storedMembers.delete(memberId)
          for (const member of members) this.storedMembers.set(member.memberId, member)
          break
        }
        case "Remove":
          this.storedGroup = null
          this.storedMembers.clear()
          break
        case "Reply":
          replied = true
          assert.isFalse(this.answers.has(output.waiter), "answered twice")
          this.answers.set(output.waiter, output.answer)
          break
        case "WakeAt":
          this.wakeAtMs = output.atMs
      }
    }
  }

  /** Another machine begins here. */
  begin(start: (now: number) => ReturnType<typeof step>): void {
    const [state, outputs] = start(this.now)
    this.state = state
    this.perform(outputs)
  }

  ask<A extends Answer["_tag"]>(make: (waiter: number) => Event): Extract<Answer, { readonly _tag: A }> | string {
    const waiter = this.nextWaiter++
    this.send(make(waiter))
    const answer = this.answers.get(waiter)
    if (answer === undefined) throw new Error("not answered")
    return answer._tag === "Refused" ? answer.error._tag : (answer as Extract<Answer, { readonly _tag: A }>)
  }

  topics(): TopicsView {
    return view(this.version, this.sizes)
  }

  /** What a joining member sends, with changes. */
  beat(
    memberId: string,
    memberEpoch: number,
    change: Partial<HeartbeatEvent> = {}
  ): Extract<Answer, { readonly _tag: "Beat" }> | string {
    const join = memberEpoch === 0
    return this.ask<"Beat">((waiter) =>
      Event.Heartbeat({
        waiter,
        newMemberId: `new${waiter}`,
        memberId,
        memberEpoch,
        instanceId: null,
        rackId: null,
        rebalanceTimeoutMs: join ? REBALANCE_MS : -1,
        subscribedTopicNames: join ? ["t"] : null,
        subscribedTopicRegex: null,
        serverAssignor: null,
        topicPartitions: join ? [] : null,
        clientId: "client",
        clientHost: "/host",
        topics: this.topics(),
        terms: this.terms,
        ...change
      })
    )
  }

  /** As a member that has what it was told, and says so. */
  owning(memberId: string, memberEpoch: number, ...partitions: ReadonlyArray<string>) {
    return this.beat(memberId, memberEpoch, { topicPartitions: toOwned(partitions) })
  }

  /** JoinGroup of a classic consumer. */
  join(memberId: string, change: Partial<ClassicJoinEvent> = {}): Extract<Answer, { readonly _tag: "Joined" }> {
    const answer = this.ask<"Joined">((waiter) =>
      Event.ClassicJoin({
        waiter,
        newMemberId: `new${waiter}`,
        memberId,
        instanceId: null,
        clientId: "client",
        clientHost: "/host",
        sessionTimeoutMs: SESSION_MS,
        rebalanceTimeoutMs: REBALANCE_MS,
        protocols: [{ name: "range", metadata: new Uint8Array([1]) }],
        subscribedTopicNames: ["t"],
        rackId: null,
        ownedPartitions: [],
        requireKnownMemberId: false,
        topics: this.topics(),
        terms: this.terms,
        ...change
      })
    )
    if (typeof answer === "string") throw new Error(answer)
    return answer
  }

  /** Partitions, or why not. */
  sync(memberId: string, generationId: number, groupInstanceId: string | null = null): ReadonlyArray<string> | string {
    const answer = this.ask<"Synced">((waiter) =>
      Event.ClassicSync({
        waiter,
        memberId,
        groupInstanceId,
        generationId,
        protocolType: "consumer",
        protocolName: "range"
      })
    )
    return typeof answer === "string" ? answer : flat(answer.assigned).sort()
  }

  classicBeat(memberId: string, generationId: number, groupInstanceId: string | null = null): string {
    const answer = this.ask<"Done">((waiter) =>
      Event.ClassicHeartbeat({
        waiter,
        memberId,
        groupInstanceId,
        generationId,
        topics: this.topics(),
        terms: this.terms
      })
    )
    return typeof answer === "string" ? answer : "ok"
  }

  leave(...members: ReadonlyArray<readonly [memberId: string, groupInstanceId: string | null]>): Array<string> {
    const answer = this.ask<"Left">((waiter) =>
      Event.ClassicLeave({
        waiter,
        members: members.map(([memberId, groupInstanceId]) => ({ memberId, groupInstanceId }))
      })
    )
    if (typeof answer === "string") return [answer]
    return answer.members.map(({ error }) => error?._tag ?? "ok")
  }

  commit(memberId: string, memberEpoch: number, change: Partial<CommitEvent> = {}): string {
    const answer = this.ask<"Done">((waiter) =>
      Event.Commit({
        waiter,
        memberId,
        groupInstanceId: null,
        memberEpoch,
        apiVersion: 9,
        transactional: false,
        partitions: [],
        ...change
      })
    )
    return typeof answer === "string" ? answer : "ok"
  }

  delete(): string {
    const answer = this.ask<"Done">((waiter) => Event.Delete({ waiter }))
    return typeof answer === "string" ? answer : "ok"
  }

  setTopic(name: string, partitions: number): void {
    if (partitions === 0) this.sizes.delete(name)
    else this.sizes.set(name, partitions)
    this.version++
  }

  /** Time goes by; the timer goes off when it is due. */
  pass(ms: number): void {
    const until = this.now + ms
    while (this.wakeAtMs <= until) {
      this.now = Math.max(this.now, this.wakeAtMs)
      this.wakeAtMs = Infinity
      this.send(Event.Tick())
    }
    this.now = until
  }

  /** The broker is started again on what was stored. */
  restart(): void {
    this.wakeAtMs = Infinity
    if (this.storedGroup === null) {
      this.state = this.beginning
      return
    }
    const [state, outputs] = restore(
      this.storedGroup,
      Array.from(this.storedMembers.values()),
      this.terms.sessionTimeoutMs,
      this.now
    )
    this.state = state
    this.perform(outputs)
  }

  /** What is stored now; puts it back. */
  snapshot(): () => void {
    const group = this.storedGroup
    const members = new Map(this.storedMembers)
    return () => {
      this.storedGroup = group
      this.storedMembers.clear()
      for (const [memberId, member] of members) this.storedMembers.set(memberId, member)
    }
  }

  /** What each member is told to own. */
  assigned(): Record<string, Array<string>> {
    return Object.fromEntries(
      Array.from(this.state.members.values(), ({ assigned, memberId }) => [memberId, flat(assigned).sort()])
    )
  }
}
