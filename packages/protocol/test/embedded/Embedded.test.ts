import { describe, expect, it } from "@effect/vitest"
import type { MessageCodec } from "../../src/codec/MessageCodec.ts"
import { Writer } from "../../src/codec/Writer.ts"
import { ConsumerProtocolAssignment } from "../../src/embedded/ConsumerProtocolAssignment.ts"
import { ConsumerProtocolSubscription } from "../../src/embedded/ConsumerProtocolSubscription.ts"
import { ControlRecordKey, EndTxnMarker } from "../../src/embedded/ControlRecord.ts"
import { DefaultPrincipal } from "../../src/embedded/DefaultPrincipal.ts"
import { decodeVersioned, encodeVersioned } from "../../src/embedded/Versioned.ts"
import { fromJson, toJson } from "../../src/Json.ts"
import { readVectors } from "../vectors.ts"

const codecs: { readonly [name: string]: MessageCodec<any> } = {
  ConsumerProtocolSubscription,
  ConsumerProtocolAssignment,
  EndTxnMarker
}

describe("messages inside messages", () => {
  it("are Kafka's, byte for byte", () => {
    const vectors = readVectors("embedded")
    for (const { name, version, json, hex } of vectors) {
      const codec = codecs[name]!
      // The vectors are the message alone; the version stands before it in use.
      const framed = Buffer.concat([Buffer.from([0, version]), Buffer.from(hex, "hex")])
      const decoded = decodeVersioned(codec, framed)
      expect(decoded.version).toBe(version)
      expect(toJson(codec, version, decoded.value)).toEqual(json)
      expect(Buffer.from(encodeVersioned(codec, version, decoded.value))).toEqual(framed)
      expect(Buffer.from(encodeVersioned(codec, version, fromJson(codec, version, json)))).toEqual(framed)
    }
    console.log(`${vectors.length} golden vectors of embedded messages`)
    expect(vectors.length).toBeGreaterThanOrEqual(43)
  })

  it("of a newer version are read as the newest known, and what follows is ignored", () => {
    const bytes = Buffer.from(
      encodeVersioned(ConsumerProtocolSubscription, 3, { ...ConsumerProtocolSubscription.defaults(), topics: ["a"] })
    )
    bytes.writeInt16BE(9)
    const { version, value } = decodeVersioned(ConsumerProtocolSubscription, Buffer.concat([bytes, Buffer.alloc(5)]))
    expect(version).toBe(9)
    expect(value.topics).toEqual(["a"])
  })

  it("have no negative version", () => {
    expect(() => decodeVersioned(EndTxnMarker, Buffer.from("ffff00000000", "hex"))).toThrowError(/no version -1/)
  })

  it("of control records: key and marker", () => {
    expect(Buffer.from(encodeVersioned(ControlRecordKey, 0, { type: 1 })).toString("hex")).toBe("00000001")
    expect(Buffer.from(encodeVersioned(EndTxnMarker, 0, { coordinatorEpoch: 5 })).toString("hex")).toBe("000000000005")
  })

  it("a principal has the flexible encoding", () => {
    const writer = new Writer()
    DefaultPrincipal.encode(writer, 0, { type: "User", name: "a", tokenAuthenticated: true })
    expect(Buffer.concat(writer.finish()).toString("hex")).toBe("0555736572026101" + "00")
  })
})
