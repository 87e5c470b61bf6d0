import { describe, expect, it } from "@effect/vitest"
import type { Api } from "../../src/codec/Api.ts"
import type { MessageCodec } from "../../src/codec/MessageCodec.ts"
import { Reader } from "../../src/codec/Reader.ts"
import { Writer } from "../../src/codec/Writer.ts"
import { fromJson, toJson } from "../../src/Json.ts"
import { apiByKey, apis } from "../../src/messages/index.ts"
import { apiVectorNames, readVectors } from "../vectors.ts"

/** How many golden vectors there are; fewer means that some were lost. */
const COUNT = 2554

const encode = (codec: MessageCodec<any>, version: number, value: unknown): string => {
  const writer = new Writer()
  codec.encode(writer, version, value)
  return Buffer.concat(writer.finish()).toString("hex")
}

const codecOf = (vector: { key: number; type: string }): MessageCodec<any> => {
  const api: Api<any, any> | undefined = apiByKey(vector.key)
  if (api === undefined) throw new Error(`no API ${vector.key}`)
  return vector.type === "request" ? api.request : api.response
}

const check = (vector: any): void => {
  const codec = codecOf(vector)
  const value = codec.decode(new Reader(Buffer.from(vector.hex, "hex")), vector.version)
  expect(toJson(codec, vector.version, value)).toEqual(vector.json)
  expect(encode(codec, vector.version, value)).toBe(vector.hex)
  if (vector.variant !== "unknown-tags") {
    expect(encode(codec, vector.version, fromJson(codec, vector.version, vector.json))).toBe(vector.hex)
  }
}

describe("golden vectors of Kafka", () => {
  const seen = new Set<string>()
  let count = 0
  for (const name of [...apiVectorNames(), "removed-since-3.9"]) {
    it(name, () => {
      for (const vector of readVectors(name)) {
        try {
          check(vector)
        } catch (error) {
          throw new Error(`${vector.api} ${vector.type} v${vector.version} ${vector.variant}`, { cause: error })
        }
        seen.add(`${vector.key} ${vector.type} ${vector.version}`)
        count++
      }
    })
  }
  it("cover every version of every API", () => {
    const missing = apis.flatMap((api) =>
      ["request", "response"].flatMap((type) =>
        Array.from(
          { length: api.maxVersion - api.minVersion + 1 },
          (_, i) => `${api.key} ${type} ${api.minVersion + i}`
        )
      )
    )
    expect(missing.filter((version) => !seen.has(version))).toEqual([])
    console.log(`${count} golden vectors of messages`)
    expect(count).toBeGreaterThanOrEqual(COUNT)
  })
})
