import { describe, expect, it } from "@effect/vitest"
import { Producer, stringSerializers } from "@platformatic/kafka"
import { KafkaJSNumberOfRetriesExceeded } from "kafkajs"
import { Tusk } from "../src/Tusk.ts"
import type { TestBroker } from "../src/Tusk.ts"
import { consuming, kafkajs, producing } from "./Clients.ts"

const valuesOf = async (kafka: TestBroker, topic: string) =>
  (await kafka.records(topic)).map(({ valueText }) => valueText)

const timed = async (work: Promise<unknown>): Promise<number> => {
  const began = performance.now()
  await work
  return performance.now() - began
}

describe("faults on purpose", () => {
  it("delays requests of an API and topic, so often, and keeps the order of a connection", async () => {
    await using kafka = await Tusk.start({ topics: ["orders", "others"] })
    await producing(kafka, async (send) => {
      await send("others", "warm")
      const fault = kafka.faults.delay({ api: "Produce", topic: "orders", ms: 150, times: 1 })
      const first = timed(send("orders", "1"))
      await hits(fault, 1)
      // On the same connection, and not delayed itself.
      const second = send("orders", "2")
      expect(await first).toBeGreaterThanOrEqual(149)
      await second
      expect(fault.hits).toBe(1)
      expect(await timed(send("orders", "3"))).toBeLessThan(149)
    })
    expect(await valuesOf(kafka, "orders")).toEqual(["1", "2", "3"])
  })

  it("lets go what it delays when it is cleared, or the broker stops", async () => {
    const kafka = await Tusk.start({ topics: ["orders"] })
    const sent = await producing(kafka, async (send) => {
      await send("orders", "warm")
      const fault = kafka.faults.delay({ api: "Produce", ms: 3_600_000 })
      const sending = send("orders", "late")
      await hits(fault, 1)
      fault.clear()
      return sending
    })
    expect(sent).toMatchObject([{ errorCode: 0 }])
    const fault = kafka.faults.delay({ api: "Metadata", ms: 3_600_000 })
    const admin = kafkajs(kafka, 0).admin()
    const asked = admin.connect().then(() => admin.fetchTopicMetadata())
    await hits(fault, 1)
    await kafka.stop()
    await asked.catch(() => {})
    await admin.disconnect()
  })

  it("fails requests with an error that a client retries", async () => {
    await using kafka = await Tusk.start({ topics: ["orders"] })
    const fault = kafka.faults.fail({ api: "Produce", topic: "orders", error: "NOT_LEADER_OR_FOLLOWER", times: 2 })
    await producing(kafka, (send) => send("orders", "at last"))
    expect(fault.hits).toBe(2)
    expect(await valuesOf(kafka, "orders")).toEqual(["at last"])
  })

  it("fails requests with an error that it does not retry, also one that no broker of Tusk's raises", async () => {
    await using kafka = await Tusk.start({ topics: ["orders"] })
    const fault = kafka.faults.fail({ api: "Produce", error: "TOPIC_AUTHORIZATION_FAILED" })
    await expect(producing(kafka, (send) => send("orders", "never"))).rejects.toMatchObject({
      type: "TOPIC_AUTHORIZATION_FAILED"
    })
    fault.clear()
    await producing(kafka, (send) => send("orders", "now"))
    expect(await valuesOf(kafka, "orders")).toEqual(["now"])
  })

  it("fails one topic of a request, and serves the others", async () => {
    await using kafka = await Tusk.start({ topics: ["orders", "others"] })
    kafka.faults.fail({ api: "Produce", topic: "orders", error: "INVALID_RECORD" })
    const producer = kafkajs(kafka, 0).producer()
    await producer.connect()
    const topicMessages = ["orders", "others"].map((topic) => ({ topic, messages: [{ value: topic }] }))
    await expect(producer.sendBatch({ topicMessages })).rejects.toThrow()
    await producer.disconnect()
    expect(await valuesOf(kafka, "orders")).toEqual([])
    expect(await valuesOf(kafka, "others")).toEqual(["others"])

    kafka.faults.clear()
    kafka.faults.fail({ api: "Metadata", topic: "orders", error: "LEADER_NOT_AVAILABLE", times: 1 })
    const admin = kafkajs(kafka).admin()
    await admin.connect()
    const { topics } = await admin.fetchTopicMetadata({ topics: ["orders", "others"] })
    expect(topics.map(({ name }) => name).sort()).toEqual(["orders", "others"])
    await admin.disconnect()
  })

  it("fails a topic's Fetch, after which its consumer goes on", async () => {
    await using kafka = await Tusk.start({ topics: ["orders"] })
    const { consumer, values } = await consuming(kafka, "orders")
    const fault = kafka.faults.fail({ api: "Fetch", topic: "orders", error: "NOT_LEADER_OR_FOLLOWER", times: 2 })
    await kafka.produce("orders", [{ value: "one" }])
    expect(await values(1)).toEqual(["one"])
    await hits(fault, 2)
    await kafka.produce("orders", [{ value: "two" }])
    expect(await values(2)).toEqual(["one", "two"])
    await consumer.disconnect()
  })

  it("cuts before a request, which takes no effect, and after one that did", async () => {
    await using kafka = await Tusk.start({ topics: ["orders"] })
    for (const [when, left] of [
      ["before", ["warm"]],
      ["after", ["warm", "after"]]
    ] as const) {
      await kafka.reset()
      await producing(kafka, (send) => send("orders", "warm"))
      const fault = kafka.faults.cut({ api: "Produce", topic: "orders", when })
      await expect(producing(kafka, (send) => send("orders", when), 0)).rejects.toBeInstanceOf(
        KafkaJSNumberOfRetriesExceeded
      )
      expect(fault.hits).toBe(1)
      expect(await valuesOf(kafka, "orders")).toEqual(left)
    }
    // Once more: the producer's retry finds its batch there, and stores it twice, for it is not idempotent.
    kafka.faults.clear()
    kafka.faults.cut({ api: "Produce", when: "after", times: 1 })
    await producing(kafka, (send) => send("orders", "again"))
    expect((await valuesOf(kafka, "orders")).slice(2)).toEqual(["again", "again"])
  })

  it("stores an idempotent producer's batch once, though the answer was cut", async () => {
    await using kafka = await Tusk.start({ topics: ["orders"] })
    const producer = new Producer({
      clientId: "p",
      bootstrapBrokers: [kafka.bootstrapServers],
      serializers: stringSerializers,
      idempotent: true,
      retries: 5,
      retryDelay: 10
    })
    await producer.send({ messages: [{ topic: "orders", value: "warm" }] })
    const fault = kafka.faults.cut({ api: "Produce", when: "after", times: 1 })
    await producer.send({ messages: [{ topic: "orders", value: "once" }] })
    await producer.close()
    expect(fault.hits).toBe(1)
    expect(await valuesOf(kafka, "orders")).toEqual(["warm", "once"])
  })

  it("knows a topic by its id", async () => {
    await using kafka = await Tusk.start({ topics: ["orders", "others"] })
    const fault = kafka.faults.delay({ api: "Produce", topic: "orders", ms: 0 })
    const producer = new Producer({
      clientId: "p",
      bootstrapBrokers: [kafka.bootstrapServers],
      serializers: stringSerializers
    })
    await producer.send({ messages: [{ topic: "others", value: "x" }] })
    expect(fault.hits).toBe(0)
    await producer.send({ messages: [{ topic: "orders", value: "x" }] })
    expect(fault.hits).toBe(1)
    await producer.close()
  })

  it.each([
    [{ api: "Produc", ms: 1 }, 'faults.delay: api "Produc" is not known; did you mean "Produce"?'],
    [{ api: "Vote", ms: 1 }, 'faults.delay: api "Vote" is not known'],
    [{ api: "Produce", m: 1 }, 'faults.delay: unknown key "m"; did you mean "ms"?'],
    [{ api: "Produce", ms: 1, topics: ["x"] }, 'faults.delay: unknown key "topics"; did you mean "topic"?'],
    [{ api: "Produce", ms: 1, times: 0 }, "faults.delay.times: 0 is not a whole number of 1 or more"],
    [{ api: "Produce", ms: -1 }, "faults.delay.ms: -1 is not a whole number of 0 or more"],
    [{ api: "Produce" }, "faults.delay: ms is missing"]
  ])("refuses a delay %j by name", async (given, message) => {
    await using kafka = await Tusk.start()
    expect(() => kafka.faults.delay(given as never)).toThrow(message)
  })

  it("refuses errors and cuts by name", async () => {
    await using kafka = await Tusk.start()
    const { cut, fail } = kafka.faults
    expect(() => fail({ api: "Produce", error: "NOT_LEADER" as never })).toThrow(
      'did you mean "NOT_LEADER_OR_FOLLOWER"?'
    )
    expect(() => fail({ api: "Produce", error: "NONE" as never })).toThrow('error "NONE" is not known')
    expect(() => fail({ api: "Produce", eror: "NETWORK_EXCEPTION" } as never)).toThrow('did you mean "error"?')
    expect(() => cut({ api: "Produce", when: "between" as never })).toThrow("faults.cut.when: between is none of")
  })
})

/** Resolves once a fault was hit so often. */
const hits = async (fault: { readonly hits: number }, count: number): Promise<void> => {
  while (fault.hits < count) await new Promise(setImmediate)
}
