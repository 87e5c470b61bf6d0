import { afterAll, assert, beforeAll, beforeEach, describe, expect, it } from "@effect/vitest"
import { errorNamed } from "@tusk/protocol/KafkaError"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { handlers } from "../../src/handlers/index.ts"
import type { Handler } from "../../src/request/Handler.ts"
import { RequestFaults } from "../../src/request/RequestFaults.ts"
import type { RequestFault } from "../../src/request/RequestFaults.ts"
import { batchOf, valuesOf } from "../Batches.ts"
import { capturing, startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { SENSIBLE } from "../handlers/sensible.ts"
import { forVersion, WireClient } from "../WireClient.ts"

const NAME = "LISTENER_NOT_FOUND"
const CODE = 72
const error = errorNamed(NAME, "on purpose")

const versionsOf = ([min, max]: readonly [number, number]) => Array.from({ length: max - min + 1 }, (_, i) => min + i)

/** Every error code that an answer tells, but for "none". */
const codesIn = (answer: unknown): ReadonlyArray<number> =>
  typeof answer !== "object" || answer === null
    ? []
    : Object.entries(answer).flatMap(([field, value]) =>
        /errorcode$/i.test(field) && value !== 0 ? [value as number] : codesIn(value)
      )

describe("faults on purpose", () => {
  let fault: RequestFault | undefined
  let broker: BrokerUnderTest
  let topicId: string

  beforeAll(async () => {
    const around = Layer.merge(
      capturing([]),
      Layer.succeed(RequestFaults, () => fault)
    )
    broker = await startBroker({}, { around })
    topicId = await broker.createTopic("there")
    await broker.createTopic("other")
  })
  beforeEach(() => {
    fault = undefined
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  for (const { api, versions } of handlers as ReadonlyArray<Handler>) {
    it(`${api.name}: an error is told in every version, as the API tells it of a whole request`, async () => {
      for (const version of versionsOf(versions)) {
        await using client = await WireClient.connect(broker.port)
        const world = { topicId, fresh: "nobody" }
        fault = { refusal: { error } }
        const request = forVersion(api, version, SENSIBLE[api.name]!.request(world, version) as any)
        const answer = await client.call(api, version, request).catch(() => "closed")
        fault = undefined
        // Some versions have no place for an error: their client learns of it by the end of the connection.
        if (answer !== "closed") assert.include(codesIn(answer), CODE, `version ${version}`)
      }
    })

    it(`${api.name}: an error of one topic is told in every version`, async () => {
      for (const version of versionsOf(versions)) {
        await using client = await WireClient.connect(broker.port)
        const request = forVersion(
          api,
          version,
          SENSIBLE[api.name]!.request({ topicId, fresh: "nobody" }, version) as any
        )
        const isFor = ({ name, topicId: id }: { readonly name?: string; readonly topicId?: string }) =>
          ["there", "written", "nobody"].includes(name ?? "") || id === topicId
        fault = { refusal: { error, isFor } }
        const answer = await client.call(api, version, request).catch(() => "closed")
        fault = undefined
        if (answer !== "closed") assert.include(codesIn(answer), CODE, `version ${version}`)
      }
    })
  }

  const refusing = () => {
    fault = { refusal: { error, isFor: ({ name }) => name === "there" } }
  }

  it("Produce: the other topic's records are stored", async () => {
    await using client = await broker.connect()
    refusing()
    const topicData = ["other", "there"].map((name) => ({
      name,
      partitionData: [{ index: 0, records: batchOf([`of ${name}`]) }]
    }))
    const { responses } = await client.call(Produce, 9, { acks: -1, timeoutMs: 1000, topicData })
    expect(responses.map(({ name, partitionResponses: [partition] }) => [name, partition!.errorCode])).toEqual([
      ["other", 0],
      ["there", CODE]
    ])
  })

  it("Fetch, ListOffsets, Metadata: the other topic is told of", async () => {
    await using client = await broker.connect()
    refusing()
    const fetched = await client.call(Fetch, 11, {
      maxWaitMs: 1000,
      minBytes: 1,
      maxBytes: 1 << 20,
      sessionEpoch: -1,
      topics: ["there", "other"].map((topic) => ({
        topic,
        partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1 << 20 }]
      }))
    })
    expect(fetched.errorCode).toBe(0)
    expect(
      fetched.responses.map(({ partitions: [partition], topic }) => [
        topic,
        partition!.errorCode,
        valuesOf(partition!.records)
      ])
    ).toEqual([
      ["other", 0, ["of other"]],
      ["there", CODE, []]
    ])
    const listed = await client.call(ListOffsets, 7, {
      replicaId: -1,
      topics: ["there", "other"].map((name) => ({ name, partitions: [{ partitionIndex: 0, timestamp: -1n }] }))
    })
    expect(listed.topics.map(({ name, partitions: [partition] }) => [name, partition!.errorCode])).toEqual([
      ["other", 0],
      ["there", CODE]
    ])
    const told = await client.call(Metadata, 9, { topics: [{ name: "there" }] })
    expect([told.brokers.length, told.topics.map(({ errorCode }) => errorCode)]).toEqual([1, [CODE]])
  })

  it("a delay holds up what is behind it on its connection, and nothing else", async () => {
    const begun = Promise.withResolvers<() => void>()
    const delay = Effect.callback<void>((resume) => begun.resolve(() => resume(Effect.void)))
    fault = { delay }
    await using client = await broker.connect()
    await using other = await broker.connect()
    const produce = (to: WireClient, value: string) => {
      const partitionData = [{ index: 0, records: batchOf([value]) }]
      return to.call(Produce, 9, { acks: -1, timeoutMs: 1000, topicData: [{ name: "there", partitionData }] })
    }
    const first = produce(client, "first")
    const goOn = await begun.promise
    fault = undefined
    const second = produce(client, "second")
    await produce(other, "third")
    goOn()
    const offsets = await Promise.all([first, second])
    const [{ baseOffset: one }, { baseOffset: two }] = offsets.map(
      ({ responses }) => responses[0]!.partitionResponses[0]!
    ) as [any, any]
    expect(two).toBe(one + 1n)
  })
})
