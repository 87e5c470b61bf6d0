import {
  ConsumerProtocolAssignment,
  type ConsumerProtocolAssignmentData
} from "@tusk/protocol/embedded/ConsumerProtocolAssignment"
import {
  ConsumerProtocolSubscription,
  type ConsumerProtocolSubscriptionData
} from "@tusk/protocol/embedded/ConsumerProtocolSubscription"
import { decodeVersioned, encodeVersioned } from "@tusk/protocol/embedded/Versioned"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { LeaveGroup } from "@tusk/protocol/messages/LeaveGroup"
import { SyncGroup } from "@tusk/protocol/messages/SyncGroup"
import {
  FENCED_INSTANCE_ID,
  ILLEGAL_GENERATION,
  isCoordinatorAway,
  MEMBER_ID_REQUIRED,
  NONE,
  REBALANCE_IN_PROGRESS,
  UNKNOWN_MEMBER_ID
} from "./Codes.ts"
import type { Assign, Owned } from "./Assign.ts"
import type { Member } from "./Member.ts"
import { commitOffsets } from "./commitOffsets.ts"
import { Pause } from "./Pause.ts"
import { Closed, Wire } from "./Wire.ts"

export interface ClassicMemberOptions {
  readonly bootstrap: string
  readonly groupId: string
  readonly topic: string
  /** Partitions of the topic: the leader shares these out. */
  readonly partitions: number
  readonly assign: Assign
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly heartbeatIntervalMs: number
  readonly instanceId?: string
}

/** A partition of the one topic that members read. */
export type Partition = number

/**
 * A member of a classic group without a consumer around it: joins, syncs, heartbeats, commits where it is told to. A lost
 * connection is made again and the member goes on as who it was, as Kafka's clients do.
 */
export class ClassicMember implements Member {
  readonly options: ClassicMemberOptions
  memberId = ""
  /** -1 while it is in no generation. */
  generation = -1
  owned: ReadonlyArray<Partition> = []
  /** What it was taken, each counted once a generation. */
  revoked = 0
  joins = 0
  heartbeats = 0
  /** Why it had to join again or ended, by code. */
  readonly refusals = new Map<number, number>()
  /** Moment of the last change of what it owns or of its generation, as `performance.now()` counts. */
  changedAt = 0
  /** A code that ends a member for good. */
  fencedBy: number | undefined
  #wire: Wire | undefined
  readonly #pause = new Pause()
  #stopping = false
  #ended: Promise<void> | undefined
  #rejoin = true

  constructor(options: ClassicMemberOptions) {
    this.options = options
  }

  /** Begins; what goes wrong for good ends it and is thrown by `stop`. */
  start(): void {
    this.#ended = this.#live()
  }

  get epoch(): number {
    return this.generation
  }

  /** Whether it is in a generation and heartbeats. */
  get isSettled(): boolean {
    return this.generation >= 0 && !this.#rejoin
  }

  /** Leaves the group, if `leave`, and ends; without leaving it is as one that crashed. */
  async stop(leave = true): Promise<void> {
    this.#stopping = true
    this.#pause.end()
    if (!leave) this.#wire?.close()
    await this.#ended
    if (leave && this.memberId !== "" && this.#wire !== undefined && !this.#wire.isClosed) {
      const { groupId, instanceId = null } = this.options
      const members = [{ memberId: this.memberId, groupInstanceId: instanceId }]
      await this.#wire.call(LeaveGroup, 5, { groupId, members })
    }
    this.#wire?.close()
  }

  /** The code for each partition; rejects when the connection is lost before the answer. */
  async commit(offsets: ReadonlyMap<Partition, bigint>): Promise<ReadonlyArray<number>> {
    const wire = this.#wire
    if (wire === undefined) throw new Closed("not connected")
    const { groupId, instanceId = null, topic } = this.options
    return commitOffsets(wire, topic, offsets, {
      groupId,
      generationIdOrMemberEpoch: this.generation,
      memberId: this.memberId,
      groupInstanceId: instanceId
    })
  }

  async #live(): Promise<void> {
    while (!this.#stopping && this.fencedBy === undefined) {
      try {
        if (this.#wire === undefined || this.#wire.isClosed) {
          this.#wire = await Wire.connect(this.options.bootstrap, this.options.groupId)
        }
        if (this.#rejoin) await this.#join(this.#wire)
        else await this.#heartbeat(this.#wire)
      } catch (error) {
        if (!(error instanceof Closed)) throw error
        await this.#pause.sleep(50)
      }
    }
  }

