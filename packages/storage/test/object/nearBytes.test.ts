import { mkdtemp, rm, truncate } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { makeFileObjectStore } from "../../src/object/file/FileObjectStore.ts"
import { NearBytes } from "../../src/object/file/NearBytes.ts"
import { placeOf } from "../../src/object/file/place.ts"

const MIB = 1 << 20
const NAME = "cluster/inc/0mi2abcde-7"

describe("bytes that are near", () => {
  it("are whole blocks of what was used", () => {
    const near = new NearBytes(10 * MIB)
    near.used("a", MIB + 5, 3 * MIB)
    assert.isTrue(near.has("a", MIB, 3 * MIB))
    assert.isFalse(near.has("a", MIB - 1, 2 * MIB))
    assert.isFalse(near.has("a", 2 * MIB, 3 * MIB + 1))
    assert.isFalse(near.has("b", 0, 1))
    near.drop("a")
    assert.isFalse(near.has("a", MIB, 2 * MIB))
  })

  it("are so many at most: those of objects used last", () => {
    const near = new NearBytes(3 * MIB)
    near.used("a", 0, 2 * MIB)
    near.used("b", 0, MIB)
    near.used("a", 0, 1)
    near.used("c", 0, MIB)
    assert.deepStrictEqual(
      ["a", "b", "c"].map((name) => near.has(name, 0, MIB)),
      [true, false, true]
    )
    near.used("d", 0, 4 * MIB)
    assert.isFalse(near.has("d", 0, MIB))
    near.used("e", 0, MIB)
    assert.isTrue(near.has("e", 0, MIB))
  })
})

const opened = (nearBytes: number) =>
  Effect.gen(function* () {
    const path = yield* Effect.acquireRelease(
      Effect.promise(() => mkdtemp(join(tmpdir(), "tusk-near-"))),
      (path) => Effect.promise(() => rm(path, { recursive: true, force: true }))
    )
    const store = yield* makeFileObjectStore({ path, nearBytes })
    yield* store.put(NAME, [new Uint8Array(1000).fill(7)])
    // The file is open from then on.
    yield* store.get(NAME, 0, 1)
    const { file, folder } = placeOf(NAME)
    return { store, file: join(path, folder, file) }
  })

describe("a folder of objects", () => {
  it.live("reads in place what this process has written, and nothing else", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { store } = yield* opened(MIB)
        assert.deepStrictEqual(Effect.runSync(store.get(NAME, 10, 1000)), new Uint8Array(990).fill(7))
        const { store: none } = yield* opened(0)
        assert.isTrue(Exit.isFailure(Effect.runSyncExit(none.get(NAME, 10, 1000))))
        assert.strictEqual((yield* none.get(NAME, 10, 1000)).byteLength, 990)
      })
    )
  )

  it.live("tells an object that is shorter than its pointers say, in place too", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { file, store } = yield* opened(MIB)
        yield* Effect.promise(() => truncate(file, 100))
        const error = yield* Effect.flip(store.get(NAME, 10, 1000))
        assert.strictEqual(error.message, `object ${NAME} ends at 100, before 1000`)
      })
    )
  )
})
