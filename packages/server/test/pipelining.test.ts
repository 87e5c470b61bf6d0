import { assert, describe, it } from "@effect/vitest"
import type { Api } from "@tusk/protocol/codec/Api"
import { decodeResponse } from "@tusk/protocol/Decode"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { FindCoordinator } from "@tusk/protocol/messages/FindCoordinator"
import { Heartbeat } from "@tusk/protocol/messages/Heartbeat"
import { InitProducerId } from "@tusk/protocol/messages/InitProducerId"
import { ListGroups } from "@tusk/protocol/messages/ListGroups"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { OffsetCommit } from "@tusk/protocol/messages/OffsetCommit"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Result from "effect/Result"
import { random } from "../../protocol/test/codec/Mutation.ts"
import { batchOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { answersLater, nextTurn } from "./Stores.ts"
import { requestFrame, within } from "./WireClient.ts"
import type { Partly, WireClient } from "./WireClient.ts"

interface Request {
  readonly api: Api<any, any>
  readonly version: number
  readonly frame: (correlationId: number) => Buffer
}
const request = <Req, Res>(api: Api<Req, Res>, version: number, body: Partly<Req>): Request => ({
  api,
  version,
  frame: (correlationId) => requestFrame(api, version, body, correlationId)
})
const producing = (name: string, version: number, acks = -1): Request =>
  request(Produce, version, {
    acks,
    timeoutMs: 30_000,
    topicData: [{ name, partitionData: [{ index: 0, records: batchOf(["a"]) }] }]
  })

/** Run one after the other. */
const INLINE: Readonly<Record<string, Request>> = {
  Metadata: request(Metadata, 12, { topics: [] }),
  ApiVersions: request(ApiVersions, 0, {}),
  "ApiVersions with a name": request(ApiVersions, 3, {
    clientSoftwareName: "test",
    clientSoftwareVersion: "1"
  }),
  Heartbeat: request(Heartbeat, 4, { groupId: "g", memberId: "m" }),
  FindCoordinator: request(FindCoordinator, 4, { keyType: 0, coordinatorKeys: ["g"] }),
  ListGroups: request(ListGroups, 5, {}),
  "Fetch without a wait": request(Fetch, 12, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 1000,
    sessionEpoch: -1,
    topics: [{ topic: "t", partitions: [{ partition: 0, partitionMaxBytes: 1000 }] }]
  }),
  InitProducerId: request(InitProducerId, 4, { transactionalId: null, transactionTimeoutMs: 60_000 }),
  OffsetCommit: request(OffsetCommit, 8, {
    groupId: "g",
    generationIdOrMemberEpoch: -1,
    topics: [{ name: "t", partitions: [{ partitionIndex: 0, committedOffset: 1n }] }]
  })
}
/** Run beside others; the ones but the first wait for something before they have their place. */
const BESIDE: ReadonlyArray<Request> = [
  producing("t", 9),
  producing("t", 12, 1),
  producing("gzipped", 9),
  producing("made by this", 9)
]

/** A broker with the topics, and a client of it. */
const connected = async (broker: BrokerUnderTest): Promise<WireClient> => {
  await broker.createTopic("t")
  await broker.createTopic("gzipped", 1, { "compression.type": "gzip" })
  return broker.connect()
}

/** Takes the answers; each has come whole, is the one that is due, and comes while a client would still wait. */
const answers = async (client: WireClient, requests: ReadonlyArray<Request>, firstId: number, what: string) => {
  const bodies: Array<any> = []
  for (const [i, { api, version }] of requests.entries()) {
    const frame = await within(client.frame(), `the answer to request ${i} (${api.name}) of ${what}`, 3000)
    const answer = Result.getOrThrow(decodeResponse(api, version, frame))
    assert.strictEqual(answer.correlationId, firstId + i, what)
    bodies.push(answer.body)
  }
  return bodies
}
const noErrors = (broker: BrokerUnderTest) =>
  assert.deepStrictEqual(
    broker.log.filter(({ level }) => level === "Error"),
    []
  )

describe("pipelined requests on a store that answers in a later turn", () => {
  it.each(Object.keys(INLINE))("Produce, %s, Produce in one piece: all are answered", async (name) => {
    await using broker = await startBroker({}, { store: answersLater() })
    const client = await connected(broker)
    for (const produce of BESIDE) {
      const requests = [produce, INLINE[name]!, produce]
      client.sendBytes(Buffer.concat(requests.map(({ frame }, id) => frame(id))))
      await answers(client, requests, 0, name)
    }
    noErrors(broker)
  })

  it("any mix, cut anywhere: all are answered, in order, and every record has an offset of its own", async () => {
    await using broker = await startBroker({}, { store: answersLater() })
    const client = await connected(broker)
    const inline = Object.values(INLINE)
    let firstId = 0
    let nextOffset = 0n
    for (let seed = 1; seed <= 300; seed++) {
      const below = random(seed)
      const requests = Array.from({ length: 2 + below(12) }, () =>
        below(3) === 0 ? inline[below(inline.length)]! : BESIDE[below(4) === 0 ? below(BESIDE.length) : 0]!
      )
      const bytes = Buffer.concat(requests.map(({ frame }, i) => frame(firstId + i)))
      const answered = answers(client, requests, firstId, `seed ${seed}`)
      // Half of them in one piece, as a client sends that had to wait.
      for (let from = 0; from < bytes.length;) {
        const to = below(2) === 0 ? bytes.length : Math.min(bytes.length, from + 1 + below(bytes.length))
        client.sendBytes(bytes.subarray(from, to))
        from = to
        if (below(2) === 0) await nextTurn()
      }
      for (const [i, body] of (await answered).entries()) {
        if (requests[i] !== BESIDE[0] && requests[i] !== BESIDE[1]) continue
        const { baseOffset, errorCode } = body.responses[0].partitionResponses[0]
        assert.deepStrictEqual([errorCode, baseOffset], [0, nextOffset++], `seed ${seed}`)
      }
      firstId += requests.length
    }
    noErrors(broker)
  })
})
