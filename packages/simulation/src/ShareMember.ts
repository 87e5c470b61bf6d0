import { ShareFetch } from "@tusk/protocol/messages/ShareFetch"
import type { ShareFetchRequest, ShareFetchResponse } from "@tusk/protocol/messages/ShareFetch"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, Lost, type ClientWorld } from "./Client.ts"
import type { History } from "./History.ts"
import { SHARE_DELIVERIES } from "./limits.ts"
import { TOPIC } from "./topicNames.ts"

const UNKNOWN_MEMBER_ID = 25
const FENCED_MEMBER_EPOCH = 110
const SHARE_SESSION_NOT_FOUND = 122
const INVALID_SHARE_SESSION_EPOCH = 123
const HEARTBEAT_MS = 700
const INITIAL = 0
const LEAVE = -1
const [ACCEPT, RELEASE, REJECT] = [1, 2, 3]

interface Held {
  readonly partition: number
  readonly first: number
  readonly last: number
}

/**
 * A member of a share group (KIP-932): acquires records, thinks about them for a while, and accepts, releases or rejects
 * them, or lets their lock run out.
 */
export class ShareMember {
  readonly group: string
  readonly name: string
  readonly #history: History
  readonly #shared: ClientWorld
  readonly #client: Client
  readonly #memberId: string
  /** Set when the world heals: from then on it behaves. */
  readonly #calm: () => boolean
  alive = true
  #memberEpoch = 0
  #sessionEpoch = INITIAL
  #topicId: string | undefined
  #assigned: ReadonlyArray<number> = []
  #held: Array<Held> = []

  constructor(shared: ClientWorld, history: History, group: string, name: string, calm: () => boolean) {
    this.#shared = shared
    this.#client = new Client(shared, name)
    this.#history = history
    this.#calm = calm
    this.group = group
    this.name = name
    this.#memberId = `${name}-id`
  }

