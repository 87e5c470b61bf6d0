import { assert, describe, expect, it } from "@effect/vitest"
import * as Result from "effect/Result"
import { Reader } from "../src/codec/Reader.ts"
import { Writer } from "../src/codec/Writer.ts"
import { decodeRequest, decodeResponse } from "../src/Decode.ts"
import { encodeRequest, encodeResponse, requestHeaderCodec, responseHeaderCodec } from "../src/Header.ts"
import { inspectFrame, parseResponseOf, printFrame } from "../src/Inspect.ts"
import { fromJson, toJson } from "../src/Json.ts"
import { apiByKey, apis, leftOut } from "../src/messages/index.ts"
import { Fetch } from "../src/messages/Fetch.ts"
import { Heartbeat } from "../src/messages/Heartbeat.ts"
import { readTable, readVectors } from "./vectors.ts"

const hex = (chunks: ReadonlyArray<Uint8Array>) => Buffer.concat(chunks).toString("hex")
const ok = <A, E>(result: Result.Result<A, E>): A => {
  assert(Result.isSuccess(result))
  return result.success
}
const failure = <A, E>(result: Result.Result<A, E>): E => {
  assert(Result.isFailure(result))
  return result.failure
}

describe("headers", () => {
  it("are Kafka's, byte for byte", () => {
    const vectors = readVectors("headers")
    for (const { name, version, json, hex: bytes, variant } of vectors) {
      const codec = name === "RequestHeader" ? requestHeaderCodec : responseHeaderCodec
      const value = codec.decode(new Reader(Buffer.from(bytes, "hex")), version)
      expect(toJson<any>(codec, version, value)).toEqual(json)
      const writer = new Writer()
      codec.encode(writer, version, value as any)
      expect(hex(writer.finish())).toBe(bytes)
      if (variant === "unknown-tags") continue
      codec.encode(writer, version, fromJson<any>(codec, version, json))
      expect(hex(writer.finish())).toBe(bytes)
    }
    console.log(`${vectors.length} golden vectors of headers`)
    expect(vectors.length).toBeGreaterThanOrEqual(16)
  })
})

