import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import type { JoinGroupResponse } from "@tusk/protocol/messages/JoinGroup"
import { LeaveGroup } from "@tusk/protocol/messages/LeaveGroup"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, Lost, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { commitRequest, fetchOnce, joinRequest, OFFSET_OUT_OF_RANGE, PARTITIONS } from "./Requests.ts"
import { TOPIC } from "./topicNames.ts"

const UNKNOWN_MEMBER_ID = 25
const MEMBER_ID_REQUIRED = 79
const REBALANCE_IN_PROGRESS = 27
const ILLEGAL_GENERATION = 22
/** Refusals after which nothing of the commit can ever be stored. */
const FENCED_INSTANCE_ID = 82
const REFUSALS = new Set([FENCED_INSTANCE_ID, UNKNOWN_MEMBER_ID, ILLEGAL_GENERATION, REBALANCE_IN_PROGRESS])
const SESSION_TIMEOUT_MS = 6000
const REBALANCE_TIMEOUT_MS = 5000
const HEARTBEAT_MS = 1000
/** A rebalance may wait for as long as it takes, and for a group that is stored. */
const JOIN_MS = 60_000

/** What a member tells of itself to fibers that wait for its group to settle. */
export interface MemberState {
  readonly group: string
  readonly name: string
  /** A static member's (KIP-345): the next one of this name takes its place without a rebalance. */
  readonly instanceId: string | null
  /** -1 while it has no assignment. */
  generation: number
  partitions: ReadonlyArray<number>
  alive: boolean
}

/** A member of a classic group: joins, reads what it is assigned, commits, and now and then falls silent for too long. */
export class Member {
  readonly state: MemberState
  readonly #history: History
  readonly #client: Client
  #memberId = ""
  #commits = 0
  /**
   * When it sent the last heartbeat that showed it a member, and no rebalance begun; a commit may be taken during one.
   * What a superseded broker hears does not count.
   */
  #soundMs = -Infinity
  #soundEra = 0
  #positions = new Map<number, number>()
  /** Set when the world heals: from then on it behaves. */
  readonly #calm: () => boolean

  constructor(
    shared: ClientWorld,
    history: History,
    group: string,
    name: string,
    instanceId: string | null,
    calm: () => boolean
  ) {
    this.#client = new Client(shared, name)
    this.#history = history
    this.#calm = calm
    this.state = { group, name, instanceId, generation: -1, partitions: [], alive: true }
  }