  get run(): Effect.Effect<void> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      while (this.alive) {
        const lived = yield* Effect.result(this.#live)
        // What it held over the connection that is gone is free again.
        this.#begin()
        if (Result.isFailure(lived) && lived.failure instanceof Lost) client.log("lost its connection")
        yield* Effect.sleep(client.chance.between(10, 100))
      }
    })
  }

  #begin(): void {
    this.#sessionEpoch = INITIAL
    this.#held = []
    this.#history.shares.drops(this.name)
  }

  get #live(): Effect.Effect<void, Lost> {
    const { chance } = this.#client
    return Effect.gen({ self: this }, function* () {
      let beatAtMs = -Infinity
      while (true) {
        if (!this.#calm() && this.#memberEpoch > 0 && chance.permille(4)) return yield* this.#depart
        if (this.#client.nowMs - beatAtMs >= HEARTBEAT_MS) {
          beatAtMs = this.#client.nowMs
          yield* this.#beat
        }
        if (this.#assigned.length > 0) yield* this.#fetch
        yield* Effect.sleep(chance.permille(100) ? chance.between(500, 6000) : chance.between(20, 200))
      }
    })
  }

  get #depart(): Effect.Effect<void, Lost> {
    return Effect.suspend(() => {
      this.alive = false
      this.#client.log("leaves")
      return Effect.asVoid(
        this.#client.call(ShareGroupHeartbeat, 1, {
          ...ShareGroupHeartbeat.request.defaults(),
          groupId: this.group,
          memberId: this.#memberId,
          memberEpoch: LEAVE
        })
      ).pipe(Effect.ensuring(Effect.sync(() => this.#client.disconnect())))
    })
  }

  get #beat(): Effect.Effect<void, Lost> {
    return Effect.gen({ self: this }, function* () {
      const { assignment, errorCode, memberEpoch } = yield* this.#client.call(ShareGroupHeartbeat, 1, {
        ...ShareGroupHeartbeat.request.defaults(),
        groupId: this.group,
        memberId: this.#memberId,
        memberEpoch: this.#memberEpoch,
        subscribedTopicNames: this.#memberEpoch === 0 ? [TOPIC] : null
      })
      if (errorCode === UNKNOWN_MEMBER_ID || errorCode === FENCED_MEMBER_EPOCH) this.#memberEpoch = 0
      if (errorCode !== 0) return
      this.#memberEpoch = memberEpoch
      if (assignment === null) return
      this.#topicId = assignment.topicPartitions[0]?.topicId ?? this.#topicId
      this.#assigned = assignment.topicPartitions[0]?.partitions ?? []
      this.#client.log(`shares ${this.#assigned.join(",")} of ${this.group}`)
      // The session is about other partitions now: a new one.
      this.#sessionEpoch = INITIAL
    })
  }

  /** Acknowledges some of what it holds, and asks for more. */
  get #fetch(): Effect.Effect<void, Lost> {
    const client = this.#client
    const { chance } = client
    return Effect.gen({ self: this }, function* () {
      const now = this.#sessionEpoch === INITIAL ? [] : this.#held.filter(() => chance.permille(700))
      this.#held = this.#held.filter((held) => !now.includes(held))
      const sent = now.map((held) => ({
        ...held,
        type: chance.permille(800) ? ACCEPT : chance.pick([RELEASE, REJECT])
      }))
      for (const held of sent) this.#history.shares.lets(this.group, this.name, held.partition, held.first, held.last)
      const startMs = client.nowMs
      const { era } = this.#history
      const losses = this.#shared.database.losses
      const answer = yield* client.call(ShareFetch, 2, this.#request(sent), 5000)
      if (answer.errorCode !== 0) {
        client.log(`share fetch: error ${answer.errorCode}`)
        if (answer.errorCode === SHARE_SESSION_NOT_FOUND || answer.errorCode === INVALID_SHARE_SESSION_EPOCH)
          this.#begin()
        return
      }
      this.#sessionEpoch++
      // A connection that is cut while nothing is awaited is followed by another one, and only the broker notices.
      const connection = client.epoch
      const isBehind = client.mayBeBehind(startMs) || era !== this.#history.era
      for (const { acknowledgeErrorCode, acquiredRecords, partitionIndex } of this.#partitionsOf(answer)) {
        if (acknowledgeErrorCode === 0 && !isBehind) {
          for (const held of sent) {
            if (held.partition !== partitionIndex || held.type === RELEASE) continue
            this.#history.shares.finishes(this.group, held.partition, held.first, held.last, client.nowMs)
          }
        }
        for (const { deliveryCount, firstOffset, lastOffset } of acquiredRecords) {
          const held = { partition: partitionIndex, first: Number(firstOffset), last: Number(lastOffset) }
          client.log(`acquires ${held.first}-${held.last} of ${this.group}/${partitionIndex}, ${deliveryCount}`)
          if (deliveryCount > SHARE_DELIVERIES) {
            this.#history.violate(
              "G6",
              `${this.name} is given ${held.first} of ${partitionIndex} for the ${deliveryCount}th time`
            )
          }
          this.#held.push(held)
          if (isBehind) continue
          this.#history.shares.acquires(
            this.group,
            { ...held, member: this.name, startMs, nowMs: client.nowMs },
            () =>
              this.#shared.database.losses === losses &&
              client.isConnected &&
              client.epoch === connection &&
              !client.hasMetClockStep
          )
        }
      }
    })
  }

  #partitionsOf(answer: ShareFetchResponse) {
    return answer.responses.flatMap(({ partitions }) => partitions)
  }

  #request(sent: ReadonlyArray<Held & { readonly type: number | undefined }>): ShareFetchRequest {
    const isNew = this.#sessionEpoch === INITIAL
    const named = isNew ? this.#assigned : Array.from(new Set(sent.map(({ partition }) => partition)))
    return {
      ...ShareFetch.request.defaults(),
      groupId: this.group,
      memberId: this.#memberId,
      shareSessionEpoch: this.#sessionEpoch,
      maxWaitMs: 300,
      minBytes: 1,
      maxBytes: 1 << 20,
      maxRecords: this.#client.chance.between(1, 10),
      batchSize: 10,
      topics:
        named.length === 0
          ? []
          : [
              {
                topicId: this.#topicId!,
                partitions: named.map((partitionIndex) => ({
                  partitionIndex,
                  partitionMaxBytes: 0,
                  acknowledgementBatches: sent
                    .filter(({ partition }) => partition === partitionIndex)
                    .sort((a, b) => a.first - b.first)
                    .map(({ first, last, type }) => ({
                      firstOffset: BigInt(first),
                      lastOffset: BigInt(last),
                      acknowledgeTypes: [type!]
                    }))
                }))
              }
            ]
    }
  }
}