describe("frames", () => {
  const vectors = readVectors("frames").filter(({ key }) => key < 83 || key > 87)

  it("are Kafka's, byte for byte, from the defaults", () => {
    const writer = new Writer()
    for (const v of vectors) {
      const api = apiByKey(v.key)!
      const id = [v.correlationId, v.clientId] as const
      expect(hex(encodeRequest(api, v.version, ...id, api.request.defaults(), writer)), `${v.api} v${v.version}`).toBe(
        v.requestFrame
      )
      expect(hex(encodeResponse(api, v.version, v.correlationId, api.response.defaults(), writer))).toBe(
        v.responseFrame
      )
      expect(api.requestHeaderVersion(v.version)).toBe(v.requestHeaderVersion)
      expect(api.responseHeaderVersion(v.version)).toBe(v.responseHeaderVersion)
    }
    console.log(`${vectors.length} golden frames`)
    expect(vectors.length).toBeGreaterThanOrEqual(271)
  })

  it("come apart again", () => {
    for (const v of vectors) {
      const request = ok(decodeRequest(Buffer.from(v.requestFrame, "hex").subarray(4)))
      expect(request.api.key).toBe(v.key)
      expect(request.header).toEqual({
        apiKey: v.key,
        apiVersion: v.version,
        correlationId: v.correlationId,
        clientId: v.clientId
      })
      const response = ok(decodeResponse(request.api, v.version, Buffer.from(v.responseFrame, "hex").subarray(4)))
      expect(response.correlationId).toBe(v.correlationId)
      const inspected = ok(inspectFrame(v.requestFrame))
      expect(inspected.header["correlationId"]).toBe(v.correlationId)
      expect(printFrame(inspected)).toContain(`${v.api} request v${v.version}`)
      const answer = ok(inspectFrame(v.responseFrame, { response: ok(parseResponseOf(`${v.api}:${v.version}`)) }))
      expect(answer.header).toEqual({ correlationId: v.correlationId })
    }
  })

  it("that are printed name their error codes", () => {
    const print = (errorCode: number) => {
      const body = { ...Heartbeat.response.defaults(), errorCode }
      const frame = Buffer.concat(encodeResponse(Heartbeat, 4, 7, body, new Writer()))
      return printFrame(ok(inspectFrame(frame, { response: { api: Heartbeat, version: 4 } })))
        .split("\n")
        .at(-1)
    }
    expect(print(0)).toBe("  errorCode: 0")
    expect(print(27)).toBe("  errorCode: 27 REBALANCE_IN_PROGRESS: The group rebalances: join again.")
    expect(print(94)).toBe("  errorCode: 94 INCONSISTENT_VOTER_SET")
    expect(print(999)).toBe("  errorCode: 999")
  })

  it("that are broken say how and where", () => {
    const frame = Buffer.from(vectors[0].requestFrame, "hex")
    expect(failure(inspectFrame("00zz")).reason).toBe("badFrame")
    expect(failure(inspectFrame(frame.subarray(0, -1))).reason).toBe("truncated")
    expect(failure(inspectFrame(Buffer.concat([frame, frame]))).reason).toBe("trailingBytes")
    expect(failure(decodeRequest(Buffer.concat([frame.subarray(4), Buffer.alloc(1)]))).reason).toBe("trailingBytes")
    expect(failure(decodeRequest(Buffer.from("7fff000000000000", "hex"))).reason).toBe("unknownApi")
    expect(failure(decodeRequest(Buffer.from("00017fff00000000", "hex"))).reason).toBe("unsupportedVersion")
    expect(failure(decodeRequest(new Uint8Array(3))).reason).toBe("truncated")
    expect(failure(parseResponseOf("Fetch")).reason).toBe("badFrame")
    expect(failure(parseResponseOf("Fetsch:1")).reason).toBe("unknownApi")
    expect(failure(parseResponseOf("Fetch:99")).reason).toBe("unsupportedVersion")
  })
})

describe("the list of APIs", () => {
  it("has every key of Kafka: declared with its versions, or left out with a reason", () => {
    for (const known of readTable("apis").apis) {
      const api = apiByKey(known.key)
      if (api === undefined) {
        expect(known.clientFacing, known.name).toBe(false)
        expect(leftOut.find(({ key }) => key === known.key)?.name).toBe(known.name)
        continue
      }
      expect(known.clientFacing, known.name).toBe(true)
      expect(api.name).toBe(known.name)
      expect(api.advertised).toEqual(known.advertised)
      expect(api.minVersion).toBe(known.removedSince39?.[0] ?? known.validVersions[0])
      expect(api.maxVersion).toBe(known.validVersions[1])
      expect(api.flexibleFrom === Infinity ? null : api.flexibleFrom, known.name).toBe(known.flexibleFrom)
    }
  })

  it("describes each version, field by field", () => {
    for (const api of apis) {
      for (let version = api.minVersion; version <= api.maxVersion; version++) {
        expect(api.request.describe(version)).toContain(`${api.name}Request v${version}`)
        expect(api.response.describe(version).split("\n").length).toBeGreaterThan(1)
      }
    }
    expect(Fetch.request.describe(4)).toBe(
      [
        "FetchRequest v4",
        "  replicaId              int32             default -1",
        "  maxWaitMs              int32",
        "  minBytes               int32",
        "  maxBytes               int32             default 2147483647",
        "  isolationLevel         int8",
        "  topics                 []FetchTopic",
        "    topic                string",
        "    partitions           []FetchPartition",
        "      partition          int32",
        "      fetchOffset        int64",
        "      partitionMaxBytes  int32"
      ].join("\n")
    )
  })
})
