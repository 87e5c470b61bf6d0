import { assert, describe, it } from "@effect/vitest"
import { Pointers } from "../../src/pg/PgStore/Pointers.ts"
import type { Run } from "../../src/pg/PgStore/Pointers.ts"
import { Write } from "../../src/port/Write.ts"

/** Batches of two offsets each, from an offset on. */
const run = (from: bigint, count = 10, partitionId = 1): Run => ({
  partitionId,
  from,
  batches: Array.from({ length: count }, (_, i) => {
    const baseOffset = from + BigInt(2 * i)
    const batch = { name: "o", position: i, bytes: 1, baseOffset, leaderEpoch: 1, maxTimestamp: 0n }
    return { batch, bytes: 1, lastOffset: baseOffset + 1n }
  })
})

describe("pointers in memory", () => {
  it("are found by every offset up to the last one's end", () => {
    const pointers = new Pointers(100)
    const [first, second, third] = [run(0n), run(20n), run(100n)]
    for (const each of [second, third, first]) pointers.keep(each, pointers.changes)
    const found = [0n, 19n, 20n, 39n, 40n, 99n, 100n, 119n, 120n].map((offset) => pointers.at(1, offset))
    assert.deepStrictEqual(found, [first, first, second, second, undefined, undefined, third, third, undefined])
    assert.strictEqual(pointers.at(2, 0n), undefined)
  })

  it("are bounded: what was not used longest goes", () => {
    const pointers = new Pointers(25)
    const [first, second, third] = [run(0n), run(20n), run(40n)]
    pointers.keep(first, pointers.changes)
    pointers.keep(second, pointers.changes)
    pointers.find(1, 5n)
    pointers.keep(third, pointers.changes)
    assert.deepStrictEqual([pointers.at(1, 0n), pointers.at(1, 20n), pointers.at(1, 40n)], [first, undefined, third])
    assert.strictEqual(pointers.count, 20)
    // The same place again takes the place of what was there; one that is larger than all is not kept.
    const longer = run(0n, 12)
    pointers.keep(longer, pointers.changes)
    assert.deepStrictEqual([pointers.at(1, 23n), pointers.count], [longer, 22])
    pointers.keep(run(60n, 26), pointers.changes)
    assert.deepStrictEqual([pointers.at(1, 60n), pointers.count], [undefined, 0])
    pointers.keep(run(60n, 3), pointers.changes)
    assert.strictEqual(pointers.count, 0)
  })

  it("are forgotten when rows change, also by who reads meanwhile", () => {
    const changes = [
      Write.DeleteBatches({ partitionId: 1, below: 3n, limit: 1 }),
      Write.ReplaceBatches({ partitionId: 1, batches: [] }),
      Write.MoveBatches({ partitionId: 1, batches: [] }),
      Write.DropPartition({ partitionId: 1 })
    ]
    for (const change of changes) {
      const pointers = new Pointers(65_536)
      const other = run(0n, 10, 2)
      const before = pointers.changes
      pointers.keep(run(0n), before)
      pointers.keep(other, before)
      pointers.changed([[Write.PutMerged({ objectIds: [1n] })], [change]])
      assert.deepStrictEqual([pointers.at(1, 0n), pointers.at(2, 0n), pointers.count], [undefined, other, 10])
      pointers.keep(run(0n), before)
      assert.strictEqual(pointers.at(1, 0n), undefined)
    }
  })
})
