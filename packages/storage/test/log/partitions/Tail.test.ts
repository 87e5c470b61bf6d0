import { assert, describe, it } from "@effect/vitest"
import * as Schema from "effect/Schema"
import { drop, makePartitionTail, makeTail, push, readTail, retain } from "../../../src/log/partitions/Tail.ts"
import type { PartitionTail, TailBatch } from "../../../src/log/partitions/Tail.ts"

const bytes = (length: number) => new Uint8Array(length)

describe("the tail", () => {
  it("reads from the batch that holds an offset on, within bytes, at least one when asked", () => {
    const tail = makeTail(1000)
    const partition = makePartitionTail(1, 0n)
    for (const lastOffset of [2n, 5n, 9n]) push(tail, partition, bytes(100), lastOffset)
    assert.strictEqual(readTail(partition, 4n, 10n, 1000, false)!.length, 2)
    assert.strictEqual(readTail(partition, 0n, 10n, 250, false)!.length, 2)
    assert.strictEqual(readTail(partition, 0n, 10n, 50, false)!.length, 0)
    assert.strictEqual(readTail(partition, 0n, 10n, 50, true)!.length, 1)
    assert.strictEqual(readTail(partition, 10n, 10n, 1000, true)!.length, 0)
  })

  it("gives nothing from a reader's bound on", () => {
    const tail = makeTail(1000)
    const partition = makePartitionTail(1, 0n)
    for (const lastOffset of [2n, 5n, 9n]) push(tail, partition, bytes(100), lastOffset)
    const counts = [0n, 3n, 6n, 10n].map((end) => readTail(partition, 0n, end, 1000, true)!.length)
    assert.deepStrictEqual(counts, [0, 1, 2, 3])
    assert.deepStrictEqual(readTail(partition, 7n, 6n, 1000, true), [])
  })

  it("leaves the oldest of all partitions to the store once it is full, and tells", () => {
    const gone: Array<readonly [number, bigint]> = []
    const tail = makeTail(250)
    const evicted = (partition: PartitionTail, { lastOffset }: TailBatch) =>
      void gone.push([partition.partitionId, lastOffset])
    const a = makePartitionTail(1, 0n)
    const b = makePartitionTail(2, 0n)
    push(tail, a, bytes(100), 0n, evicted)
    push(tail, b, bytes(100), 0n, evicted)
    push(tail, a, bytes(100), 1n, evicted)
    assert.deepStrictEqual(gone, [[1, 0n]])
    assert.isUndefined(readTail(a, 0n, 2n, 1000, true))
    assert.strictEqual(readTail(a, 1n, 2n, 1000, true)!.length, 1)
    assert.strictEqual(tail.bytes, 200)
    drop(tail, b)
    assert.strictEqual(tail.bytes, 100)
  })

  it("copies a small view out of a large buffer, and leaves a large part where it lies", () => {
    const buffer = new Uint8Array(64 * 1024)
    assert.strictEqual(retain(buffer.subarray(0, 100)).buffer.byteLength, 100)
    assert.strictEqual(retain(buffer.subarray(0, 32 * 1024)).buffer, buffer.buffer)
  })

  const Push = Schema.Struct({
    partition: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 2 })),
    size: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 60 }))
  })
  it.prop("holds its bound, and reads what a list of the newest batches would", [Schema.Array(Push)], ([pushes]) => {
    const tail = makeTail(200)
    const partitions = [0, 1, 2].map((id) => makePartitionTail(id, 0n))
    const all: Array<{ partition: number; offset: bigint; size: number }> = []
    const ends = [0n, 0n, 0n]
    for (const { partition, size } of pushes) {
      const offset = ends[partition]!
      ends[partition] = offset + 1n
      push(tail, partitions[partition]!, bytes(size), offset)
      all.push({ partition, offset, size })
      assert.isAtMost(tail.bytes, 200)
    }
    const kept: typeof all = []
    let sum = 0
    for (const each of [...all].reverse()) {
      sum += each.size
      if (sum > 200) break
      kept.push(each)
    }
    for (const id of [0, 1, 2]) {
      const own = kept.filter(({ partition }) => partition === id).reverse()
      const from = own[0]?.offset ?? ends[id]!
      assert.strictEqual(partitions[id]!.from, from)
      assert.deepStrictEqual(
        readTail(partitions[id]!, from, ends[id]!, 1000, true)!.map((each) => each.byteLength),
        own.map(({ size }) => size)
      )
    }
  })
})
