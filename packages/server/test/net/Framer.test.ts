import { assert, describe, it } from "@effect/vitest"
import { abandon, feed, isPartial, makeFramer } from "../../src/net/Framer.ts"
import * as Schema from "effect/Schema"

const MAX_BYTES = 1 << 20

/** `size` bytes that differ from place to place, and from frame to frame. */
const frameOf = (size: number, seed: number): Buffer => {
  const frame = Buffer.alloc(size)
  for (let i = 0; i < size; i++) frame[i] = (i * 7 + (i >> 8) + seed * 31) & 255
  return frame
}

const sent = (frames: ReadonlyArray<Buffer>): Buffer =>
  Buffer.concat(
    frames.flatMap((frame) => {
      const length = Buffer.alloc(4)
      length.writeInt32BE(frame.length)
      return [length, frame]
    })
  )

/** A buffer of its own, as a socket's reads are. */
const chunk = (bytes: Uint8Array): Buffer => {
  const own = Buffer.allocUnsafeSlow(bytes.byteLength)
  own.set(bytes)
  return own
}

const length = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

/** Sizes around those at which the framer does something else. */
const Size = Schema.Literals([1, 3, 4, 5, 100, 4092, 4095, 4096, 5000, 65_535, 65_536, 65_537, 200_000, 300_001])
const Cut = Schema.Literals([1, 2, 3, 4, 5, 8, 100, 4095, 4096, 4100, 65_536, 150_000])

describe("frames", () => {
  it("give back what they gathered as they grow, and at the end of a connection", () => {
    const framer = makeFramer(MAX_BYTES)
    const out: Array<Uint8Array> = []
    feed(framer, chunk(length(MAX_BYTES)), out)
    feed(framer, chunk(Buffer.alloc(10_000)), out)
    const first = framer.gathered
    assert.isAbove(first.byteLength, 10_000)
    feed(framer, chunk(Buffer.alloc(300_000)), out)
    const second = framer.gathered
    assert.deepStrictEqual([first.byteLength, second.byteLength >= 310_000], [0, true])
    abandon(framer)
    assert.deepStrictEqual([second.byteLength, isPartial(framer)], [0, false])
    // And a frame that is whole is its receiver's.
    feed(framer, chunk(Buffer.concat([length(20_000), Buffer.alloc(15_000)])), out)
    feed(framer, chunk(Buffer.alloc(5000)), out)
    abandon(framer)
    assert.strictEqual(out[0]!.byteLength, 20_000)
  })

  it.prop(
    "are the same, wherever the bytes are split",
    [Schema.Array(Size).check(Schema.isMaxLength(6)), Schema.Array(Cut).check(Schema.isMinLength(1))],
    ([sizes, cuts]) => {
      const frames = sizes.map(frameOf)
      const bytes = sent(frames)
      const framer = makeFramer(MAX_BYTES)
      const out: Array<Uint8Array> = []
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const next = Math.min(bytes.length, at + Math.max(cuts[i % cuts.length]!, bytes.length >> 9))
        assert.isUndefined(feed(framer, chunk(bytes.subarray(at, next)), out))
        at = next
      }
      assert.deepStrictEqual(
        out.map((frame) => Buffer.from(frame).toString("latin1")),
        frames.map((frame) => frame.toString("latin1"))
      )
      assert.isFalse(isPartial(framer))
    },
    { arbitrary: { runs: 300 } }
  )

  it("byte by byte", () => {
    const frames = [frameOf(1, 1), frameOf(300, 2), frameOf(2, 3)]
    const framer = makeFramer(MAX_BYTES)
    const out: Array<Uint8Array> = []
    for (const byte of sent(frames)) {
      assert.isUndefined(feed(framer, Buffer.of(byte), out))
    }
    assert.deepStrictEqual(
      out.map((frame) => Buffer.from(frame)),
      frames
    )
  })

  it("a half frame is none, and remembered", () => {
    const framer = makeFramer(MAX_BYTES)
    const out: Array<Uint8Array> = []
    const bytes = sent([frameOf(10, 1), frameOf(20, 2)])
    assert.isFalse(isPartial(framer))
    assert.isUndefined(feed(framer, bytes.subarray(0, 2), out))
    assert.isTrue(isPartial(framer))
    assert.isUndefined(feed(framer, bytes.subarray(2, 14), out))
    assert.deepStrictEqual([out.length, isPartial(framer)], [1, false])
    assert.isUndefined(feed(framer, bytes.subarray(14, 18), out))
    assert.isTrue(isPartial(framer))
    assert.isUndefined(feed(framer, bytes.subarray(18, bytes.length - 1), out))
    assert.deepStrictEqual([out.length, isPartial(framer)], [1, true])
    assert.isUndefined(feed(framer, bytes.subarray(bytes.length - 1), out))
    assert.deepStrictEqual([out.length, isPartial(framer)], [2, false])
  })

  it("as large as is allowed", () => {
    const framer = makeFramer(100)
    const out: Array<Uint8Array> = []
    assert.isUndefined(feed(framer, sent([frameOf(100, 1)]), out))
    assert.strictEqual(out[0]!.byteLength, 100)
  })
})

