import { assert, describe, it } from "@effect/vitest"
import { inPieces } from "../../src/fetch/FetchAnswer.ts"

describe("pieces of an answer", () => {
  const memory = Uint8Array.from({ length: 100 }, (_, i) => i)
  const at = (from: number, to: number) => memory.subarray(from, to)
  const lengths = (batches: ReadonlyArray<Uint8Array>) => inPieces(batches).map(({ byteLength }) => byteLength)

  it("hold the bytes of the batches, in order, whatever lies beside what", () => {
    const lists = [
      [],
      [at(3, 9)],
      [at(0, 10), at(10, 30), at(30, 31)],
      [at(0, 10), at(11, 30), at(30, 40), new Uint8Array(5), at(40, 50)],
      [at(50, 60), at(40, 50), at(50, 60)],
      // Another memory, at the same place.
      [at(0, 10), memory.slice().subarray(10, 20)]
    ]
    for (const list of lists) assert.deepStrictEqual(Buffer.concat(inPieces(list)), Buffer.concat(list))
    assert.deepStrictEqual(lists.map(lengths), [[], [6], [31], [10, 29, 5, 10], [10, 20], [10, 10]])
  })
})