  async #heartbeat(wire: Wire): Promise<void> {
    const { groupId, heartbeatIntervalMs, instanceId = null } = this.options
    await this.#pause.sleep(heartbeatIntervalMs)
    if (this.#stopping) return
    const { generation: generationId, memberId } = this
    const { errorCode } = await wire.call(Heartbeat, 4, {
      groupId,
      generationId,
      memberId,
      groupInstanceId: instanceId
    })
    this.heartbeats++
    if (errorCode !== NONE) await this.#refused(errorCode)
  }

  async #refused(code: number): Promise<void> {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
    if (isCoordinatorAway(code)) return void (await this.#pause.sleep(50))
    if (code === FENCED_INSTANCE_ID) {
      this.fencedBy = code
      return
    }
    if (code === UNKNOWN_MEMBER_ID) this.memberId = ""
    if (code === UNKNOWN_MEMBER_ID || code === ILLEGAL_GENERATION) {
      this.#own([])
      this.generation = -1
    } else if (code !== REBALANCE_IN_PROGRESS && code !== MEMBER_ID_REQUIRED) {
      throw new Error(`${this.options.groupId}: a member was answered ${code}`)
    }
    this.#rejoin = true
  }

  #own(next: ReadonlyArray<Partition>): void {
    this.revoked += this.owned.filter((partition) => !next.includes(partition)).length
    this.owned = next
    this.changedAt = performance.now()
  }

  async #join(wire: Wire): Promise<void> {
    const { assign, groupId, instanceId = null, rebalanceTimeoutMs, sessionTimeoutMs } = this.options
    if (assign.eager) this.#own([])
    this.joins++
    const joined = await wire.call(JoinGroup, 9, {
      groupId,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      memberId: this.memberId,
      groupInstanceId: instanceId,
      protocolType: "consumer",
      protocols: [{ name: assign.name, metadata: this.#subscription() }]
    })
    if (joined.errorCode === MEMBER_ID_REQUIRED) this.memberId = joined.memberId
    if (joined.errorCode !== NONE) return this.#refused(joined.errorCode)
    this.memberId = joined.memberId
    const members = joined.members.map(({ memberId, metadata }) => ({ memberId, ...ownedIn(metadata) }))
    const shares = joined.leader === joined.memberId && !joined.skipAssignment
    const assignments = shares ? Array.from(assign.share(this.options.partitions, members), this.#assignment) : []
    const synced = await wire.call(SyncGroup, 5, {
      groupId,
      generationId: joined.generationId,
      memberId: joined.memberId,
      groupInstanceId: instanceId,
      protocolType: "consumer",
      protocolName: joined.protocolName,
      assignments
    })
    if (synced.errorCode !== NONE) return this.#refused(synced.errorCode)
    const before = this.owned
    const given = partitionsIn(synced.assignment)
    this.generation = joined.generationId
    this.#own(given)
    // Cooperative members give up first and join once more, so that others get what was given up (KIP-429).
    this.#rejoin = !assign.eager && before.some((partition) => !given.includes(partition))
  }

  #subscription(): Uint8Array {
    const { assign, topic } = this.options
    const value: ConsumerProtocolSubscriptionData = {
      ...ConsumerProtocolSubscription.defaults(),
      topics: [topic],
      ownedPartitions: assign.eager || this.owned.length === 0 ? [] : [{ topic, partitions: this.owned }],
      generationId: this.generation
    }
    return encodeVersioned(ConsumerProtocolSubscription, 3, value)
  }

  readonly #assignment = ([memberId, partitions]: readonly [string, ReadonlyArray<Partition>]) => {
    const value: ConsumerProtocolAssignmentData = {
      ...ConsumerProtocolAssignment.defaults(),
      assignedPartitions: partitions.length === 0 ? [] : [{ topic: this.options.topic, partitions }]
    }
    return { memberId, assignment: encodeVersioned(ConsumerProtocolAssignment, 3, value) }
  }
}

const ownedIn = (metadata: Uint8Array): Pick<Owned, "partitions" | "generation"> => {
  const { generationId, ownedPartitions } = decodeVersioned(ConsumerProtocolSubscription, metadata).value
  return { partitions: ownedPartitions.flatMap(({ partitions }) => partitions), generation: generationId }
}

const partitionsIn = (assignment: Uint8Array): ReadonlyArray<Partition> =>
  assignment.length === 0
    ? []
    : decodeVersioned(ConsumerProtocolAssignment, assignment)
        .value.assignedPartitions.flatMap(({ partitions }) => partitions)
        .toSorted((a, b) => a - b)
