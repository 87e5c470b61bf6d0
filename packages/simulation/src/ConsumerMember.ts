import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import type { ConsumerGroupHeartbeatRequest } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, Lost, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { CONSUMER_SESSION_MS } from "./limits.ts"
import { fetchOffsets } from "./Member.ts"
import { commitRequest, fetchOnce, OFFSET_OUT_OF_RANGE } from "./Requests.ts"
import { TOPIC } from "./topicNames.ts"

const UNKNOWN_MEMBER_ID = 25
const FENCED_MEMBER_EPOCH = 110
const STALE_MEMBER_EPOCH = 113
const GROUP_ID_NOT_FOUND = 69
/** Refusals after which nothing of the commit can ever be stored. */
const REFUSALS = new Set([UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH])
/** Of the broker, in simulation. */
const REBALANCE_TIMEOUT_MS = 5000
const HEARTBEAT_MS = 700
const LEAVE = -1

/** A process that stands still may carry out what it was sent so long ago, as a process of Kafka does. */
const LATE_MS = 25_000

/**
 * A member of a consumer group (KIP-848): tells what it owns, gives up what it is told to, commits, and now and then falls
 * silent for too long, or goes.
 */
export class ConsumerMember {
  readonly group: string
  readonly name: string
  readonly #history: History
  readonly #client: Client
  readonly #memberId: string
  /** Set when the world heals: from then on it behaves. */
  readonly #calm: () => boolean
  alive = true
  #epoch = 0
  #commits = 0
  #topicId: string | undefined
  /** Where it reads, in the partitions it owns. */
  #positions = new Map<number, number>()
  /** When it sent the last heartbeat that showed it a member. */
  #soundMs = -Infinity
  #soundEra = 0
  /** An answer was lost, or refused: the next request says everything, and is told everything. */
  #sayAll = true
  /** When it last sent a heartbeat that nothing answered. */
  #unansweredMs = -Infinity
  /** It was told to give up partitions and has not told that it did: since when, only the broker knows. */
  #givesUp = false

  constructor(shared: ClientWorld, history: History, group: string, name: string, calm: () => boolean) {
    this.#client = new Client(shared, name)
    this.#history = history
    this.#calm = calm
    this.group = group
    this.name = name
    // Version 1: members make their ids themselves.
    this.#memberId = `${name}-id`
  }

  /** It is a member, and that for as long as it was not told otherwise. */
  get isMember(): boolean {
    return this.#epoch > 0
  }

