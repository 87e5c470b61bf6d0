import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { decodeResponse } from "@tusk/protocol/Decode"
import { ListOffsets } from "@tusk/protocol/messages/ListOffsets"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Result from "effect/Result"
import { handlers } from "../../src/handlers/index.ts"
import { countErrors, errorPlaces } from "../../src/request/answerErrors.ts"
import type { Handler, Right } from "../../src/request/Handler.ts"
import { batchOf } from "../Batches.ts"
import { startBroker } from "../BrokerUnderTest.ts"
import type { BrokerUnderTest } from "../BrokerUnderTest.ts"
import { Closed, forVersion, requestFrame } from "../WireClient.ts"
import type { WireClient } from "../WireClient.ts"
import { questions } from "./beyondSensible.ts"
import { makeGroups } from "./makeGroups.ts"
import { Rights } from "./Rights.ts"
import type { Asked } from "./Rights.ts"

/** What everybody is answered, and why: who serves a cluster is no secret, nor which versions it speaks. */
const FOR_EVERYBODY: ReadonlySet<string> = new Set([
  "ApiVersions",
  "DescribeCluster",
  "GetTelemetrySubscriptions",
  "PushTelemetry"
])

/** What is asked only of those who log in: test/security/token has it. */
const BY_LOGIN: ReadonlySet<string> = new Set(["CreateDelegationToken", "DescribeDelegationToken"])

const TOPICS = ["there", "written", "kept-from-you"]
const all = handlers as ReadonlyArray<Handler>
const versionsOf = ({ versions: [min, max] }: Handler) => Array.from({ length: max - min + 1 }, (_, i) => min + i)

const asText = (right: Right): string => `${right.operation} ${right.resourceType}`
const kindOf = (asked: Asked): string => asked.split(" ").slice(0, 2).join(" ")

