import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { assertSame, bytesOf } from "./objectScenario.ts"
import type { Scenario } from "./objectScenario.ts"

/** What a store has to do with small objects that are changed in place. */
export const taggedCases = (scenario: Scenario): void => {
  scenario("are replaced by who knows their state", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      assert.strictEqual(yield* store.readTagged("c/owner"), undefined)
      assert.isFalse(yield* store.replaceTagged("c/owner", "00", bytesOf(5)))
      assert.strictEqual(yield* store.readTagged("c/owner"), undefined)
      assert.isTrue(yield* store.replaceTagged("c/owner", undefined, bytesOf(10, 1)))
      assert.isFalse(yield* other.replaceTagged("c/owner", undefined, bytesOf(10, 2)))
      const first = (yield* other.readTagged("c/owner"))!
      assertSame(first.value, bytesOf(10, 1))
      assert.isTrue(yield* other.replaceTagged("c/owner", first.tag, bytesOf(3, 3)))
      assert.isFalse(yield* store.replaceTagged("c/owner", first.tag, bytesOf(10, 4)))
      const second = (yield* store.readTagged("c/owner"))!
      assertSame(second.value, bytesOf(3, 3))
      assert.notStrictEqual(second.tag, first.tag)
      assert.isTrue(yield* store.replaceTagged("c/owner", second.tag, bytesOf(7, 5)))
      assert.deepStrictEqual(yield* store.list("c/", undefined), [{ name: "c/owner", bytes: 7 }])
    })
  )

  scenario("many replacements later, the first tag is no more good than it was", (store) =>
    Effect.gen(function* () {
      yield* store.replaceTagged("owner", undefined, bytesOf(4, 0))
      const first = (yield* store.readTagged("owner"))!
      for (let i = 1; i <= 40; i++) {
        const { tag } = (yield* store.readTagged("owner"))!
        assert.isTrue(yield* store.replaceTagged("owner", tag, bytesOf(4, i)))
      }
      assert.isFalse(yield* store.replaceTagged("owner", first.tag, bytesOf(4, 99)))
      assertSame((yield* store.readTagged("owner"))!.value, bytesOf(4, 40))
    })
  )

  scenario("of many that replace one state at once, one does", (store, open) =>
    Effect.gen(function* () {
      const stores = [store, yield* open, yield* open]
      let tag: string | undefined
      for (let round = 0; round < 5; round++) {
        const won = yield* Effect.forEach(
          Array.from({ length: 9 }, (_, i) => i),
          (i) => stores[i % 3]!.replaceTagged("c/owner", tag, bytesOf(20, 100 * round + i)),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(won.filter(Boolean).length, 1)
        const now = (yield* store.readTagged("c/owner"))!
        assertSame(now.value, bytesOf(20, 100 * round + won.indexOf(true)))
        tag = now.tag
      }
    })
  )
}
