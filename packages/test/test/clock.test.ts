import { describe, expect, it } from "@effect/vitest"
import { Tusk } from "../src/Tusk.ts"
import type { TestBroker } from "../src/Tusk.ts"
import { consuming, kafkajs, producing } from "./Clients.ts"

const DAY_MS = 86_400_000

const membersOf = async (kafka: TestBroker, groupId: string): Promise<number> => {
  const admin = kafkajs(kafka).admin()
  await admin.connect()
  const { groups } = await admin.describeGroups([groupId])
  await admin.disconnect()
  return groups[0]!.members.length
}

describe("a broker whose time is the test's", () => {
  it("stands still, and goes on by what it is told", async () => {
    await using kafka = await Tusk.start({ clock: "manual" })
    const { clock } = kafka
    const began = clock.now()
    expect(Math.abs(began - Date.now())).toBeLessThan(60_000)
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(clock.now()).toBe(began)
    await clock.advance("5 minutes")
    await clock.advance(1)
    expect(clock.now()).toBe(began + 300_001)
    await expect(clock.advance(-1)).rejects.toThrow("clock.advance: -1 is no time to go on by")
    await expect(clock.advance("Infinity")).rejects.toThrow("no time to go on by")
  })

  it("stamps LogAppendTime, and what is produced without a time", async () => {
    const configs = { "message.timestamp.type": "LogAppendTime" }
    await using kafka = await Tusk.start({ clock: "manual", topics: [{ name: "stamped", configs }, "plain"] })
    await kafka.clock.advance("90 days")
    await producing(kafka, (send) => send("stamped", "x"))
    await kafka.produce("plain", [{ value: "y" }])
    for (const topic of ["stamped", "plain"]) {
      expect((await kafka.records(topic)).map(({ timestamp }) => timestamp)).toEqual([kafka.clock.now()])
    }
  })

  it("deletes by retention, when time has gone on far enough", async () => {
    const configs = { "retention.ms": 7 * DAY_MS }
    await using kafka = await Tusk.start({ clock: "manual", topics: [{ name: "t", configs }] })
    await kafka.produce("t", [{ value: "old" }])
    await kafka.clock.advance("6 days")
    await kafka.produce("t", [{ value: "new" }])
    expect(await kafka.records("t")).toHaveLength(2)
    await kafka.clock.advance("2 days")
    expect((await kafka.records("t")).map(({ valueText }) => valueText)).toEqual(["new"])
  })

  it("compacts", async () => {
    const configs = { "cleanup.policy": "compact", "segment.ms": 1000, "min.cleanable.dirty.ratio": 0 }
    await using kafka = await Tusk.start({ clock: "manual", topics: [{ name: "t", configs }] })
    for (const value of ["1", "2", "3"]) await kafka.produce("t", [{ key: "k", value }])
    await kafka.clock.advance("1 hour")
    await kafka.produce("t", [{ key: "other", value: "4" }])
    await kafka.clock.advance("1 hour")
    expect((await kafka.records("t")).map(({ valueText }) => valueText)).toEqual(["3", "4"])
  })

  it("puts a member out of its group that is not heard for its session", async () => {
    await using kafka = await Tusk.start({ clock: "manual", topics: ["t"] })
    const { consumer } = await consuming(kafka, "t", { groupId: "g", sessionTimeout: 30_000 })
    const rejoined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
    // As a client that hangs.
    const hung = kafka.faults.delay({ api: "Heartbeat", ms: 3_600_000 })
    const rejoining = kafka.faults.delay({ api: "JoinGroup", ms: 3_600_000 })
    await kafka.clock.advance("29 seconds")
    expect(await membersOf(kafka, "g")).toBe(1)
    await kafka.clock.advance("2 seconds")
    expect(await membersOf(kafka, "g")).toBe(0)
    hung.clear()
    rejoining.clear()
    await rejoined
    expect(await membersOf(kafka, "g")).toBe(1)
    await consumer.disconnect()
  })

  it("aborts a transaction that outlives its time", async () => {
    await using kafka = await Tusk.start({ clock: "manual", topics: ["t"] })
    const producer = kafkajs(kafka).producer({
      transactionalId: "tx",
      transactionTimeout: 60_000,
      maxInFlightRequests: 1
    })
    await producer.connect()
    const transaction = await producer.transaction()
    await transaction.send({ topic: "t", messages: [{ value: "x" }] })
    await kafka.clock.advance("2 minutes")
    await expect(transaction.commit()).rejects.toThrow()
    expect(await kafka.records("t", { isolation: "read_committed" })).toEqual([])
    await producer.disconnect()
  })

  it("keeps connections, and answers long polls in real time", async () => {
    await using kafka = await Tusk.start({ clock: "manual", topics: ["t"] })
    const { consumer, values } = await consuming(kafka, "t")
    await kafka.clock.advance("20 seconds")
    await kafka.produce("t", [{ value: "x" }])
    expect(await values(1)).toEqual(["x"])
    let disconnects = 0
    consumer.on(consumer.events.DISCONNECT, () => disconnects++)
    await kafka.clock.advance("1 day")
    await kafka.produce("t", [{ value: "y" }])
    expect((await values(2)).slice(-1)).toEqual(["y"])
    expect(disconnects).toBe(0)
    await consumer.disconnect()
  })
})