describe("a length out of bounds is an error, after the frames before it", () => {
  it.each([
    ["zero", 0],
    ["negative", -1],
    ["the least", -0x80000000],
    ["one too many", 101],
    ["the most", 0x7fffffff]
  ])("%s", (_, announced) => {
    for (const split of [0, 1, 3]) {
      const framer = makeFramer(100)
      const out: Array<Uint8Array> = []
      const bytes = Buffer.concat([sent([frameOf(7, 1)]), length(announced), Buffer.alloc(8)])
      const first = feed(framer, bytes.subarray(0, 11 + split), out)
      const error = first ?? feed(framer, bytes.subarray(11 + split), out)
      assert.strictEqual(error?.reason, "lengthBeyondFrame")
      assert.include(error?.message, `${announced} bytes`)
      assert.strictEqual(out.length, 1)
    }
  })
})

describe("memory", () => {
  it("follows what arrived, not what was announced", () => {
    const framer = makeFramer(1 << 30)
    const out: Array<Uint8Array> = []
    feed(framer, length(1 << 30), out)
    assert.strictEqual(framer.gathered.byteLength, 0)
    for (let have = 1000; have < 300_000; have += 1000) {
      feed(framer, chunk(frameOf(1000, have)), out)
      assert.isAtMost(framer.gathered.byteLength, Math.max(64 * 1024, 4 * have))
    }
  })

  it("a frame that spans chunks has a buffer of just its size, and the chunks are given back", () => {
    const framer = makeFramer(MAX_BYTES)
    const out: Array<Uint8Array> = []
    const bytes = sent([frameOf(150_000, 1)])
    const chunks = [0, 65_536, 131_072].map((at) => chunk(bytes.subarray(at, at + 65_536)))
    for (const each of chunks) feed(framer, each, out)
    assert.strictEqual(out[0]!.buffer.byteLength, 150_000)
    assert.deepStrictEqual(
      chunks.map(({ buffer }) => buffer.byteLength),
      [0, 0, 0]
    )
  })

  it("a chunk with a frame in it stays, and so does a view on what is not ours", () => {
    const framer = makeFramer(MAX_BYTES)
    const out: Array<Uint8Array> = []
    const bytes = sent([frameOf(10_000, 1), frameOf(20_000, 2)])
    const whole = chunk(bytes.subarray(0, 15_000))
    const pool = chunk(Buffer.concat([bytes, Buffer.alloc(100)]))
    feed(framer, whole, out)
    feed(framer, pool.subarray(15_000, bytes.length), out)
    assert.deepStrictEqual([whole.buffer.byteLength, pool.buffer.byteLength], [15_000, bytes.length + 100])
    assert.deepStrictEqual(
      out.map((frame) => Buffer.from(frame)),
      [frameOf(10_000, 1), frameOf(20_000, 2)]
    )
  })
})