describe("one who may do nothing", () => {
  const rights = new Rights()
  let broker: BrokerUnderTest
  let client: WireClient
  const ids = new Map<string, string>()

  beforeAll(async () => {
    broker = await startBroker({}, { authorizer: rights })
    client = await broker.connect()
    for (const name of TOPICS) {
      ids.set(name, await broker.createTopic(name))
      const partitionData = [{ index: 0, records: batchOf(["hello"]) }]
      await client.call(Produce, 3, { acks: -1, timeoutMs: 1000, topicData: [{ name, partitionData }] })
    }
    const partitions = [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: "m" }]
    await client.call(OffsetCommit, 2, { groupId: "kept", topics: TOPICS.map((name) => ({ name, partitions })) })
    rights.only()
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  /** The bytes of the answer; undefined if the connection was closed instead. */
  const ask = async ({ api }: Handler, version: number, request: object): Promise<Buffer | undefined> => {
    if (client.isClosed) client = await broker.connect()
    client.send(api, version, request)
    try {
      return await client.frame()
    } catch (error) {
      if (error instanceof Closed) return undefined
      throw error
    }
  }

  const worldOf = (api: string, version: number, topicId = ids.get(api === "Produce" ? "written" : "there")!) => ({
    topicId,
    fresh: `${api}-${version}`
  })

  for (const handler of all) {
    const { api } = handler
    it(`${api.name}: no answer names a topic that its request does not name, none tells of anything`, async () => {
      const places = errorPlaces(api.response.plan(api.maxVersion))
      for (const version of versionsOf(handler)) {
        for (const question of questions(api.name)) {
          const request = forVersion(api, version, question(worldOf(api.name, version), version))
          const answer = await ask(handler, version, request)
          if (answer === undefined) continue
          const asked = requestFrame(api, version, request)
          for (const name of TOPICS) {
            if (!asked.includes(name)) assert.isFalse(answer.includes(name), `${api.name} ${version} tells of ${name}`)
          }
          if (FOR_EVERYBODY.has(api.name)) continue
          const { body } = Result.getOrThrow(decodeResponse(api, version, answer))
          const { brokers: _brokers, ...rest } = body
          const isRefused = countErrors(places, body, new Map()) !== 0
          const isEmpty = Object.values(rest).every((value) => !Array.isArray(value) || value.length === 0)
          assert.isTrue(isRefused || isEmpty, `${api.name} ${version} is answered: ${Object.keys(rest)}`)
        }
      }
    })

    it(`${api.name}: a topic that is there is answered as one that is not`, async () => {
      for (const version of versionsOf(handler)) {
        for (const question of questions(api.name)) {
          const of = async (name: string, topicId: string) => {
            const world = worldOf(api.name, version, topicId)
            const request = named(forVersion(api, version, question(world, version)), name)
            // An id is no secret: whether there is such a topic may be told.
            if (requestFrame(api, version, request).includes(idBytes(topicId))) return undefined
            const answer = await ask(handler, version, request)
            return answer === undefined ? "closed" : answer.subarray(4).toString("latin1").replaceAll(name, "")
          }
          const present = await of("there", ids.get("there")!)
          const absent = await of("not-e", ids.get("there")!)
          if (!FOR_EVERYBODY.has(api.name)) assert.strictEqual(present, absent, `${api.name} ${version}`)
        }
      }
    })
  }

  it("changes nothing", async () => {
    rights.allow(() => true)
    const { topics } = await client.call(Metadata, 12, { topics: null })
    const names = topics.map(({ name }) => name!).filter((name) => !name.startsWith("__"))
    assert.sameMembers(names, TOPICS)
    const partitions = [{ partitionIndex: 0, timestamp: -1n }]
    const ends = await client.call(ListOffsets, 5, {
      replicaId: -1,
      topics: TOPICS.map((name) => ({ name, partitions }))
    })
    assert.deepStrictEqual(
      ends.topics.map(({ partitions: [one] }) => one!.offset),
      TOPICS.map(() => 1n)
    )
    rights.only()
  })
})

/** Says a name in the place of the topic that requests name. */
const named = <A>(request: A, name: string): A => {
  if (typeof request === "string") return (request === "there" || request === "written" ? name : request) as A
  if (Array.isArray(request)) return request.map((each) => named(each, name)) as A
  if (typeof request !== "object" || request === null || request instanceof Uint8Array) return request
  return Object.fromEntries(Object.entries(request).map(([key, value]) => [key, named(value, name)])) as A
}

const idBytes = (topicId: string): Buffer => Buffer.from(topicId, "base64url")

describe("the rights that a handler says it asks for", () => {
  for (const handler of all) {
    const { api, asks } = handler
    if (BY_LOGIN.has(api.name)) continue
    it(`${api.name}: are those that it asks for, all of them`, async () => {
      const rights = new Rights()
      await using broker = await startBroker({}, { authorizer: rights })
      const topicId = await broker.createTopic("there")
      await broker.createTopic("written")
      // Its connection stays: with it a share session ends.
      await makeGroups(await broker.connect(), topicId)
      const found = new Set<string>()
      const modes: ReadonlyArray<(asked: Asked) => boolean> = [
        () => false,
        (asked) => asked.startsWith("describe "),
        (asked) => !asked.includes(" cluster "),
        () => true
      ]
      for (const [mode, isAllowed] of modes.entries()) {
        const client = await broker.connect()
        for (const version of versionsOf(handler)) {
          for (const question of questions(api.name)) {
            if (client.isClosed) continue
            rights.allow(isAllowed)
            const world = { topicId, fresh: `${api.name}-${version}-${mode}` }
            client.send(api, version, forVersion(api, version, question(world, version)))
            await client.frame().catch(() => {})
            for (const asked of [...rights.asked, ...rights.askedQuietly]) found.add(kindOf(asked))
            // Who is refused all is told no rights of its own, which are asked for as well.
            if (mode > 0) continue
            const said = new Set(asks.map(asText))
            const others = [...rights.asked, ...rights.askedQuietly].filter((asked) => !said.has(kindOf(asked)))
            assert.deepStrictEqual(others, [], `${api.name} ${version}`)
          }
        }
      }
      assert.deepStrictEqual(
        asks.map(asText).filter((right) => !found.has(right)),
        [],
        "never asked for"
      )
    })
  }
})