  get owned(): ReadonlyArray<number> {
    return Array.from(this.#positions.keys()).sort()
  }

  get run(): Effect.Effect<void> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      while (this.alive) {
        const lived = yield* Effect.result(this.#live)
        if (Result.isFailure(lived) && lived.failure instanceof Lost) client.log("lost its connection")
        yield* Effect.sleep(client.chance.between(10, 100))
      }
    })
  }

  get #live(): Effect.Effect<void, Lost> {
    const client = this.#client
    const { chance } = client
    return Effect.gen({ self: this }, function* () {
      let beatAtMs = -Infinity
      while (true) {
        if (!this.#calm() && this.#epoch > 0) {
          if (chance.permille(4)) return yield* this.#depart
          if (chance.permille(6)) {
            client.log("falls silent")
            yield* Effect.sleep(chance.between(4000, 14_000))
            // It goes on as if nothing had been.
            yield* this.#commit
          }
        }
        if (client.nowMs - beatAtMs >= HEARTBEAT_MS) {
          beatAtMs = client.nowMs
          yield* this.#beat
        }
        if (this.#positions.size > 0) {
          const errors = yield* fetchOnce(client, this.#history, this.#positions, 300)
          for (const [partition, errorCode] of errors) {
            if (errorCode === OFFSET_OUT_OF_RANGE) {
              this.#history.violate("L6", `${this.name} may not read ${this.#positions.get(partition)} of ${partition}`)
            }
          }
          if (chance.permille(300)) yield* this.#commit
        }
        yield* Effect.sleep(chance.between(20, 200))
      }
    })
  }

  #request(memberEpoch: number): ConsumerGroupHeartbeatRequest {
    const joins = memberEpoch === 0
    const all = joins || this.#sayAll
    const owned = this.#topicId === undefined ? [] : [{ topicId: this.#topicId, partitions: this.owned }]
    return {
      ...ConsumerGroupHeartbeat.request.defaults(),
      groupId: this.group,
      memberId: this.#memberId,
      memberEpoch,
      rebalanceTimeoutMs: all ? REBALANCE_TIMEOUT_MS : -1,
      subscribedTopicNames: all ? [TOPIC] : null,
      topicPartitions: joins ? [] : owned.filter(({ partitions }) => partitions.length > 0)
    }
  }

  /** Joins, or tells what it owns and hears what it is to own. */
  get #beat(): Effect.Effect<void, Lost> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      const startMs = client.nowMs
      const { era } = this.#history
      const request = this.#request(this.#epoch)
      // After lost answers the broker may be two epochs ahead, and fences: as in Kafka.
      const isSure = !this.#sayAll && startMs - this.#unansweredMs > LATE_MS
      this.#sayAll = true
      const answer = yield* Effect.tapError(client.call(ConsumerGroupHeartbeat, 1, request), () =>
        Effect.sync(() => (this.#unansweredMs = client.nowMs))
      )
      const isBehind = client.mayBeBehind(startMs) || era !== this.#history.era
      const { assignment, errorCode, memberEpoch } = answer
      if (errorCode !== 0) client.log(`heartbeat of epoch ${this.#epoch}: error ${errorCode}`)
      if (errorCode === UNKNOWN_MEMBER_ID || errorCode === FENCED_MEMBER_EPOCH) {
        const silentMs = client.nowMs - this.#soundMs
        const isMistaken = era !== this.#soundEra || client.hasMetClockStep
        if (
          !isBehind &&
          isSure &&
          !isMistaken &&
          !this.#givesUp &&
          silentMs < Math.min(CONSUMER_SESSION_MS, REBALANCE_TIMEOUT_MS)
        ) {
          this.#history.violate("G3", `${this.name} is no member ${silentMs} ms after it was one`)
        }
        this.#drop(this.owned)
        this.#epoch = 0
        this.#soundMs = -Infinity
      }
      // A failover may have lost the group, as no Kafka does: a consumer ends with that, and its application starts anew.
      if (errorCode === GROUP_ID_NOT_FOUND) {
        this.#drop(this.owned)
        this.#epoch = 0
        this.#soundMs = -Infinity
      }
      if (errorCode !== 0) return
      this.#sayAll = false
      this.#givesUp = false
      this.#epoch = memberEpoch
      if (!isBehind) {
        this.#soundMs = startMs
        this.#soundEra = era
      }
      const untilMs = startMs + Math.min(CONSUMER_SESSION_MS, REBALANCE_TIMEOUT_MS)
      const isMember = () => {
        if (!isBehind && !client.hasMetClockStep) this.#history.groups.isMember(this.group, this.name, untilMs)
      }
      if (assignment === null) return isMember()
      const told = assignment.topicPartitions[0]?.partitions ?? []
      this.#topicId = assignment.topicPartitions[0]?.topicId ?? this.#topicId
      client.log(`epoch ${memberEpoch} of ${this.group}: ${told.join(",")}`)
      const lost = this.owned.filter((partition) => !told.includes(partition))
      this.#givesUp = lost.length > 0
      // That it has to give up may have been told before, and the answer lost: its time for that runs since then.
      if (!this.#givesUp) isMember()
      this.#drop(lost)
      const fresh = told.filter((partition) => !this.#positions.has(partition))
      if (fresh.length === 0) return
      if (!isBehind) this.#history.groups.takes(this.group, this.name, fresh, client.nowMs)
      // It owns them from here on, wherever it begins.
      for (const partition of fresh) this.#positions.set(partition, 0)
      const offsets = yield* fetchOffsets(client, this.#history, this.group, fresh)
      for (const partition of fresh) {
        if (this.#positions.has(partition)) this.#positions.set(partition, Math.max(0, offsets?.get(partition) ?? 0))
      }
    })
  }

  /** It does nothing with them from now on, and tells so with the next heartbeat. */
  #drop(partitions: ReadonlyArray<number>): void {
    for (const partition of partitions) this.#positions.delete(partition)
    this.#history.groups.gives(this.group, this.name, partitions)
  }

  /** For good, with or without a word. */
  get #depart(): Effect.Effect<void, Lost> {
    return Effect.suspend(() => {
      this.alive = false
      this.#drop(this.owned)
      const silently = this.#client.chance.permille(500)
      this.#client.log(silently ? "dies" : "leaves")
      if (silently) {
        this.#client.disconnect()
        return Effect.void
      }
      return Effect.asVoid(this.#client.call(ConsumerGroupHeartbeat, 1, this.#request(LEAVE)))
    })
  }

  get #commit(): Effect.Effect<void, Lost> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      if (this.#positions.size === 0) return
      const sent = Array.from(this.#positions, ([partition, offset]) => {
        const id = `${this.name}#${++this.#commits}`
        return { partition, offset, id, commit: this.#history.commits(this.group, partition, id, client.nowMs) }
      })
      const offsets = sent.map(({ id, offset, partition }) => [partition, offset, id] as const)
      const identity = { memberId: this.#memberId, generationId: this.#epoch, groupInstanceId: null }
      const answer = yield* client.call(OffsetCommit, 9, commitRequest(this.group, identity, offsets))
      for (const { errorCode, partitionIndex } of answer.topics[0]!.partitions) {
        const { commit } = sent.find(({ partition }) => partition === partitionIndex)!
        if (errorCode === 0) this.#history.committed(commit, this.group, -1, -1, false, client.nowMs)
        else if (REFUSALS.has(errorCode)) commit.outcome = "refused"
        if (errorCode !== 0) client.log(`commit of partition ${partitionIndex}: error ${errorCode}`)
      }
    })
  }
}
