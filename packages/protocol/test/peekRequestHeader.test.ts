import { assert, describe, it } from "@effect/vitest"
import { peekRequestHeader } from "@tusk/protocol/Header"

const frame = (apiKey: number, apiVersion: number, correlationId: number): Buffer => {
  const bytes = Buffer.alloc(8)
  bytes.writeInt16BE(apiKey, 0)
  bytes.writeInt16BE(apiVersion, 2)
  bytes.writeInt32BE(correlationId, 4)
  return bytes
}

describe("the first bytes of a request", () => {
  it.each([
    [0, 0, 0],
    [1, 18, 0x7fffffff],
    [0x7fff, 0x7fff, 0x12345678],
    [-1, -2, -3],
    [-0x8000, 255, -0x80000000],
    [0x00ff, 0x0100, 0x0000ffff],
    [71, 128, 0x7fff8000]
  ])("key %i, version %i, correlation id %i", (apiKey, apiVersion, correlationId) => {
    assert.deepStrictEqual(peekRequestHeader(frame(apiKey, apiVersion, correlationId)), {
      apiKey,
      apiVersion,
      correlationId
    })
  })

  it("fewer than eight are an error", () => {
    assert.throws(() => peekRequestHeader(frame(1, 2, 3).subarray(0, 7)), "no header")
  })
})
