import { holdsWithin } from "../../bench/groups/Report.ts"
import { withWire } from "../../bench/groups/Target.ts"
import { OffsetFetch } from "@tusk/protocol/messages/OffsetFetch"
import { createTopic, endsOf, readAll } from "./Asking.ts"
import { Consumer } from "./Consumer.ts"
import { History } from "./History.ts"
import type { Findings, Seen } from "./History.ts"
import { Producer } from "./Producer.ts"
import { Rdkafka } from "./Rdkafka.ts"

export interface LoadOptions {
  readonly bootstrap: string
  readonly topic?: string
  readonly partitions?: number
  readonly idempotent?: number
  readonly plain?: number
  readonly consumers?: number
  readonly everyMs?: number
  readonly timeoutMs?: number
  /** The Python of librdkafka's load; without one there is none. */
  readonly python?: string | undefined
  readonly rdkafkaProducers?: number
}

const NO_OFFSET = -1

/** Producers of both kinds and a group that reads all of it, through whatever happens to the broker. */
export class Load {
  readonly history = new History()
  readonly topic: string
  readonly partitions: number
  readonly topicId: string
  readonly producers: ReadonlyArray<Producer>
  readonly consumers: ReadonlyArray<Consumer>
  readonly rdkafka: Rdkafka | undefined
  readonly startedAt = Date.now()
  readonly #bootstrap: string
  #stopped: Promise<void> | undefined

  private constructor(options: LoadOptions, topicId: string) {
    const { bootstrap, consumers = 1, idempotent = 3, partitions = 2, plain = 2, python, topic = "load" } = options
    const { everyMs = 10, rdkafkaProducers = 2, timeoutMs = 10_000 } = options
    this.topic = topic
    this.topicId = topicId
    this.partitions = partitions
    this.#bootstrap = bootstrap
    const { history } = this
    history.given("topic id", topicId, topic)
    const common = { bootstrap, history, topic, everyMs, timeoutMs }
    this.producers = [
      ...Array.from({ length: idempotent }, (_, i) => ({ client: `i${i}`, partition: i, idempotent: true })),
      ...Array.from({ length: plain }, (_, i) => ({ client: `p${i}`, partition: i, idempotent: false }))
    ].map((one) => new Producer({ ...common, ...one, partition: one.partition % partitions }))
    this.consumers = Array.from(
      { length: consumers },
      (_, i) => new Consumer({ bootstrap, history, topic, partitions, client: `c${i}`, groupId: "group" })
    )
    this.rdkafka =
      python === undefined
        ? undefined
        : new Rdkafka({
            ...{ python, history, bootstrap, topic, partitions, producers: rdkafkaProducers, rate: 100 },
            groupId: "rdkafka"
          })
  }

  static async start(options: LoadOptions): Promise<Load> {
    const { bootstrap, partitions = 2, topic = "load" } = options
    return new Load(options, await createTopic(bootstrap, topic, partitions))
  }

  /** Returns when every producer and every consumer has seen something: what happens next happens to all of them. */
  async flows(timeoutMs = 20_000): Promise<void> {
    const { history } = this
    const since = Date.now()
    const expected = this.producers.length + (this.rdkafka === undefined ? 0 : 1)
    const all = () =>
      history.producers.length >= expected &&
      history.producers.every((client) => Date.now() - history.silence(client) > since) &&
      this.#positions().every((position) => position > 0)
    if (!(await holdsWithin(timeoutMs, all))) throw new Error("the load does not flow")
  }

  get hasReaders(): boolean {
    return this.consumers.length > 0 || this.rdkafka !== undefined
  }

  #positions(): ReadonlyArray<number> {
    return Array.from({ length: this.partitions }, (_, p) => this.#readersOf(p)).flat()
  }

  /** Positions in a partition of those who read it, one of our own group and one of librdkafka's. */
  #readersOf(partition: number): ReadonlyArray<number> {
    const own = Math.max(-1, ...this.consumers.map((one) => one.position(partition)))
    const all = this.consumers.length === 0 ? [] : [own]
    if (this.rdkafka !== undefined) all.push(this.rdkafka.position(partition))
    return all
  }

  /** Lets producers finish and consumers reach the end; nothing new is sent. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    await Promise.all([...this.producers.map((one) => one.stop()), this.rdkafka?.stopProducers()])
    const caughtUp = await this.#catchUp().catch((error: unknown) => String(error))
    if (caughtUp !== undefined) this.history.errors.push(`consumers: ${caughtUp}`)
    await Promise.all([...this.consumers.map((one) => one.stop()), this.rdkafka?.stop()])
  }

  async #catchUp(): Promise<string | undefined> {
    const ends = await endsOf(this.#bootstrap, this.topic, this.partitions)
    const behind = () =>
      ends.flatMap((end, p) =>
        this.#readersOf(p)
          .filter((position) => position < end)
          .map((position) => `${p}: ${position} of ${end}`)
      )
    if (await holdsWithin(15_000, () => behind().length === 0)) return undefined
    return `not at the end after 15 s: ${behind().join(", ")}`
  }

  /** How far the group's committed offsets are behind the ends, by partition; of a partition without one, the end. */
  async lags(): Promise<ReadonlyArray<number>> {
    const ends = await endsOf(this.#bootstrap, this.topic, this.partitions)
    const answer = await withWire(this.#bootstrap, (wire) =>
      wire.call(OffsetFetch, 8, { groups: [{ groupId: "group", topics: null }] })
    )
    const found = answer.groups[0]?.topics.find(({ name }) => name === this.topic)?.partitions ?? []
    return ends.map((end, p) => {
      const committed = Number(found.find((one) => one.partitionIndex === p)?.committedOffset ?? NO_OFFSET)
      return committed === NO_OFFSET ? end : end - committed
    })
  }

  stored(): Promise<ReadonlyArray<Seen>> {
    return readAll(this.#bootstrap, this.topic, this.partitions)
  }

  async findings(): Promise<Findings> {
    await this.stop()
    return this.history.check(await this.stored())
  }

  /** Ends all at once, for a scenario that failed. */
  async abandon(): Promise<void> {
    this.rdkafka?.kill()
    await Promise.all([...this.producers.map((one) => one.stop(0)), ...this.consumers.map((one) => one.stop())])
    await this.rdkafka?.stop()
  }
}
