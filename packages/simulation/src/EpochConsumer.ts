import { ZERO_UUID } from "@tusk/protocol/codec/Uuid"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { Client, type ClientWorld, Lost } from "./Client.ts"
import type { History } from "./History.ts"
import { fetchOnce, OFFSET_OUT_OF_RANGE, PARTITIONS } from "./Requests.ts"
import { TOPIC } from "./topicNames.ts"

const [FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH] = [74, 75]
const UNDEFINED = -1

/**
 * A consumer that reads every partition, and asks after each change of the leader whether what it read is there still, as
 * KIP-320 wants: if it is not, it goes on where the broker says that it ended.
 */
export class EpochConsumer {
  readonly #history: History
  readonly #client: Client
  readonly #positions = new Map(Array.from({ length: PARTITIONS }, (_, partition) => [partition, 0]))
  /** Of what was read last, by partition. */
  readonly #epochs = new Map<number, number>()
  /** What was read last, if that was a record. */
  readonly #records = new Map<number, number>()
  #leaderEpoch = UNDEFINED

  constructor(shared: ClientWorld, history: History, name: string) {
    this.#client = new Client(shared, name)
    this.#history = history
  }

  get run(): Effect.Effect<void> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const lived = yield* Effect.result(Effect.andThen(this.#learn, this.#read))
        if (Result.isFailure(lived) && lived.failure instanceof Lost) client.log("lost its connection")
        yield* Effect.sleep(client.chance.between(50, 300))
      }
    })
  }

  /** The leader's epoch; and whether what was read is there with that leader. */
  get #learn(): Effect.Effect<void, Lost | "again"> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      const answer = yield* client.call(Metadata, 7, {
        ...Metadata.request.defaults(),
        topics: [{ topicId: ZERO_UUID, name: TOPIC }]
      })
      const epochs = answer.topics[0]!.partitions.map(({ leaderEpoch }) => leaderEpoch)
      if (answer.topics[0]!.errorCode !== 0 || epochs.length === 0) return yield* Effect.fail("again" as const)
      const epoch = Math.max(...epochs)
      // What is told by a broker that is behind is no news.
      if (epoch <= this.#leaderEpoch) return
      client.log(`hears of epoch ${epoch}`)
      yield* this.#validate(epoch)
      this.#leaderEpoch = epoch
    })
  }

  #validate(leaderEpoch: number): Effect.Effect<void, Lost | "again"> {
    const client = this.#client
    return Effect.gen({ self: this }, function* () {
      if (this.#epochs.size === 0) return
      const asked = Array.from(this.#epochs, ([partition, leaderEpochOfLast]) => ({
        partition,
        currentLeaderEpoch: leaderEpoch,
        leaderEpoch: leaderEpochOfLast
      }))
      const answer = yield* client.call(OffsetForLeaderEpoch, 3, {
        replicaId: -1,
        topics: [{ topic: TOPIC, partitions: asked }]
      })
      const { partitions } = answer.topics[0]!
      if (partitions.some(({ errorCode }) => errorCode !== 0)) return yield* Effect.fail("again" as const)
      for (const told of partitions) this.#heard(told.partition, told.leaderEpoch, Number(told.endOffset))
    })
  }

  #heard(partition: number, epoch: number, end: number): void {
    const position = this.#positions.get(partition)!
    if (end === UNDEFINED) {
      return this.#history.violate(
        "E3",
        `${this.#client.name} has to begin anew at ${position} of partition ${partition}`
      )
    }
    this.#history.log.truncated(this.#client.asked, partition, position, end, this.#records.get(partition))
    if (end >= position) return
    this.#records.delete(partition)
    this.#client.log(`goes from ${position} back to ${end} of partition ${partition}`)
    this.#positions.set(partition, end)
    this.#epochs.set(partition, epoch)
  }

  /** As long as nothing says that another one leads. */
  get #read(): Effect.Effect<void, Lost | "again"> {
    const client = this.#client
    const sink = {
      record: (partition: number, offset: number, _value: string, leaderEpoch: number) => {
        this.#epochs.set(partition, leaderEpoch)
        this.#records.set(partition, offset)
      },
      leap: (partition: number, _first: number, _last: number, leaderEpoch: number) => {
        this.#epochs.set(partition, leaderEpoch)
        this.#records.delete(partition)
      }
    }
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const leaderEpoch = this.#leaderEpoch
        const errors = yield* fetchOnce(client, this.#history, this.#positions, 300, { leaderEpoch, sink })
        for (const [partition, errorCode] of errors) {
          if (errorCode === OFFSET_OUT_OF_RANGE) {
            this.#history.violate("L6", `${client.name} may not read ${this.#positions.get(partition)} of ${partition}`)
          }
          if (errorCode === FENCED_LEADER_EPOCH || errorCode === UNKNOWN_LEADER_EPOCH) return
        }
        if (errors.size > 0) return
        yield* Effect.sleep(client.chance.between(20, 300))
      }
    })
  }
}
