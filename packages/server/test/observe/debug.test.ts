import { assert, describe, it } from "@effect/vitest"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { DeleteTopics } from "@tusk/protocol/messages/DeleteTopics"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { IncrementalAlterConfigs } from "@tusk/protocol/messages/IncrementalAlterConfigs"
import { JoinGroup } from "@tusk/protocol/messages/JoinGroup"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Log } from "@tusk/storage/log/Log"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { SlowRequests } from "../../src/net/SlowRequests.ts"
import { brokerInTestTime, capturing, pass, startBroker } from "../BrokerUnderTest.ts"
import type { LogLine } from "../BrokerUnderTest.ts"
import { within } from "../WireClient.ts"

/** A broker with debug lines, and what waits for one of them. */
const debugging = async () => {
  const log: Array<LogLine> = []
  const looks = new Set<() => void>()
  const noting = new Proxy(log, {
    get: (target, name) =>
      name === "push"
        ? (line: LogLine) => {
            target.push(line)
            for (const look of looks) look()
          }
        : (Reflect.get(target, name) as unknown)
  })
  const layer = Layer.mergeAll(capturing(noting), Layer.succeed(References.MinimumLogLevel, "Debug"))
  const broker = await startBroker({}, { around: layer })
  const line = (text: string, where: Record<string, unknown> = {}) => {
    const found = new Promise<LogLine>((resolve) => {
      const look = () => {
        const hit = log.find(
          (each) =>
            each.text.startsWith(text) && Object.entries(where).every(([name, value]) => each.fields[name] === value)
        )
        if (hit !== undefined) resolve(hit)
      }
      looks.add(look)
      look()
    })
    return within(found, text)
  }
  return { broker, line }
}

describe("at debug one can follow", () => {
  it("a connection, from its first line to its last", async () => {
    const { broker, line } = await debugging()
    await using _ = broker
    const client = await broker.connect()
    await client.call(ApiVersions, 4, { clientSoftwareName: "wire", clientSoftwareVersion: "1.2" })
    await client.call(ApiVersions, 3, { clientSoftwareName: "wire", clientSoftwareVersion: "1.2" })
    const opened = await line("connection is open")
    assert.deepInclude(opened.fields, { area: "net", service: "tusk" })
    await client[Symbol.asyncDispose]()
    assert.deepInclude((await line("connection is over")).fields, {
      area: "net",
      software: "wire 1.2",
      clientId: "wire",
      requests: 2,
      reason: "the client went away"
    })
  })

  it("topics, configs and the commits that store them", async () => {
    const { broker, line } = await debugging()
    await using _ = broker
    await broker.createTopic("t", 2)
    const client = await broker.connect()
    const configs = [{ name: "retention.ms", configOperation: 0, value: "1000" }]
    await client.call(IncrementalAlterConfigs, 1, { resources: [{ resourceType: 2, resourceName: "t", configs }] })
    await client.call(DeleteTopics, 5, { topicNames: ["t"], timeoutMs: 1000 })
    assert.strictEqual((await line("topic is made")).fields["area"], "topics")
    assert.deepInclude((await line("config is set")).fields, {
      area: "topics",
      resourceName: "t",
      name: "retention.ms"
    })
    await line("partition is made")
    await line("topic is deleted")
    const commit = await line("commit is stored")
    assert.deepInclude(commit.fields, { area: "commit", units: 1, batches: 0 })
    for (const name of ["bytes", "ms"]) assert.isNumber(commit.fields[name])
  })

  it("a rebalance, though it happens for a request", async () => {
    const { broker, line } = await debugging()
    await using _ = broker
    const client = await broker.connect()
    const join = (memberId: string) =>
      client.call(JoinGroup, 5, {
        groupId: "g",
        memberId,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        protocolType: "consumer",
        protocols: [{ name: "range", metadata: new Uint8Array() }]
      })
    const { memberId } = await join("")
    client.send(JoinGroup, 5, {
      groupId: "g",
      memberId,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      protocolType: "consumer",
      protocols: [{ name: "range", metadata: new Uint8Array() }]
    })
    const { fields } = await line("group changes")
    assert.deepInclude(fields, {
      area: "groups",
      group: "g",
      kind: "classic",
      from: "Empty",
      reason: "Join",
      members: 1
    })
  })
})

const slowEnds = Layer.effect(
  Log,
  Effect.map(Log, (log) => Log.of({ ...log, ends: (ids) => Effect.delay(log.ends(ids), 3000) }))
).pipe(Layer.provide(Log.layer))

describe("a slow request", () => {
  it.effect("is told once, with where its time went; a long poll is not one", () =>
    Effect.gen(function* () {
      const broker = yield* brokerInTestTime({ logSlowRequestMs: 2000 }, { parts: { log: slowEnds } })
      yield* Effect.promise(() => broker.createTopic("t"))
      const client = yield* Effect.promise(() => broker.connect())
      const poller = yield* Effect.promise(() => broker.connect())
      const topics = [{ topic: "t", partitions: [{ partition: 0, fetchOffset: 0n, partitionMaxBytes: 1000 }] }]
      const polled = poller.call(Fetch, 12, { maxWaitMs: 6000, minBytes: 1, maxBytes: 1000, topics })
      const partitions = [{ partitionIndex: 0, timestamp: -1n }]
      const asked = client.call(ListOffsets, 7, { topics: [{ name: "t", partitions }] })
      yield* pass(broker, 12)
      yield* Effect.promise(() => Promise.all([asked, polled]))
      const slow = broker.log.filter(({ text }) => text.startsWith("slow "))
      assert.lengthOf(slow, 1)
      const [{ fields, level, text }] = slow as [LogLine]
      assert.strictEqual(level, "Warn")
      assert.strictEqual(fields["area"], "request")
      assert.match(text, /^slow ListOffsets, answered after [36]000 ms$/)
      assert.deepInclude(fields, { topics: "t", clientId: "wire" })
      assert.isAtLeast(Number(fields["handledMs"]), 3000)
    }).pipe(Effect.scoped)
  )

  it("of an API is told every ten seconds, with how many were not", () => {
    const lines: Array<Effect.Effect<void>> = []
    const slow = new SlowRequests({ limitMs: 100, fork: (line) => lines.push(line) })
    const at = (answeredMs: number, tookMs: number, ownWaitMs = 0) =>
      slow.answered(
        "Produce",
        { receivedMs: answeredMs - tookMs, begunMs: answeredMs, answeredMs, ownWaitMs },
        () => ({})
      )
    at(1000, 99)
    at(1000, 500, 450)
    assert.lengthOf(lines, 0)
    at(1000, 100)
    at(2000, 100)
    at(3000, Infinity, Infinity)
    assert.lengthOf(lines, 1)
    at(11_000, 100)
    assert.lengthOf(lines, 2)
    const none = new SlowRequests({ limitMs: 0, fork: (line) => lines.push(line) })
    none.answered("Produce", { receivedMs: 0, begunMs: 0, answeredMs: 1e9, ownWaitMs: 0 }, () => ({}))
    assert.lengthOf(lines, 2)
  })
})