  readonly run: Effect.Effect<void> = Effect.suspend(() => this.#loop)

  get #loop(): Effect.Effect<void> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const lived = yield* Effect.result(Effect.andThen(this.#join, this.#live))
        this.state.generation = -1
        this.state.partitions = []
        if (Result.isFailure(lived) && lived.failure instanceof Lost) client.log("lost its connection")
        if (!this.state.alive) return
        yield* Effect.sleep(client.chance.between(10, 100))
      }
    })
  }

  /** For good, with or without a word. */
  get #depart(): Effect.Effect<void, Lost> {
    return Effect.suspend(() => {
      this.state.alive = false
      const silently = this.#client.chance.permille(500)
      this.#client.log(silently ? "dies" : "leaves")
      if (silently) {
        this.#client.disconnect()
        return Effect.void
      }
      return Effect.asVoid(
        this.#client.call(LeaveGroup, 3, {
          ...LeaveGroup.request.defaults(),
          groupId: this.state.group,
          members: [{ memberId: this.#memberId, groupInstanceId: this.state.instanceId, reason: null }]
        })
      )
    })
  }

  get #join(): Effect.Effect<void, Lost | "again"> {
    const client = this.#client
    const { group } = this.state
    return Effect.gen({ self: this }, function* () {
      const request = joinRequest(
        group,
        this.#memberId,
        this.state.instanceId,
        SESSION_TIMEOUT_MS,
        REBALANCE_TIMEOUT_MS
      )
      const startMs = client.nowMs
      const before = this.#history.groups.generation(group)
      const { era } = this.#history
      const { instanceId } = this.state
      if (instanceId !== null) this.#history.groups.claims(group, instanceId, client.name)
      const joined = yield* client.call(JoinGroup, 5, request, 12_000, JOIN_MS)
      client.log(`joins ${group}: error ${joined.errorCode} generation ${joined.generationId}`)
      if (joined.errorCode === MEMBER_ID_REQUIRED) this.#memberId = joined.memberId
      this.#learn(joined.errorCode)
      if (joined.errorCode !== 0) return yield* Effect.fail("again" as const)
      this.#memberId = joined.memberId
      const synced = yield* client.call(
        SyncGroup,
        3,
        {
          ...SyncGroup.request.defaults(),
          groupId: group,
          generationId: joined.generationId,
          memberId: joined.memberId,
          groupInstanceId: this.state.instanceId,
          assignments: joined.leader === joined.memberId ? assign(joined) : []
        },
        12_000,
        JOIN_MS
      )
      this.#learn(synced.errorCode)
      if (synced.errorCode !== 0) {
        client.log(`sync of ${group}: error ${synced.errorCode}`)
        return yield* Effect.fail("again" as const)
      }
      const isBehind = client.mayBeBehind(startMs) || era !== this.#history.era
      if (!isBehind) this.#history.groups.joined(group, joined.generationId, before, client.name)
      const partitions = Array.from(synced.assignment)
      client.log(`generation ${joined.generationId} of ${group}: ${partitions.join(",")}`)
      if (!isBehind) {
        if (instanceId !== null)
          this.#history.groups.takesPlace(group, instanceId, joined.memberId, startMs, client.nowMs)
        this.#history.groups.assigned(group, joined.generationId, instanceId ?? joined.memberId, partitions)
      }
      this.state.generation = joined.generationId
      this.state.partitions = partitions
      yield* this.#startPositions(partitions)
    })
  }

  #startPositions(partitions: ReadonlyArray<number>): Effect.Effect<void, Lost | "again"> {
    return Effect.gen({ self: this }, function* () {
      this.#positions = new Map()
      if (partitions.length === 0) return
      const offsets = yield* fetchOffsets(this.#client, this.#history, this.state.group, partitions)
      if (offsets === undefined) return yield* Effect.fail("again" as const)
      for (const partition of partitions) this.#positions.set(partition, Math.max(0, offsets.get(partition) ?? 0))
    })
  }

  /** Until something says that the group moves on. */
  get #live(): Effect.Effect<void, Lost | "again"> {
    const client = this.#client
    const { chance } = client
    return Effect.gen({ self: this }, function* () {
      let beatAtMs = client.nowMs
      while (true) {
        if (!this.#calm()) {
          if (chance.permille(4)) return yield* this.#depart
          if (chance.permille(6)) yield* this.#fallSilent
        }
        if (client.nowMs - beatAtMs >= HEARTBEAT_MS) {
          beatAtMs = client.nowMs
          const { era } = this.#history
          const errorCode = (yield* client.call(Heartbeat, 3, this.#identity)).errorCode
          this.#told(errorCode, beatAtMs)
          if (errorCode === 0 && !client.mayBeBehind(beatAtMs)) {
            this.#soundMs = beatAtMs
            this.#soundEra = era
          }
          if (errorCode !== 0) client.log(`heartbeat: error ${errorCode}`)
          this.#learn(errorCode)
          if (errorCode !== 0) return
        }
        if (this.#positions.size > 0) {
          const errors = yield* fetchOnce(client, this.#history, this.#positions, 300)
          for (const [partition, errorCode] of errors) {
            if (errorCode === OFFSET_OUT_OF_RANGE) {
              this.#history.violate(
                "L6",
                `${client.name} may not read ${this.#positions.get(partition)} of ${partition}`
              )
            }
          }
          if (chance.permille(300)) yield* this.#commit
        }
        yield* Effect.sleep(chance.between(20, 200))
      }
    })
  }

  /** Longer than its session lasts; then it goes on as if nothing had been: first of all it commits. */
  get #fallSilent(): Effect.Effect<void, Lost | "again"> {
    return Effect.suspend(() => {
      this.#client.log("falls silent")
      const silence = Effect.sleep(this.#client.chance.between(4000, 14_000))
      return Effect.andThen(silence, this.#positions.size > 0 ? this.#commit : Effect.void)
    })
  }

  /** G3: no member is put out that was heard of less than a session, or a rebalance, ago. */
  #told(errorCode: number, startMs: number): void {
    const silentMs = this.#client.nowMs - this.#soundMs
    if (errorCode !== UNKNOWN_MEMBER_ID || this.#client.mayBeBehind(startMs)) return
    if (this.#soundEra !== this.#history.era || this.#client.hasMetClockStep) return
    if (this.#history.groups.hasRivals(this.state.group, this.state.instanceId)) return
    if (silentMs < Math.min(SESSION_TIMEOUT_MS, REBALANCE_TIMEOUT_MS)) {
      this.#history.violate("G3", `${this.#client.name} is no member ${silentMs} ms after it was one`)
    }
  }

  /** Unknown: it has to begin anew. Fenced: another one has its place. */
  #learn(errorCode: number): void {
    if (errorCode === UNKNOWN_MEMBER_ID) this.#memberId = ""
    if (errorCode !== FENCED_INSTANCE_ID || this.state.instanceId === null) return
    this.#client.log("is fenced")
    this.state.alive = false
  }

  get #identity() {
    return {
      groupId: this.state.group,
      generationId: this.state.generation,
      memberId: this.#memberId,
      groupInstanceId: this.state.instanceId
    }
  }

  get #commit(): Effect.Effect<void, Lost | "again"> {
    const client = this.#client
    const { generation, group } = this.state
    return Effect.gen({ self: this }, function* () {
      const startMs = client.nowMs
      const { era } = this.#history
      const newest = this.#history.groups.generation(group)
      const replaced = this.#history.groups.isReplaced(group, this.state.instanceId, this.#memberId)
      const sent = Array.from(this.#positions, ([partition, offset]) => {
        const id = `${client.name}#${++this.#commits}`
        return { partition, offset, id, commit: this.#history.commits(group, partition, id, client.nowMs) }
      })
      const offsets = sent.map(({ id, offset, partition }) => [partition, offset, id] as const)
      const answer = yield* client.call(OffsetCommit, 7, commitRequest(group, this.#identity, offsets))
      let worst = 0
      for (const { errorCode, partitionIndex } of answer.topics[0]!.partitions) {
        const { commit } = sent.find(({ partition }) => partition === partitionIndex)!
        worst ||= errorCode
        const isSure = era === this.#history.era
        if (errorCode === 0) {
          this.#history.committed(commit, group, generation, isSure ? newest : -1, isSure && replaced, client.nowMs)
        }
        if (REFUSALS.has(errorCode)) commit.outcome = "refused"
      }
      this.#told(worst, startMs)
      client.log(`commits ${offsets.map(([partition, offset]) => `${partition}=${offset}`).join(" ")}: error ${worst}`)
      this.#learn(worst)
      if (worst !== 0) return yield* Effect.fail("again" as const)
    })
  }
}

/** Every partition to one member. */
const assign = (joined: JoinGroupResponse) =>
  joined.members.map(({ memberId }, i) => ({
    memberId,
    assignment: Uint8Array.from(
      Array.from({ length: PARTITIONS }, (_, partition) => partition).filter((p) => p % joined.members.length === i)
    )
  }))

/** By partition; -1 for none; undefined: the broker would not tell. What was told goes into the history. */
export const fetchOffsets = (client: Client, history: History, group: string, partitions: ReadonlyArray<number>) =>
  Effect.gen(function* () {
    const startMs = client.nowMs
    const answer = yield* client.call(OffsetFetch, 5, {
      ...OffsetFetch.request.defaults(),
      groupId: group,
      topics: [{ name: TOPIC, partitionIndexes: partitions }]
    })
    if (answer.errorCode !== 0) return undefined
    const offsets = new Map<number, number>()
    for (const { committedOffset, errorCode, metadata, partitionIndex } of answer.topics[0]!.partitions) {
      if (errorCode !== 0) return undefined
      const id = committedOffset < 0n ? null : metadata
      client.log(`${group}/${partitionIndex} is ${committedOffset} ${id}`)
      if (!client.mayBeBehind(startMs)) history.fetched(client.name, group, partitionIndex, id, startMs, client.nowMs)
      offsets.set(partitionIndex, Number(committedOffset))
    }
    return offsets
  })
