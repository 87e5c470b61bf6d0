import { assert, describe, it } from "@effect/vitest"
import { KeyOffsets } from "../../../src/log/compaction/KeyOffsets.ts"

const key = (...bytes: ReadonlyArray<number>) => Uint8Array.from(bytes)

describe("KeyOffsets", () => {
  it("tells which records have a later one of their key, byte by byte", () => {
    const keys = new KeyOffsets(1 << 20)
    keys.put(key(0xc3, 0xa9), 1n)
    keys.put(key(0xe9), 5n)
    keys.put(key(0xc3, 0xa9), 3n)
    keys.put(key(), 4n)
    assert.strictEqual(keys.size, 3)
    assert.isTrue(keys.isSuperseded(key(0xc3, 0xa9), 1n))
    assert.isFalse(keys.isSuperseded(key(0xc3, 0xa9), 3n))
    assert.isFalse(keys.isSuperseded(key(0xe9), 5n))
    assert.isFalse(keys.isSuperseded(key(7), 0n))
    assert.isTrue(keys.isSuperseded(key(), 0n))
  })

  it("is full by bytes, or by keys however short they are; keys that are known take nothing", () => {
    const bytes = new KeyOffsets(400)
    for (let i = 0; i < 3; i++) bytes.put(key(i), 0n)
    for (let i = 0; i < 3; i++) bytes.put(key(i), 1n)
    assert.isFalse(bytes.isFull)
    bytes.put(new Uint8Array(200), 0n)
    assert.isTrue(bytes.isFull)
    const keys = new KeyOffsets(1 << 30, 3)
    for (let i = 0; i < 3; i++) {
      assert.isFalse(keys.isFull)
      keys.put(key(i), 0n)
    }
    assert.isTrue(keys.isFull)
  })
})
