import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { randomBytes } from "node:crypto"
import {
  FENCED_INSTANCE_ID,
  FENCED_MEMBER_EPOCH,
  isCoordinatorAway,
  NONE,
  UNKNOWN_MEMBER_ID,
  UNRELEASED_INSTANCE_ID
} from "./Codes.ts"
import { commitOffsets } from "./commitOffsets.ts"
import type { Member } from "./Member.ts"
import { Pause } from "./Pause.ts"
import { Closed, Wire } from "./Wire.ts"

export interface ConsumerMemberOptions {
  readonly bootstrap: string
  readonly groupId: string
  readonly topic: string
  readonly topicId: string
  readonly rebalanceTimeoutMs: number
  readonly assignor?: string
  readonly instanceId?: string
}

const LEAVE = -1
const LEAVE_FOR_A_WHILE = -2

/**
 * A member of a group of the consumer protocol (KIP-848) without a consumer around it: gives up and takes over what it is told
 * to at once, and says so in a heartbeat at once, as Kafka's clients do.
 */
export class ConsumerMember implements Member {
  readonly options: ConsumerMemberOptions
  readonly memberId = randomBytes(16).toString("base64url")
  epoch = 0
  owned: ReadonlyArray<number> = []
  revoked = 0
  heartbeats = 0
  changedAt = 0
  readonly refusals = new Map<number, number>()
  fencedBy: number | undefined
  #heartbeatIntervalMs = 0
  #wire: Wire | undefined
  readonly #pause = new Pause()
  #stopping = false
  #ended: Promise<void> | undefined
  /** What it owns was not told yet. */
  #told = false

  constructor(options: ConsumerMemberOptions) {
    this.options = options
  }

  start(): void {
    this.#ended = this.#live()
  }

  get isSettled(): boolean {
    return this.epoch > 0 && this.#told
  }

  /** Static members that leave keep their place. */
  async stop(leave = true): Promise<void> {
    this.#stopping = true
    this.#pause.end()
    if (!leave) this.#wire?.close()
    await this.#ended
    if (leave && this.epoch > 0 && this.#wire !== undefined && !this.#wire.isClosed) {
      const memberEpoch = this.options.instanceId === undefined ? LEAVE : LEAVE_FOR_A_WHILE
      await this.#wire.call(ConsumerGroupHeartbeat, 1, {
        groupId: this.options.groupId,
        memberId: this.memberId,
        instanceId: this.options.instanceId ?? null,
        memberEpoch
      })
    }
    this.#wire?.close()
  }

  async commit(offsets: ReadonlyMap<number, bigint>): Promise<ReadonlyArray<number>> {
    const wire = this.#wire
    if (wire === undefined) throw new Closed("not connected")
    const { groupId, instanceId = null, topic } = this.options
    const { epoch: generationIdOrMemberEpoch, memberId } = this
    return commitOffsets(wire, topic, offsets, {
      groupId,
      generationIdOrMemberEpoch,
      memberId,
      groupInstanceId: instanceId
    })
  }

  async #live(): Promise<void> {
    while (!this.#stopping && this.fencedBy === undefined) {
      try {
        if (this.#wire === undefined || this.#wire.isClosed) {
          this.#wire = await Wire.connect(this.options.bootstrap, this.options.groupId)
        }
        if (this.isSettled) await this.#pause.sleep(this.#heartbeatIntervalMs)
        if (!this.#stopping) await this.#heartbeat(this.#wire)
      } catch (error) {
        if (!(error instanceof Closed)) throw error
        await this.#pause.sleep(50)
      }
    }
  }

  async #heartbeat(wire: Wire): Promise<void> {
    const { assignor = null, groupId, instanceId = null, rebalanceTimeoutMs, topic, topicId } = this.options
    const joining = this.epoch === 0
    const telling = !this.#told
    const partitions = this.owned.length === 0 ? [] : [{ topicId, partitions: this.owned }]
    const answer = await wire.call(ConsumerGroupHeartbeat, 1, {
      groupId,
      memberId: this.memberId,
      memberEpoch: this.epoch,
      instanceId: joining ? instanceId : null,
      rebalanceTimeoutMs: joining ? rebalanceTimeoutMs : -1,
      subscribedTopicNames: joining ? [topic] : null,
      serverAssignor: joining ? assignor : null,
      topicPartitions: telling ? partitions : null
    })
    this.heartbeats++
    if (answer.errorCode !== NONE) return this.#refused(answer.errorCode, answer.errorMessage)
    this.#told = true
    this.#heartbeatIntervalMs = answer.heartbeatIntervalMs
    this.epoch = answer.memberEpoch
    if (answer.assignment === null) return
    const given = answer.assignment.topicPartitions.flatMap((one) => one.partitions).toSorted((a, b) => a - b)
    if (given.join() === this.owned.join()) return
    this.#own(given)
    this.#told = false
  }

  #own(next: ReadonlyArray<number>): void {
    this.revoked += this.owned.filter((partition) => !next.includes(partition)).length
    this.owned = next
    this.changedAt = performance.now()
  }

  async #refused(code: number, message: string | null): Promise<void> {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1)
    if (isCoordinatorAway(code)) return void (await this.#pause.sleep(50))
    if (code === UNRELEASED_INSTANCE_ID) return void (await this.#pause.sleep(200))
    if (code === FENCED_INSTANCE_ID) {
      this.fencedBy = code
      return
    }
    if (code !== UNKNOWN_MEMBER_ID && code !== FENCED_MEMBER_EPOCH) {
      throw new Error(`${this.options.groupId}: ConsumerGroupHeartbeat was answered ${code} ${message ?? ""}`)
    }
    this.#own([])
    this.epoch = 0
    this.#told = false
  }
}
