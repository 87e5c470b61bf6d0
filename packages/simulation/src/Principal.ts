import { Fetch } from "@tusk/protocol/messages/Fetch"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Effect from "effect/Effect"
import { GUARDED_GROUP } from "./AclAdmin.ts"
import type { ClientWorld } from "./Client.ts"
import { GUARDED_TOPICS } from "./History.ts"
import type { History } from "./History.ts"
import { USERS } from "./limits.ts"
import { LoggedIn } from "./LoggedIn.ts"
import { DENIALS, encode, PRODUCE_VERSION } from "./Producer.ts"
import { fetchRequest, joinRequest, OFFSET_OUT_OF_RANGE, produceRequest, take } from "./Requests.ts"
import type { Right } from "./RightsHistory.ts"

const TOPIC_AUTHORIZATION_FAILED = 29
const GROUP_AUTHORIZATION_FAILED = 30
const MEMBER_ID_REQUIRED = 79

/** A user who reads and writes topics, and asks to join a group: what of it is granted goes by ACLs that change. */
export class Principal {
  readonly #login: LoggedIn
  readonly #user: string
  readonly #history: History
  readonly #positions = new Map(GUARDED_TOPICS.map((topic) => [topic, 0]))
  #order = 0

  constructor(shared: ClientWorld, history: History, user: string) {
    const other = USERS.find((name) => name !== user)!
    this.#login = new LoggedIn(shared, history, user, other)
    this.#user = user
    this.#history = history
  }

  get run(): Effect.Effect<void> {
    const { chance } = this.#login.client
    const next = Effect.suspend(() => {
      const what = chance.below(20)
      if (what < 9) return this.fetch
      if (what < 16) return this.#produce
      return what < 18 ? this.#listOffsets : this.#join
    })
    return Effect.forever(
      Effect.andThen(
        Effect.suspend(() => Effect.sleep(chance.between(50, 900))),
        Effect.suspend(() => Effect.ignore(next))
      )
    )
  }

  /** In an order of its own; now and then one alone. */
  #topics(): ReadonlyArray<string> {
    const { chance } = this.#login.client
    const topics = chance.permille(500) ? GUARDED_TOPICS : GUARDED_TOPICS.toReversed()
    return chance.permille(750) ? topics : topics.slice(1)
  }

  #right(operation: Right["operation"], resourceName: string): Right {
    return { user: this.#user, operation, resourceType: "TOPIC", resourceName }
  }

  readonly fetch = Effect.gen({ self: this }, function* () {
    const { client } = this.#login
    const topics = this.#topics()
    const requests = topics.map((topic) => fetchRequest(new Map([[0, this.#positions.get(topic)!]]), 0, { topic }))
    const maxWaitMs = client.chance.pick([0, 0, 500])
    const body = { ...requests[0]!, maxWaitMs, topics: requests.flatMap(({ topics }) => topics) }
    const answer = yield* this.#login.call(Fetch, 12, body, maxWaitMs)
    const { asked } = client
    for (const { partitions, topic } of answer.responses) {
      const { errorCode, highWatermark, records } = partitions[0]!
      this.#judge(this.#right("READ", topic), errorCode, "A1")
      if (errorCode === OFFSET_OUT_OF_RANGE) this.#positions.set(topic, 0)
      if (errorCode !== 0) continue
      const log = this.#history.guarded.get(topic)!
      log.highWatermark(asked, 0, Number(highWatermark))
      this.#positions.set(topic, take(asked, log, 0, this.#positions.get(topic)!, records ?? []))
    }
  })

  readonly #produce = Effect.gen({ self: this }, function* () {
    const { client } = this.#login
    const topics = this.#topics()
    const values = new Map<string, string>()
    const topicData = topics.flatMap((topic) => {
      const value = `${this.#user}-${this.#order}`
      values.set(topic, value)
      this.#history.guarded.get(topic)!.sends("plain", this.#user, 0, this.#order++, value)
      const records = encode({ values: [value], sequence: -1 }, client.nowMs, -1n, -1)
      return produceRequest([{ index: 0, records }], topic).topicData
    })
    const body = { ...produceRequest([]), topicData }
    const answer = yield* this.#login.call(Produce, PRODUCE_VERSION, body, body.timeoutMs)
    for (const { name, partitionResponses } of answer.responses) {
      const { baseOffset, errorCode } = partitionResponses[0]!
      const value = values.get(name)!
      const log = this.#history.guarded.get(name)!
      client.log(`${value} at ${name}@${baseOffset} error ${errorCode}`)
      this.#judge(this.#right("WRITE", name), errorCode, "A2")
      if (errorCode === 0) log.acknowledged(value, Number(baseOffset))
      else if (errorCode === TOPIC_AUTHORIZATION_FAILED || DENIALS.has(errorCode)) log.denied(value)
    }
  })

  readonly #listOffsets = Effect.gen({ self: this }, function* () {
    const partitions = [{ partitionIndex: 0, currentLeaderEpoch: -1, timestamp: -1n, maxNumOffsets: 1 }]
    const answer = yield* this.#login.call(ListOffsets, 4, {
      ...ListOffsets.request.defaults(),
      replicaId: -1,
      topics: this.#topics().map((name) => ({ name, partitions }))
    })
    const { asked } = this.#login.client
    for (const { name, partitions } of answer.topics) {
      const { errorCode, offset } = partitions[0]!
      this.#judge(this.#right("DESCRIBE", name), errorCode, "A1")
      if (errorCode === 0) this.#history.guarded.get(name)!.highWatermark(asked, 0, Number(offset))
    }
  })

  /** Who may is given a member id, and never uses it. */
  readonly #join = Effect.gen({ self: this }, function* () {
    const { errorCode } = yield* this.#login.call(JoinGroup, 4, joinRequest(GUARDED_GROUP, "", null, 5000, 5000))
    const right = { user: this.#user, operation: "READ", resourceType: "GROUP", resourceName: GUARDED_GROUP } as const
    this.#judge(right, errorCode, "A1", GROUP_AUTHORIZATION_FAILED)
  })

  /** Other errors tell nothing of rights. */
  #judge(right: Right, errorCode: number, invariant: "A1" | "A2", refusal = TOPIC_AUTHORIZATION_FAILED): void {
    const { client } = this.#login
    client.log(`${right.operation} ${right.resourceName}: error ${errorCode}`)
    const isGranted = errorCode === 0 || errorCode === MEMBER_ID_REQUIRED
    if (!isGranted && errorCode !== refusal) return
    this.#history.rights.answered(client.asked, right, !isGranted, invariant)
  }
}
