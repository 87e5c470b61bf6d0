import { describe, expect, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import { int16, field, int32, struct, uint16, uint32 } from "../../src/codec/Declare.ts"
import { interpretEncode } from "../../src/codec/Interpret.ts"
import { type MessageCodec, messageCodec } from "../../src/codec/MessageCodec.ts"
import { MAX_UNKNOWN_TAGS, Reader } from "../../src/codec/Reader.ts"
import { isUuid, ZERO_UUID } from "../../src/codec/Uuid.ts"
import { BY_REFERENCE, Writer } from "../../src/codec/Writer.ts"
import { encodeResponse } from "../../src/Header.ts"
import { Fetch } from "../../src/messages/Fetch.ts"
import { Heartbeat } from "../../src/messages/Heartbeat.ts"
import { Metadata } from "../../src/messages/Metadata.ts"
import { Produce } from "../../src/messages/Produce.ts"
import { ProtocolError } from "../../src/ProtocolError.ts"
import { readVectors } from "../vectors.ts"

const concat = (chunks: ReadonlyArray<Uint8Array>) => Buffer.concat(chunks)

/** The error of generated code, which has to be that of the interpreter. */
const refused = <A>(codec: MessageCodec<A>, version: number, value: A): ProtocolError => {
  const caught = [
    () => codec.encode(new Writer(), version, value),
    () => interpretEncode(codec.plan(version), new Writer(), value)
  ].map((run) => {
    try {
      run()
    } catch (error) {
      if (error instanceof ProtocolError) return error
      throw error
    }
    throw new Error("written")
  })
  expect(caught[0]!.reason).toBe(caught[1]!.reason)
  expect(caught[0]!.field).toBe(caught[1]!.field)
  return caught[0]!
}

describe("Writer", () => {
  it("hands large byte arrays on by reference and small ones in one chunk", () => {
    const large = Buffer.alloc(BY_REFERENCE, 1)
    const small = Buffer.alloc(BY_REFERENCE - 1, 2)
    const writer = new Writer()
    writer.int32(1)
    writer.raw(large)
    writer.raw(small)
    writer.int32(2)
    expect(writer.length).toBe(8 + large.length + small.length)
    const chunks = writer.finish()
    expect(chunks.map((chunk) => chunk.length)).toEqual([4, large.length, small.length + 4])
    expect(chunks[1]).toBe(large)
  })

  it("never overwrites chunks it has handed out", () => {
    const writer = new Writer()
    const kept: Array<{ readonly chunks: ReadonlyArray<Uint8Array>; readonly hex: string }> = []
    for (let i = 0; i < 3000; i++) {
      const body = { ...Heartbeat.response.defaults(), throttleTimeMs: i }
      const chunks = encodeResponse(Heartbeat, 4, i, body, writer)
      kept.push({ chunks, hex: concat(chunks).toString("hex") })
    }
    for (const { chunks, hex } of kept) expect(concat(chunks).toString("hex")).toBe(hex)
    expect(new Set(kept.map(({ hex }) => hex)).size).toBe(3000)
  })

  it("goes over the end of a slab inside one message", () => {
    const value = { ...Metadata.response.defaults(), clusterId: "x".repeat(20_000) }
    const brokers = [...Array(3000).keys()].map((nodeId) => ({
      nodeId,
      host: `host-${nodeId}`,
      port: 9092,
      rack: null
    }))
    const frame = concat(encodeResponse(Metadata, 12, 7, { ...value, brokers }, new Writer()))
    expect(frame.readInt32BE(0)).toBe(frame.length - 4)
    const decoded = Metadata.response.decode(new Reader(frame, 9), 12)
    expect(decoded.brokers).toEqual(brokers)
    expect(decoded.clusterId).toBe(value.clusterId)
  })

  it("is usable after a value was refused", () => {
    const writer = new Writer()
    const good = () => concat(encodeResponse(Heartbeat, 4, 1, Heartbeat.response.defaults(), writer)).toString("hex")
    const before = good()
    const bad = { ...Heartbeat.response.defaults(), errorCode: 40_000 }
    expect(() => encodeResponse(Heartbeat, 4, 1, bad, writer)).toThrowError(ProtocolError)
    expect(good()).toBe(before)
  })

  it("writes the chunks of a Fetch answer behind one length, without copying", () => {
    const one = Buffer.alloc(5000, 1)
    const two = Buffer.alloc(7000, 2)
    const frame = encodeResponse(
      Fetch,
      4,
      1,
      {
        ...Fetch.response.defaults(),
        responses: [
          {
            topic: "t",
            topicId: ZERO_UUID,
            partitions: [
              {
                partitionIndex: 0,
                errorCode: 0,
                highWatermark: 9n,
                lastStableOffset: 9n,
                logStartOffset: -1n,
                divergingEpoch: { epoch: -1, endOffset: -1n },
                currentLeader: { leaderId: -1, leaderEpoch: -1 },
                snapshotId: { endOffset: -1n, epoch: -1 },
                abortedTransactions: null,
                preferredReadReplica: -1,
                records: [one, two]
              }
            ]
          }
        ]
      },
      new Writer()
    )
    expect(frame).toContain(one)
    expect(frame).toContain(two)
    const decoded = Fetch.response.decode(new Reader(concat(frame), 8), 4)
    expect(decoded.responses[0]!.partitions[0]!.records!.map((chunk) => Buffer.from(chunk))).toEqual([
      Buffer.concat([one, two])
    ])
  })
})

describe("values that a version cannot hold", () => {
  it("a field the version lacks, unless it is ignorable or at its default", () => {
    const topicId = "oTc2O7wdwpi_mT_x1WPStQ"
    const request = { ...Fetch.request.defaults(), forgottenTopicsData: [{ topic: "a", topicId, partitions: [1] }] }
    expect(refused(Fetch.request, 4, request)).toMatchObject({
      reason: "fieldNotInVersion",
      field: "forgottenTopicsData"
    })
    // The rack is ignorable: dropped.
    const writer = new Writer()
    Fetch.request.encode(writer, 4, { ...Fetch.request.defaults(), rackId: "r1" })
    expect(Fetch.request.decode(new Reader(concat(writer.finish())), 4).rackId).toBe("")
  })
  it("null if the version has none", () => {
    expect(refused(Metadata.request, 0, { ...Metadata.request.defaults(), topics: null }).reason).toBe("unexpectedNull")
  })
  it("tagged fields before there were any", () => {
    const unknownTaggedFields = [{ tag: 5, data: new Uint8Array(1) }]
    expect(refused(Heartbeat.request, 3, { ...Heartbeat.request.defaults(), unknownTaggedFields }).reason).toBe(
      "fieldNotInVersion"
    )
  })
  it("numbers out of range, texts too long, words that are no UUID", () => {
    const topic = { name: null, topicId: ZERO_UUID }
    const defaults = Metadata.request.defaults()
    expect(refused(Heartbeat.response, 4, { errorCode: 1.5, throttleTimeMs: 0 })).toMatchObject({
      reason: "outOfRange",
      field: "errorCode"
    })
    expect(refused(Heartbeat.response, 4, { errorCode: 0, throttleTimeMs: 2 ** 31 }).field).toBe("throttleTimeMs")
    expect(refused(Metadata.request, 12, { ...defaults, topics: [topic, { ...topic, topicId: "x" }] })).toMatchObject({
      reason: "outOfRange",
      field: "topics[1].topicId"
    })
    expect(
      refused(Metadata.request, 12, { ...defaults, topics: [{ ...topic, name: "x".repeat(32768) }] })
    ).toMatchObject({ reason: "tooLong", field: "topics[0].name" })
    const Sizes = messageCodec(
      struct("Sizes", { a: field(uint16), b: field(uint32), c: field(int16), d: field(int32) }),
      {
        versions: "0",
        flexible: "none"
      }
    )
    const sizes = { a: 65535, b: 4294967295, c: -32768, d: -2147483648 }
    const writer = new Writer()
    Sizes.encode(writer, 0, sizes)
    expect(Sizes.decode(new Reader(concat(writer.finish())), 0)).toEqual(sizes)
    expect(refused(Sizes, 0, { ...sizes, a: -1 }).field).toBe("a")
    expect(refused(Sizes, 0, { ...sizes, b: 2 ** 32 }).field).toBe("b")
    expect(refused(Sizes, 0, { ...sizes, c: 32768 }).field).toBe("c")
    expect(refused(Sizes, 0, { ...sizes, d: Number.NaN }).field).toBe("d")
  })
  it("a version that is not there", () => {
    expect(() => Produce.request.encode(new Writer(), 14, Produce.request.defaults())).toThrowError(/no version 14/)
  })
})

describe("defaults", () => {
  it("are new each time, down to the last array", () => {
    const one = Fetch.response.defaults()
    expect(one).toEqual(Fetch.response.defaults())
    expect(one.responses).not.toBe(Fetch.response.defaults().responses)
    expect(Fetch.request.defaults().replicaState).not.toBe(Fetch.request.defaults().replicaState)
  })
})

describe("unknown tagged fields", () => {
  it("stand among the known ones in the order of their tags", () => {
    const value = {
      ...Fetch.request.defaults(),
      clusterId: "c",
      replicaState: { replicaId: 1, replicaEpoch: 2n },
      unknownTaggedFields: [{ tag: 7, data: Buffer.from("beef", "hex") }]
    }
    const writer = new Writer()
    Fetch.request.encode(writer, 17, value)
    const bytes = concat(writer.finish())
    expect(bytes.toString("hex").endsWith("07" + "02" + "beef")).toBe(true)
    // Version 12 knows tag 0 alone; 1 is unknown there and kept between 0 and 7.
    const older = { ...value, replicaState: Fetch.request.defaults().replicaState }
    const unknownTaggedFields = [{ tag: 1, data: Buffer.from("aa", "hex") }, ...value.unknownTaggedFields]
    Fetch.request.encode(writer, 12, { ...older, unknownTaggedFields })
    const decoded = Fetch.request.decode(new Reader(concat(writer.finish())), 12)
    expect(decoded.clusterId).toBe("c")
    expect(decoded.unknownTaggedFields?.map(({ tag }) => tag)).toEqual([1, 7])
  })
  it(`are at most ${MAX_UNKNOWN_TAGS} a frame`, () => {
    const tags = (count: number) => [...Array(count).keys()].map((tag) => ({ tag, data: new Uint8Array(0) }))
    const read = (count: number) => {
      const writer = new Writer()
      Heartbeat.response.encode(writer, 4, { ...Heartbeat.response.defaults(), unknownTaggedFields: tags(count) })
      return Heartbeat.response.decode(new Reader(concat(writer.finish())), 4)
    }
    expect(read(MAX_UNKNOWN_TAGS).unknownTaggedFields?.length).toBe(MAX_UNKNOWN_TAGS)
    expect(() => read(MAX_UNKNOWN_TAGS + 1)).toThrowError(/more than 1000/)
  })
})

describe("primitives", () => {
  it("varints and UUIDs are Kafka's", () => {
    let count = 0
    for (const { type, value, hex } of readVectors("primitives")) {
      const bytes = Buffer.from(hex ?? "", "hex")
      const writer = new Writer()
      if (type === "unsignedVarint") {
        expect(new Reader(bytes).uvarint()).toBe(Number(value))
        writer.uvarint(Number(value))
      } else if (type === "uuid") {
        expect(isUuid(value)).toBe(true)
        expect(new Reader(bytes).uuidAt(0)).toBe(value)
        writer.uuidAt(writer.take(16), value)
      } else continue
      expect(concat(writer.finish()).toString("hex")).toBe(hex)
      count++
    }
    expect(count).toBeGreaterThan(20)
  })
})

describe("without code generation", () => {
  it("the interpreter serves", () => {
    const program = `
      const { Heartbeat } = await import("@tusk/protocol/messages/Heartbeat")
      const { Writer } = await import("@tusk/protocol/codec/Writer")
      const { Reader } = await import("@tusk/protocol/codec/Reader")
      const writer = new Writer()
      Heartbeat.request.encode(writer, 4, { ...Heartbeat.request.defaults(), groupId: "g" })
      console.log(Heartbeat.request.decode(new Reader(Buffer.concat(writer.finish())), 4).groupId)`
    const flags = ["--disallow-code-generation-from-strings", "--conditions=tusk-source", "--input-type=module"]
    const output = execFileSync(process.execPath, [...flags, "-e", program], { cwd: import.meta.dirname })
    expect(output.toString().trim()).toBe("g")
  })
})
