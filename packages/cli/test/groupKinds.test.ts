import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { start } from "@tusk/server/testing/TestBroker"
import type { TestBroker } from "@tusk/server/testing/TestBroker"
import { ConsumerGroupHeartbeat } from "@tusk/protocol/messages/ConsumerGroupHeartbeat"
import { ShareGroupHeartbeat } from "@tusk/protocol/messages/ShareGroupHeartbeat"
import { StreamsGroupHeartbeat } from "@tusk/protocol/messages/StreamsGroupHeartbeat"
import * as Effect from "effect/Effect"
import { KafkaClient, makeKafkaClient } from "@tusk/client/KafkaClient"
import { nodeTransport } from "@tusk/client/NodeTransport"
import { refusalOf } from "@tusk/client/ClientError"
import { runCommandHere } from "./RunCommand.ts"

let broker: TestBroker
beforeAll(async () => {
  broker = await start()
})
afterAll(() => broker.stop())

const json = async (...args: ReadonlyArray<string>): Promise<any> => {
  const { exit, stderr, stdout } = await runCommandHere([...args, "-b", broker.bootstrapServers, "--output", "json"])
  assert.strictEqual(exit, 0, stderr)
  return JSON.parse(stdout)
}

const withClient = <A, E>(use: Effect.Effect<A, E, KafkaClient>): Promise<A> =>
  Effect.gen(function* () {
    const client = yield* makeKafkaClient({
      bootstrap: [{ host: broker.host, port: broker.port }],
      clientId: "member",
      softwareVersion: "1",
      requestTimeoutMs: 10_000,
      retryMs: 10_000
    })
    return yield* Effect.provideService(use, KafkaClient, client)
  }).pipe(Effect.scoped, Effect.provide(nodeTransport), Effect.runPromise)

/** A member's id, which it makes itself. */
const memberId = "AAAAAAAAAAAAAAAAAAAAAQ"

describe("groups that brokers assign", () => {
  it("consumer: state, epoch, members and what they have; a reset once it is empty", async () => {
    await json("topic", "create", "t-consumer", "--partitions", "2")
    const beat = (memberEpoch: number) =>
      Effect.gen(function* () {
        const client = yield* KafkaClient
        const join = { rebalanceTimeoutMs: 60_000, subscribedTopicNames: ["t-consumer"], topicPartitions: [] }
        const body = { ...ConsumerGroupHeartbeat.request.defaults(), groupId: "c", memberId, memberEpoch }
        return yield* client.ask(
          client.coordinator("c"),
          ConsumerGroupHeartbeat,
          memberEpoch === 0 ? { ...body, ...join } : body,
          ({ errorCode, errorMessage }) => refusalOf(errorCode, "group c", errorMessage)
        )
      })
    await withClient(beat(0))
    const [told] = await json("group", "describe", "c")
    assert.deepInclude(told, { group: "c", type: "consumer", state: "Stable", assignor: "uniform" })
    assert.isAbove(told.epoch, 0)
    assert.deepStrictEqual(told.members[0].assignment, [{ topic: "t-consumer", partitions: [0, 1] }])
    assert.deepInclude(told.offsets[1], {
      topic: "t-consumer",
      partition: 1,
      offset: null,
      end: 0,
      lag: null,
      memberId
    })
    await withClient(beat(-1))
    assert.deepInclude(await json("group", "list", "--type", "consumer"), {
      group: "c",
      type: "consumer",
      protocol: "consumer",
      state: "Empty"
    })
    await json("group", "reset-offsets", "c", "--topic", "t-consumer", "--to-latest", "--execute")
    assert.deepStrictEqual(
      (await json("group", "describe", "c"))[0].offsets.map(({ lag }: { lag: number }) => lag),
      [0, 0]
    )
    assert.deepStrictEqual(await json("group", "delete", "c"), [{ group: "c" }])
  })

  it("share: where it begins, and another beginning", async () => {
    await json("topic", "create", "t-share", "--partitions", "1")
    const beat = (memberEpoch: number) =>
      Effect.gen(function* () {
        const client = yield* KafkaClient
        const body = { ...ShareGroupHeartbeat.request.defaults(), groupId: "s", memberId, memberEpoch }
        return yield* client.ask(
          client.coordinator("s"),
          ShareGroupHeartbeat,
          memberEpoch === 0 ? { ...body, subscribedTopicNames: ["t-share"] } : body,
          ({ errorCode, errorMessage }) => refusalOf(errorCode, "group s", errorMessage)
        )
      })
    await withClient(beat(0))
    const [told] = await json("group", "describe", "s")
    assert.deepInclude(told, { group: "s", type: "share", state: "Stable" })
    assert.deepStrictEqual(told.members[0].assignment, [{ topic: "t-share", partitions: [0] }])
    await withClient(beat(-1))
    const input = [Buffer.from("a\nb\n")]
    await runCommandHere(["produce", "t-share", "-b", broker.bootstrapServers], { input })
    const reset = await json("group", "reset-offsets", "s", "--topic", "t-share", "--to-earliest", "--execute")
    assert.deepStrictEqual(reset, [{ group: "s", topic: "t-share", partition: 0, offset: 0 }])
    const [after] = await json("group", "describe", "s")
    assert.deepInclude(after.offsets[0], { topic: "t-share", partition: 0, offset: 0, end: 2, lag: 2, memberId: null })
    await json("group", "delete-offsets", "s", "--topic", "t-share")
    assert.deepStrictEqual((await json("group", "describe", "s"))[0].offsets, [])
  })

  it("streams: its tasks", async () => {
    await json("topic", "create", "t-streams", "--partitions", "2")
    const subtopology = {
      subtopologyId: "0",
      sourceTopics: ["t-streams"],
      sourceTopicRegex: [],
      stateChangelogTopics: [],
      repartitionSinkTopics: [],
      repartitionSourceTopics: [],
      copartitionGroups: []
    }
    const join = Effect.gen(function* () {
      const client = yield* KafkaClient
      const body = {
        ...StreamsGroupHeartbeat.request.defaults(),
        groupId: "k",
        memberId,
        memberEpoch: 0,
        rebalanceTimeoutMs: 60_000,
        processId: "p",
        topology: { epoch: 0, subtopologies: [subtopology] },
        activeTasks: [],
        standbyTasks: [],
        warmupTasks: []
      }
      yield* client.ask(client.coordinator("k"), StreamsGroupHeartbeat, body, ({ errorCode, errorMessage }) =>
        refusalOf(errorCode, "group k", errorMessage)
      )
    })
    await withClient(join)
    const [told] = await json("group", "describe", "k")
    assert.deepInclude(told, { group: "k", type: "streams", assignor: null, offsets: [] })
    assert.strictEqual(told.members[0].memberId, memberId)
    assert.deepInclude((await json("group", "list"))[0], { group: "k", type: "streams" })
  })
})
