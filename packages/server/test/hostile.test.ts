import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { decodeResponse } from "@tusk/protocol/Decode"
import { apiByKey } from "@tusk/protocol/messages/index"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { Produce } from "@tusk/protocol/messages/Produce"
import * as Result from "effect/Result"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import { mutate, random } from "../../protocol/test/codec/Mutation.ts"
import { apiVectorNames, readVectors } from "../../protocol/test/vectors.ts"
import { handlers } from "../src/handlers/index.ts"
import { batchOf, valuesOf } from "./Batches.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import type { BrokerUnderTest } from "./BrokerUnderTest.ts"
import { requestFrame, within } from "./WireClient.ts"

setFlagsFromString("--expose-gc")
const gc = runInNewContext("gc") as () => void

/** A frame around these bytes. */
const framed = (body: Uint8Array) => {
  const frame = Buffer.alloc(4 + body.byteLength)
  frame.writeInt32BE(body.byteLength)
  frame.set(body, 4)
  return frame
}
const header = (key: number, version: number, correlationId: number) => {
  const bytes = Buffer.alloc(10)
  bytes.writeInt16BE(key, 0)
  bytes.writeInt16BE(version, 2)
  bytes.writeInt32BE(correlationId, 4)
  bytes.writeInt16BE(-1, 8)
  return bytes
}
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}
const metadata = requestFrame(Metadata, 12, { topics: [] }, 1)

describe("a broken frame closes its connection, with one line in the log", () => {
  const cases: ReadonlyArray<readonly [name: string, bytes: Uint8Array, says: string]> = [
    ["a length of 2 GB", int32(0x7fffffff), "2147483647"],
    ["a length above socket.request.max.bytes", int32(104_857_601), "socket.request.max.bytes"],
    ["a negative length", int32(-1), "-1"],
    ["a length of 0", int32(0), "0 bytes"],
    ["too short for a header", framed(Buffer.alloc(7)), "7 bytes"],
    ["an unknown API", framed(header(1234, 0, 1)), "1234"],
    ["a negative API key", framed(header(-1, 0, 1)), "-1"],
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"), "this looks like HTTP"],
    ["a TLS hello", Buffer.from("16030100f1010000ed0303", "hex"), "this looks like TLS"],
    ["a negative version", framed(header(3, -1, 1)), "Metadata"],
    ["no body", framed(header(3, 1, 1)), "Metadata 1: topics"],
    ["an array of 2,000 million", framed(Buffer.concat([header(3, 1, 1), int32(0x7fffffff)])), "Metadata 1: topics"],
    [
      "a string beyond the frame",
      framed(Buffer.concat([header(3, 1, 1), int32(1), Buffer.from([0x7f, 0xff])])),
      "Metadata"
    ],
    [
      "a string that is no UTF-8",
      framed(Buffer.concat([header(3, 1, 1), int32(1), Buffer.from([0, 1, 0xff])])),
      "UTF-8"
    ]
  ]

  it.each(cases)("%s", async (_name, bytes, says) => {
    await using broker = await startBroker()
    const client = await broker.connect()
    // What was asked before is answered; what is asked behind is not.
    client.sendBytes(Buffer.concat([metadata, bytes, metadata]))
    await client.frame()
    await within(client.closed, "the end")
    assert.deepStrictEqual(client.frames, [])
    assert.deepStrictEqual(
      broker.log.map(({ level }) => level),
      ["Warn"]
    )
    assert.include(broker.log[0]!.text, says)
    assert.notInclude(broker.log[0]!.text, "\n")
    assert.isTrue(await broker.serves())
  })

  it("bytes behind a body are not looked at: librdkafka leaves some", async () => {
    await using broker = await startBroker()
    const client = await broker.connect()
    client.sendBytes(Buffer.concat([framed(Buffer.concat([metadata.subarray(4), Buffer.from([0])])), metadata]))
    for (const _ of [1, 2]) assert.strictEqual((await client.frame()).readInt32BE(0), 1)
  })

  it("a batch that is cut short, in a frame that is whole, is its partition's error alone", async () => {
    await using broker = await startBroker()
    await broker.createTopic("t", 2)
    const client = await broker.connect()
    const batch = batchOf(["a"])
    const partitionData = [
      { index: 0, records: batch.subarray(0, 40) },
      { index: 1, records: batch }
    ]
    const { responses } = await client.call(Produce, 12, { acks: -1, topicData: [{ name: "t", partitionData }] })
    assert.deepStrictEqual(
      responses[0]!.partitionResponses.map(({ errorCode }) => errorCode),
      [87, 0]
    )
    assert.deepStrictEqual(broker.log, [])
  })
})

