import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Scenario } from "./objectScenario.ts"

const bytes = (...values: ReadonlyArray<number>): Uint8Array => Uint8Array.from(values)

/** What a store has to do whose objects grow. */
export const growCases = (scenario: Scenario): void => {
  scenario("an object grows by what is appended, and can be read meanwhile, by another process too", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      const object = yield* store.grow!("c/a/1")
      assert.deepStrictEqual(yield* store.list("c/", undefined), [{ name: "c/a/1", bytes: 0 }])
      yield* object.append([bytes(1, 2), bytes(3)])
      assert.deepStrictEqual(Array.from(yield* other.get("c/a/1", 1, 3)), [2, 3])
      yield* object.append([bytes(4), bytes(), bytes(5, 6)])
      assert.deepStrictEqual(Array.from(yield* store.get("c/a/1", 0, 6)), [1, 2, 3, 4, 5, 6])
      assert.deepStrictEqual(Array.from(yield* other.get("c/a/1", 2, 5)), [3, 4, 5])
      yield* object.close
      assert.deepStrictEqual(yield* other.list("", undefined), [{ name: "c/a/1", bytes: 6 }])
      assert.strictEqual((yield* Effect.flip(store.get("c/a/1", 0, 7)))._tag, "ObjectStoreRefused")
    })
  )

  scenario("large appends of many chunks are whole", (store) =>
    Effect.gen(function* () {
      const object = yield* store.grow!("a")
      const chunks = Array.from({ length: 3000 }, (_, i) => new Uint8Array(700).fill(i))
      yield* object.append(chunks)
      yield* object.append(chunks.slice(0, 1))
      yield* object.close
      const found = yield* store.get("a", 0, 3001 * 700)
      assert.isTrue(Buffer.compare(found, Buffer.concat([...chunks, chunks[0]!])) === 0)
    })
  )

  scenario("a name that is given begins no object that grows, and one that grows is put by nobody", (store) =>
    Effect.gen(function* () {
      yield* store.put("a", [bytes(1)])
      assert.strictEqual((yield* Effect.flip(store.grow!("a")))._tag, "ObjectExists")
      const object = yield* store.grow!("b")
      assert.strictEqual((yield* Effect.flip(store.grow!("b")))._tag, "ObjectExists")
      assert.strictEqual((yield* Effect.flip(store.put("b", [bytes(1)])))._tag, "ObjectExists")
      assert.strictEqual((yield* Effect.flip(store.grow!("../b")))._tag, "ObjectStoreRefused")
      yield* object.close
      assert.deepStrictEqual(Array.from(yield* store.get("a", 0, 1)), [1])
    })
  )

  scenario("one that grew is removed like any", (store) =>
    Effect.gen(function* () {
      const object = yield* store.grow!("a")
      yield* object.append([bytes(1)])
      yield* object.close
      yield* store.remove("a")
      assert.strictEqual((yield* Effect.flip(store.get("a", 0, 1)))._tag, "ObjectMissing")
      const again = yield* store.grow!("a")
      yield* again.close
    })
  )
}
