/** Two topics that are told the same, one of rows and one of objects: what either answers has to be equal. */
import { assert } from "@effect/vitest"
import type { Api } from "@tusk/protocol/codec/Api"
import { DeleteRecords } from "@tusk/protocol/messages/DeleteRecords"
import { DescribeLogDirs } from "@tusk/protocol/messages/DescribeLogDirs"
import { DescribeProducers } from "@tusk/protocol/messages/DescribeProducers"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { OffsetForLeaderEpoch } from "@tusk/protocol/messages/OffsetForLeaderEpoch"
import { Produce } from "@tusk/protocol/messages/Produce"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import type { Partly, WireClient } from "../WireClient.ts"
import type { TopicConfigName } from "../../src/config/TopicConfigDefinitions.ts"

export interface Side {
  readonly name: string
  readonly topicId: string
}

type Configs = { readonly [Name in TopicConfigName]?: string }

/** Of answers that are no topic's own. */
const PASSED_OVER = new Set(["throttleTimeMs", "sessionId", "totalBytes", "usableBytes"])

/** An answer as it would be if both topics had one name. */
const plain = (value: unknown, { name, topicId }: Side): unknown => {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex")
  if (typeof value === "string") return value.replaceAll(name, "NAME").replaceAll(topicId, "ID")
  if (Array.isArray(value)) {
    // Records come in as many chunks as there are batches.
    if (value.length > 0 && value[0] instanceof Uint8Array) return Buffer.concat(value).toString("hex")
    return value.map((each) => plain(each, { name, topicId }))
  }
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, each]) =>
      PASSED_OVER.has(key) ? [] : [[key, plain(each, { name, topicId })] as const]
    )
  )
}

/** As JSON; integers as text. */
export const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? String(each) : each))

export class BothStorages {
  readonly broker: BrokerUnderTest
  readonly client: WireClient
  readonly rows: Side
  readonly objects: Side
  readonly partitions: number
  /** Of the second topic, beside what both have. */
  readonly second: Configs

  private constructor(
    broker: BrokerUnderTest,
    client: WireClient,
    rows: Side,
    objects: Side,
    partitions: number,
    second: Configs
  ) {
    this.broker = broker
    this.client = client
    this.rows = rows
    this.objects = objects
    this.partitions = partitions
    this.second = second
  }

  static async create(
    broker: BrokerUnderTest,
    partitions = 2,
    configs: Configs = {},
    second: Configs = { "tusk.storage": "object" }
  ): Promise<BothStorages> {
    const rows = { name: "of-rows", topicId: "" }
    const objects = { name: "of-objects", topicId: "" }
    rows.topicId = await broker.createTopic(rows.name, partitions, { ...configs, "tusk.storage": "row" })
    objects.topicId = await broker.createTopic(objects.name, partitions, { ...configs, ...second })
    return new BothStorages(broker, await broker.connect(), rows, objects, partitions, second)
  }

  /** The same topics at another broker. */
  async at(broker: BrokerUnderTest): Promise<BothStorages> {
    return new BothStorages(broker, await broker.connect(), this.rows, this.objects, this.partitions, this.second)
  }

  get sides(): readonly [Side, Side] {
    return [this.rows, this.objects]
  }

  /** Asks the same of either topic; tells what both answer. */
  async ask<Req, Res>(
    api: Api<Req, Res>,
    version: number,
    request: (side: Side) => Partly<Req>,
    client = this.client
  ): Promise<unknown> {
    const answers: Array<unknown> = []
    for (const side of this.sides) answers.push(plain(await client.call(api, version, request(side)), side))
    const asked = textOf(request({ name: "NAME", topicId: "ID" }))
    assert.deepStrictEqual(answers[1], answers[0], `${api.name} ${version} ${asked}`)
    return answers[0]
  }

