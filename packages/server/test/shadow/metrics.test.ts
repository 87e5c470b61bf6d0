import { assert, describe, it } from "@effect/vitest"
import { tuskMetrics } from "../../src/observe/tuskMetrics.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import { AdminUnderTest } from "../observe/AdminUnderTest.ts"
import { eventually, Side, sideOf } from "./TwoBrokers.ts"

describe("metrics of a shadow", { timeout: 30_000 }, () => {
  it("are the lag of each partition, and how many stopped; nothing where nothing is forwarded", async () => {
    await using to = await startBroker({})
    const target = await sideOf(to)
    await to.createTopic("mine")
    await target.values("mine", 0, "theirs")
    const settings = { "tusk.shadow.to": `127.0.0.1:${to.port}`, "tusk.shadow.interval.ms": 100 }
    await using from = await AdminUnderTest.start({ settings })
    await using client = await from.connect()
    const source = new Side(to, client)
    await to.createTopicBy(await from.connect(), "orders", 2)
    await to.createTopicBy(await from.connect(), "mine")
    await source.values("orders", 1, "a", "b")
    await target.ends("orders", 1, 2n)
    const page = await eventually("the lag", async () => {
      const found = await from.page()
      const stopped = found.value(tuskMetrics.shadowStopped.name, { topic: "mine" })
      return stopped === 1 && found.value(tuskMetrics.shadowLag.name, { topic: "orders", partition: "1" }) === 0
        ? found
        : undefined
    })
    assert.strictEqual(page.value(tuskMetrics.shadowTopicLag.name, { topic: "orders" }), 0)
    assert.strictEqual(page.value(tuskMetrics.shadowStopped.name, { topic: "orders" }), 0)
    await using quiet = await AdminUnderTest.start()
    assert.isFalse((await quiet.page()).families.has(tuskMetrics.shadowLag.name))
  })
})