describe("1,000 frames made from golden vectors by chance", () => {
  let broker: BrokerUnderTest
  const partition = [{ partition: 0, partitionMaxBytes: 1 << 20 }]

  beforeAll(async () => {
    broker = await startBroker()
    await broker.createTopic("kept")
    const client = await broker.connect()
    const partitionData = [{ index: 0, records: batchOf(["kept"]) }]
    await client.call(Produce, 12, { acks: -1, topicData: [{ name: "kept", partitionData }] })
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  /** What the broker serves, as golden request bodies behind a header. */
  const samples = (): Array<Buffer> => {
    const served = new Map(handlers.map(({ api, versions }) => [api.key, versions]))
    return apiVectorNames().flatMap((name) =>
      readVectors(name).flatMap((vector) => {
        const range = served.get(vector.key)
        if (vector.type !== "request" || range === undefined) return []
        if (vector.version < range[0] || vector.version > range[1]) return []
        const tags = apiByKey(vector.key)!.requestHeaderVersion(vector.version) === 2 ? [Buffer.of(0)] : []
        return [Buffer.concat([header(vector.key, vector.version, 7), ...tags, Buffer.from(vector.hex, "hex")])]
      })
    )
  }

  it("each is answered or closes its connection, others are served, memory does not grow", async () => {
    const below = random(20_260_101)
    const golden = samples()
    assert.isAbove(golden.length, 200)
    const counts = { answered: 0, closed: 0, waited: 0 }
    const bystander = await broker.connect()
    const memory = () => {
      gc()
      const { external, heapUsed } = process.memoryUsage()
      return heapUsed + external
    }

    /** Sends one, and a request behind it that tells when the broker is done with it. */
    const attack = async (frame: Buffer) => {
      const client = await broker.connect()
      client.sendBytes(Buffer.concat([frame, metadata]))
      const sentinel = async (): Promise<"answered" | "closed"> => {
        while (true) {
          const answer = await client.frame().catch(() => undefined)
          if (answer === undefined) return "closed"
          if (answer.readInt32BE(0) === 1) return "answered"
        }
      }
      // A long poll, a join, or a length that reaches beyond what is sent may wait: then the client goes.
      const outcome = await within(sentinel(), "an answer", 100).catch(() => "waited" as const)
      counts[outcome]++
      await client[Symbol.asyncDispose]()
    }
    const one = async () => {
      const base = golden[below(golden.length)]!
      switch (below(8)) {
        case 0:
          // Noise behind a header that is right.
          return attack(
            framed(Buffer.concat([base.subarray(0, 11), Buffer.from(Array.from({ length: 60 }, () => below(256)))]))
          )
        case 1:
          // The length itself is hit, or what follows it.
          return attack(mutate(framed(base), below))
        case 2:
          return attack(framed(base))
        default:
          return attack(framed(Buffer.concat([base.subarray(0, 8), mutate(base.subarray(8), below)])))
      }
    }

    for (let i = 0; i < 100; i++) await one()
    const before = memory()
    for (let i = 100; i < 1000; i++) {
      await one()
      if (i % 50 === 0) await bystander.call(Metadata, 12, { topics: [] })
    }
    const grown = memory() - before

    assert.strictEqual(counts.answered + counts.closed + counts.waited, 1000)
    assert.isAbove(counts.answered, 100)
    assert.isAbove(counts.closed, 100)
    assert.isBelow(counts.waited, 100, JSON.stringify(counts))
    assert.isBelow(grown, 24 << 20)
    const defects = broker.log.filter(
      ({ level, text }) => level === "Error" || level === "Fatal" || /defect/.test(text)
    )
    assert.deepStrictEqual(defects, [])
    assert.isTrue(broker.log.every(({ text }) => !text.includes("\n")))
    assert.isAtMost(broker.log.length, counts.closed + counts.waited, "one line a connection")
    const answer = await bystander.call(Fetch, 12, {
      maxWaitMs: 0,
      maxBytes: 1 << 20,
      sessionEpoch: -1,
      topics: [{ topic: "kept", partitions: partition }]
    })
    assert.deepStrictEqual(valuesOf(answer.responses[0]!.partitions[0]!.records), ["kept"])
  })

  it("half frames that many connections hold on to cost what has arrived, not what was announced", async () => {
    const before = process.memoryUsage()
    const clients = await Promise.all(Array.from({ length: 100 }, () => broker.connect()))
    for (const client of clients) client.sendBytes(Buffer.concat([metadata, int32(100_000_000), Buffer.alloc(100)]))
    for (const client of clients) {
      const answer = Result.getOrThrow(decodeResponse(Metadata, 12, await client.frame()))
      assert.strictEqual(answer.correlationId, 1)
    }
    gc()
    const after = process.memoryUsage()
    assert.isBelow(after.arrayBuffers + after.heapUsed - before.arrayBuffers - before.heapUsed, 64 << 20)
    await Promise.all(clients.map((client) => client[Symbol.asyncDispose]()))
    assert.isTrue(await broker.serves())
  })
})