  /** The same batch to either topic, by one request, at one time. Tells error code and base offset. */
  async produce(partition: number, records: Uint8Array, transactionalId: string | null = null) {
    const { responses } = await this.broker.time.during(() =>
      this.client.call(Produce, 11, {
        acks: -1,
        timeoutMs: 10_000,
        transactionalId,
        topicData: this.sides.map(({ name }) => ({
          name,
          partitionData: [{ index: partition, records: records.slice() }]
        }))
      })
    )
    const [of, other] = responses.map(({ partitionResponses: [answer] }) => {
      const { baseOffset, errorCode, logAppendTimeMs, logStartOffset } = answer!
      return { baseOffset, errorCode, logAppendTimeMs, logStartOffset }
    })
    assert.deepStrictEqual(other, of, "Produce")
    return of!
  }

  /** Sets configs of one side, or of both. */
  async alter(configs: Configs, sides: ReadonlyArray<Side> = this.sides): Promise<void> {
    const { responses } = await this.client.call(IncrementalAlterConfigs, 1, {
      resources: sides.map(({ name: resourceName }) => ({
        resourceType: 2,
        resourceName,
        configs: Object.entries(configs).map(([name, value]) => ({ name, value, configOperation: 0 }))
      }))
    })
    for (const { errorCode, errorMessage } of responses) assert.strictEqual(errorCode, 0, errorMessage ?? "")
  }

  /** From now on the second topic keeps what comes in rows, or in objects. */
  keepIn(storage: "row" | "object"): Promise<void> {
    return this.alter({ "tusk.storage": storage }, [this.objects])
  }

  deleteRecords(partitionIndex: number, offset: bigint): Promise<unknown> {
    return this.ask(DeleteRecords, 2, ({ name }) => ({
      topics: [{ name, partitions: [{ partitionIndex, offset }] }],
      timeoutMs: 10_000
    }))
  }

  fetch(
    version: number,
    partition: number,
    fetchOffset: bigint,
    { isolationLevel = 0, maxBytes = 1 << 20 } = {}
  ): Promise<unknown> {
    return this.ask(Fetch, version, ({ name, topicId }) => ({
      ...{ maxWaitMs: 0, minBytes: 0, maxBytes, sessionEpoch: -1, isolationLevel },
      topics: [{ topic: name, topicId, partitions: [{ partition, fetchOffset, partitionMaxBytes: maxBytes }] }]
    }))
  }

  /** Everything that can be asked of a log, at every offset up to `end` and at these times. */
  async compare(end: bigint, times: ReadonlyArray<bigint>): Promise<void> {
    for (let partition = 0; partition < this.partitions; partition++) {
      for (let offset = 0n; offset <= end; offset++) {
        const isolationLevel = Number(offset % 2n)
        await this.fetch(17, partition, offset, { isolationLevel, maxBytes: 1 })
        await this.fetch(12, partition, offset, { isolationLevel: 1 - isolationLevel, maxBytes: 700 })
      }
      for (const version of [4, 11, 17]) await this.fetch(version, partition, 0n, { isolationLevel: version % 2 })
      await this.fetch(3, partition, 0n, { maxBytes: 1 << 22 })
      for (const timestamp of [-1n, -2n, -3n, ...times]) {
        // Where tiers meet is told of the one that has them.
        if (timestamp < -3n && this.second["remote.storage.enable"] === "true") continue
        for (const isolationLevel of [0, 1]) {
          await this.ask(ListOffsets, 10, ({ name }) => ({
            replicaId: -1,
            isolationLevel,
            topics: [{ name, partitions: [{ partitionIndex: partition, timestamp }] }]
          }))
        }
      }
      for (const leaderEpoch of [0, 1, 2, 3]) {
        await this.ask(OffsetForLeaderEpoch, 4, ({ name: topic }) => ({
          topics: [{ topic, partitions: [{ partition, leaderEpoch }] }]
        }))
      }
      await this.ask(DescribeProducers, 0, ({ name }) => ({ topics: [{ name, partitionIndexes: [partition] }] }))
      await this.ask(DescribeLogDirs, 4, ({ name: topic }) => ({ topics: [{ topic, partitions: [partition] }] }))
    }
  }
}
