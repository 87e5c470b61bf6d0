import { describe, expect, it } from "@effect/vitest"
import { interpretDecode } from "../../src/codec/Interpret.ts"
import { Reader } from "../../src/codec/Reader.ts"
import { ProtocolError } from "../../src/ProtocolError.ts"
import { ApiVersions } from "../../src/messages/ApiVersions.ts"
import { Metadata } from "../../src/messages/Metadata.ts"
import { mutate, random, reasonOf, samples } from "./Mutation.ts"

/** `TUSK_MUTATIONS=2000000` for a longer search; `TUSK_SEED` for another one. */
const MUTATIONS = Number(process.env["TUSK_MUTATIONS"] ?? 200_000)
const SEED = Number(process.env["TUSK_SEED"] ?? 4)

const all = samples()
// A hundred thousand errors: their stacks are no part of the question.
Error.stackTraceLimit = 0

describe("decoding is total", () => {
  it("every strict prefix of a body is an error, never a value", () => {
    let count = 0
    for (const sample of all) {
      // Long bodies: every prefix near either end, and each tenth between.
      const size = sample.bytes.length
      for (let end = 0; end < size; end += end < 40 || end > size - 40 ? 1 : 10) {
        const reason = reasonOf(sample, sample.bytes.subarray(0, end))
        if (reason === undefined) throw new Error(`${sample.name} cut at ${end} is taken for whole`)
        count++
      }
    }
    console.log(`${count} prefixes refused`)
    expect(count).toBeGreaterThan(100_000)
  })

  it("a byte behind the end is an error", () => {
    for (const sample of all) {
      expect(reasonOf(sample, Buffer.concat([sample.bytes, Buffer.from([1])])), sample.name).toBe("trailingBytes")
    }
  })

  it(`${MUTATIONS} mutations: a value or an error, and soon`, () => {
    const below = random(SEED)
    const reasons = new Map<string, number>()
    let slowest = 0
    for (const sample of all) reasonOf(sample, sample.bytes)
    for (let i = 0; i < MUTATIONS; i++) {
      const sample = all[below(all.length)]!
      const bytes = mutate(sample.bytes, below)
      const started = process.cpuUsage().user
      let reason: string | undefined
      try {
        reason = reasonOf(sample, bytes)
      } catch (error) {
        throw new Error(`defect: ${sample.name} ${bytes.toString("hex")}`, { cause: error })
      }
      slowest = Math.max(slowest, process.cpuUsage().user - started)
      reasons.set(reason ?? "value", (reasons.get(reason ?? "value") ?? 0) + 1)
    }
    console.log(`seed ${SEED}: ${JSON.stringify(Object.fromEntries(reasons))}, slowest ${slowest / 1000} ms`)
    expect(reasons.get("lengthBeyondFrame")).toBeGreaterThan(MUTATIONS / 100)
    expect(reasons.get("value")).toBeGreaterThan(MUTATIONS / 100)
    expect(slowest).toBeLessThan(50_000)
  }, 120_000)

  it("generated code and interpreter agree on mutations: same value or same error", () => {
    const below = random(SEED + 1)
    for (let i = 0; i < 20_000; i++) {
      const { codec, version, bytes, name } = all[below(all.length)]!
      const mutated = mutate(bytes, below)
      const outcome = (decode: (reader: Reader) => unknown): unknown => {
        const reader = new Reader(mutated)
        try {
          return { value: decode(reader), at: reader.position }
        } catch (error) {
          if (error instanceof ProtocolError) return { reason: error.reason, message: error.message }
          throw error
        }
      }
      const generated = outcome((reader) => codec.decodePrefix(reader, version))
      const interpreted = outcome((reader) => interpretDecode(codec.plan(version), reader))
      if (i % 10 === 0) expect(generated, name).toEqual(interpreted)
      else expect(Object.keys(generated as object)).toEqual(Object.keys(interpreted as object))
    }
  }, 60_000)

  it("a count never allocates more than eight times the frame", () => {
    // Arrays are the only thing made by a count that the frame states: all else is a view or text of what is there.
    class Watched extends Reader {
      slots = 0
      override array(count: number): Array<any> {
        const made = super.array(count)
        this.slots = Math.max(this.slots, made.length)
        return made
      }
    }
    const below = random(SEED + 2)
    let most = 0
    for (let i = 0; i < 20_000; i++) {
      const { codec, version, bytes } = all[below(all.length)]!
      const mutated = mutate(bytes, below)
      const reader = new Watched(mutated)
      try {
        codec.decode(reader, version)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
      }
      most = Math.max(most, (reader.slots * 8) / Math.max(1, mutated.length))
    }
    expect(most).toBeGreaterThan(0)
    expect(most).toBeLessThanOrEqual(8)
  }, 60_000)

  it("a count that the frame cannot hold allocates nothing", () => {
    // Metadata v9, topics: a count of 2^32-2 in six bytes.
    const bytes = Buffer.from("ffffffff0f00", "hex")
    const before = process.memoryUsage().heapUsed
    expect(() => Metadata.request.decode(new Reader(bytes), 9)).toThrowError(/4294967294 elements of at least 2 bytes/)
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(1 << 20)
  })

  it("names the field", () => {
    const error = (hex: string, version: number): ProtocolError => {
      try {
        ApiVersions.response.decode(new Reader(Buffer.from(hex, "hex")), version)
      } catch (caught) {
        if (caught instanceof ProtocolError) return caught
      }
      throw new Error("no ProtocolError")
    }
    expect(error("0000000000020001000200", 0)).toMatchObject({ reason: "lengthBeyondFrame", field: "apiKeys" })
    expect(error("00000000000200010002000300010002", 0)).toMatchObject({
      reason: "lengthBeyondFrame",
      field: "apiKeys"
    })
    expect(error("0000" + "02" + "000100", 3)).toMatchObject({ reason: "lengthBeyondFrame", field: "apiKeys" })
    expect(error("0000" + "02" + "000100020003" + "ff", 3)).toMatchObject({ field: "apiKeys[0].taggedFields" })
    expect(error("0000" + "01" + "00000000" + "01" + "02" + "04" + "05000001", 3)).toMatchObject({
      reason: "lengthBeyondFrame",
      field: "finalizedFeatures"
    })
  })
})
