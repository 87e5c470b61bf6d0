import { assert, describe, it } from "@effect/vitest"
import { labelled } from "../../src/telemetry/Labelled.ts"
import { ReceivedMetrics } from "../../src/telemetry/ReceivedMetrics.ts"

const metrics = (clientInstanceId: string, bytes = 1, receivedAtMs = 0) => ({
  clientInstanceId,
  receivedAtMs,
  otlp: new Uint8Array(bytes)
})
const ids = (received: ReceivedMetrics, nowMs = 0) =>
  received.latest(nowMs).map(({ clientInstanceId }) => clientInstanceId)

describe("what is kept of clients' metrics", () => {
  it("is the newest of each, until it is old", () => {
    const received = new ReceivedMetrics(10, 100)
    received.keep(metrics("a", 1, 1), 50)
    received.keep(metrics("b", 1, 2), 60)
    received.keep(metrics("a", 2, 3), 70)
    assert.deepStrictEqual(received.latest(0), [metrics("b", 1, 2), metrics("a", 2, 3)])
    assert.deepStrictEqual([ids(received, 60), ids(received, 70)], [["a"], []])
  })

  it("is of so many clients, and so many bytes", () => {
    const few = new ReceivedMetrics(2, 100)
    for (const id of ["a", "b", "c"]) few.keep(metrics(id), 1)
    assert.deepStrictEqual(ids(few), ["b", "c"])
    const small = new ReceivedMetrics(10, 100)
    for (const id of ["a", "b", "c"]) small.keep(metrics(id, 40), 1)
    assert.deepStrictEqual(ids(small), ["b", "c"])
    small.keep(metrics("d", 101), 1)
    assert.deepStrictEqual(ids(small), [])
    small.keep(metrics("a", 100), 1)
    assert.deepStrictEqual(ids(small), ["a"])
  })
})

describe("metrics with the attributes of their client", () => {
  /** Field numbers with their contents, of a message that has nothing but fields of length and bytes. */
  const fields = (bytes: Uint8Array): ReadonlyArray<readonly [number, Buffer]> => {
    const found: Array<readonly [number, Buffer]> = []
    for (let at = 0; at < bytes.byteLength;) {
      const tag = bytes[at]! >>> 3
      let [length, shift] = [0, 0]
      do length |= (bytes[++at]! & 127) << shift
      while ((shift += 7) && bytes[at]! > 127)
      found.push([tag, Buffer.from(bytes.subarray(at + 1, at + 1 + length))])
      at += 1 + length
    }
    return found
  }

  it("are what they were, and a resource more in each of their parts", () => {
    const long = "x".repeat(300)
    const both = labelled(Uint8Array.of(0x0a, 0, 0x0a, 2, 0x12, 0), { client_id: long }, 1000)!
    const [first, second] = fields(both).map(([, part]) => fields(part))
    assert.deepStrictEqual(
      [first, second].map((part) => part?.map(([number]) => number)),
      [[1], [2, 1]]
    )
    const [[, attribute]] = fields(first![0]![1]) as [readonly [number, Buffer]]
    const [[, key], [, value]] = fields(attribute) as [readonly [number, Buffer], readonly [number, Buffer]]
    assert.deepStrictEqual([key.toString(), fields(value)[0]![1].toString()], ["client_id", long])
  })

  it("are not more than was said", () => {
    const many = Buffer.alloc(2000, Uint8Array.of(0x0a, 0))
    assert.isUndefined(labelled(many, { client_id: "x" }, 10_000))
    assert.isDefined(labelled(many, { client_id: "x" }, 100_000))
  })

  it.each([[[0x12, 0]], [[0x0a]], [[0x0a, 1]], [[0x0a, 255]], [[0x0a, 255, 255, 255, 255, 255, 1]]])(
    "are none: %j",
    (bytes) => {
      assert.isUndefined(labelled(Uint8Array.from(bytes), {}, 1000))
    }
  )
})
