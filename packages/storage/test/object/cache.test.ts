import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Random from "effect/Random"
import { CachedObjects } from "../../src/object/cache/CachedObjects.ts"
import { DiskBlocks } from "../../src/object/cache/DiskBlocks.ts"
import { ObjectMissing, ObjectStoreUnavailable } from "../../src/port/ObjectStore.ts"
import type { ObjectStore } from "../../src/port/ObjectStore.ts"
import { StorageCounts } from "../../src/StorageCounts.ts"

type Objects = Pick<ObjectStore, "get" | "name">

const byteAt = (name: string, at: number): number => (Math.imul(at + 7 * name.length, 2_654_435_761) >>> 13) & 0xff

const bytesOf = (name: string, from: number, to: number): Uint8Array =>
  Uint8Array.from({ length: to - from }, (_, i) => byteAt(name, from + i))

/** Objects of so many bytes each; what was asked for. */
const objectsOf = (size: number, before: Effect.Effect<void> = Effect.void) => {
  const asked: Array<readonly [string, number, number]> = []
  const objects: Objects = {
    name: "far:",
    get: (name, from, to) =>
      Effect.suspend(() => {
        asked.push([name, from, to])
        if (to > size) return Effect.die(`beyond the end: ${to}`)
        return Effect.as(before, bytesOf(name, from, to))
      })
  }
  return { objects, asked }
}

const folder = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(join(tmpdir(), "tusk-cache-"))),
  (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true }))
)

const cached = Effect.fnUntraced(function* (
  objects: Objects,
  { blockBytes = 100, disk, maxBytes = 1000 }: { maxBytes?: number; blockBytes?: number; disk?: DiskBlocks } = {},
  counts = new StorageCounts()
) {
  return new CachedObjects(objects, yield* Effect.scope, { maxBytes, blockBytes, disk }, counts)
})

const assertRange = (found: Uint8Array, name: string, from: number, to: number): void =>
  assert.isTrue(Buffer.compare(found, bytesOf(name, from, to)) === 0, `${name} ${from}-${to}`)

const randomReads = Effect.fnUntraced(function* (cache: CachedObjects, size: number, reads: number) {
  for (let i = 0; i < reads; i++) {
    const name = `o${"x".repeat(yield* Random.nextIntBetween(0, 5))}`
    const from = yield* Random.nextIntBetween(0, size)
    const to = yield* Random.nextIntBetween(from, Math.min(size, from + 700))
    const found = yield* cache.get(name, from, to)
    assertRange(found, name, from, to)
    // It is the caller's own.
    found.fill(0)
  }
})

describe("CachedObjects", () => {
  it.live("of an object that is gone nothing is kept, in memory or on the disk", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const disk = yield* DiskBlocks.make({ path, maxBytes: 10_000 })
        const { asked, objects } = objectsOf(1000)
        const cache = yield* cached(objects, { maxBytes: 300, disk })
        for (let at = 0; at < 2000; at += 100) {
          yield* cache.get(at < 1000 ? "goes" : "stays", at % 1000, (at % 1000) + 100)
          // What has no room in memory comes to the disk by itself.
          while (disk.bytes < at - 200) yield* Effect.sleep(1)
        }
        cache.forget("goes")
        assert.deepStrictEqual([cache.bytes, disk.bytes], [300, 700])
        asked.length = 0
        assertRange(yield* cache.get("stays", 0, 1000), "stays", 0, 1000)
        assert.deepStrictEqual(asked, [])
        assertRange(yield* cache.get("goes", 0, 1000), "goes", 0, 1000)
        assert.notDeepEqual(asked, [])
      })
    )
  )

  it.live("any range by way of a cache of any size is what the store has, whoever else reads", () =>
    Effect.scoped(
      Effect.gen(function* () {
        for (const maxBytes of [0, 1, 99, 150, 1000, 5000, 1e6]) {
          for (const blockBytes of [1, 7, 100, 4096]) {
            const { objects } = objectsOf(1234, Effect.yieldNow)
            const cache = yield* cached(objects, { maxBytes, blockBytes })
            yield* Effect.forEach([1, 2, 3, 4], () => randomReads(cache, 1234, 25), { concurrency: 4 })
            assert.isAtMost(cache.bytes, maxBytes)
          }
        }
      })
    )
  )

  it.live("and by way of a disk", () =>
    Effect.scoped(
      Effect.gen(function* () {
        for (const [maxBytes, diskBytes] of [
          [0, 10_000],
          [300, 300],
          [300, 10_000],
          [1000, 50]
        ] as const) {
          const path = yield* folder
          const disk = yield* DiskBlocks.make({ path, maxBytes: diskBytes })
          const { objects } = objectsOf(1234, Effect.yieldNow)
          const cache = yield* cached(objects, { maxBytes, disk })
          yield* Effect.forEach([1, 2, 3], () => randomReads(cache, 1234, 60), { concurrency: 3 })
          assert.isAtMost(cache.bytes, maxBytes)
          assert.isAtMost(disk.bytes, diskBytes)
        }
      })
    )
  )

  it.effect("what memory has is not asked for; a longer range of a block asks for what is missing", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { asked, objects } = objectsOf(1000)
        const counts = new StorageCounts()
        const cache = yield* cached(objects, {}, counts)
        for (const [from, to] of [
          [0, 30],
          [10, 30],
          [20, 60],
          [0, 60],
          [50, 250],
          [130, 150],
          [240, 260]
        ] as const) {
          assertRange(yield* cache.get("o", from, to), "o", from, to)
        }
        assert.deepStrictEqual(asked, [
          ["o", 0, 30],
          ["o", 30, 60],
          ["o", 60, 250],
          ["o", 250, 260]
        ])
        assert.deepStrictEqual([counts.objectCacheHits, counts.objectCacheMisses], [3, 6])
      })
    )
  )

  it.effect("what was used longest ago goes first", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { asked, objects } = objectsOf(1000)
        const cache = yield* cached(objects, { maxBytes: 200 })
        for (const name of ["a", "b", "a", "c", "a", "b"]) yield* cache.get(name, 0, 100)
        assert.deepStrictEqual(
          asked.map(([name]) => name),
          ["a", "b", "c", "b"]
        )
        assert.strictEqual(cache.bytes, 200)
      })
    )
  )

  it.live("who asks for a block that is being read waits for it, also if the first one goes away", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        const { asked, objects } = objectsOf(1000, Deferred.await(gate))
        const cache = yield* cached(objects)
        const first = yield* Effect.forkChild(cache.get("o", 0, 250), { startImmediately: true })
        const others = yield* Effect.forEach([50, 100, 199], (from) =>
          Effect.forkChild(cache.get("o", from, from + 50), { startImmediately: true })
        )
        yield* Fiber.interrupt(first)
        yield* Deferred.succeed(gate, undefined)
        for (const [i, from] of [50, 100, 199].entries())
          assertRange(yield* Fiber.join(others[i]!), "o", from, from + 50)
        assert.deepStrictEqual(asked, [["o", 0, 250]])
      })
    )
  )

  it.live("an error is told to all who wait, and kept for nobody", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const gate = yield* Deferred.make<void>()
        let isBroken = true
        const { objects } = objectsOf(1000)
        const cache = yield* cached({
          name: "far:",
          get: (name, from, to) =>
            isBroken
              ? Effect.andThen(
                  Deferred.await(gate),
                  Effect.fail(new ObjectStoreUnavailable({ message: "away", sent: false }))
                )
              : name === "gone"
                ? Effect.fail(new ObjectMissing({ name }))
                : objects.get(name, from, to)
        })
        const readers = yield* Effect.forEach([0, 10, 20], (from) =>
          Effect.forkChild(Effect.exit(cache.get("o", from, from + 10)), { startImmediately: true })
        )
        yield* Deferred.succeed(gate, undefined)
        for (const reader of readers) assert.isTrue(Exit.isFailure(yield* Fiber.join(reader)))
        isBroken = false
        assertRange(yield* cache.get("o", 0, 10), "o", 0, 10)
        assert.strictEqual((yield* Effect.flip(cache.get("gone", 0, 10)))._tag, "ObjectMissing")
      })
    )
  )
})

describe("DiskBlocks", () => {
  const until = (holds: () => boolean): Effect.Effect<void> =>
    Effect.promise(async () => {
      while (!holds()) await new Promise((resolve) => setImmediate(resolve))
    })

  it.live("holds what memory has let go, and nothing of the process before", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const { asked, objects } = objectsOf(1000)
        const disk = yield* DiskBlocks.make({ path, maxBytes: 1000 })
        const cache = yield* cached(objects, { maxBytes: 100, disk })
        yield* cache.get("a", 0, 100)
        yield* cache.get("b", 0, 100)
        yield* until(() => disk.bytes > 0)
        assertRange(yield* cache.get("a", 20, 80), "a", 20, 80)
        assert.deepStrictEqual(
          asked.map(([name]) => name),
          ["a", "b"]
        )
        yield* Effect.promise(() => fs.writeFile(join(path, "of-others"), "x"))
        const next = yield* DiskBlocks.make({ path, maxBytes: 1000 })
        assert.strictEqual(next.bytes, 0)
        assert.deepStrictEqual(yield* Effect.promise(() => fs.readdir(path)), ["of-others", "tusk-object-cache"])
        // The first one's files are gone: it asks the store again.
        yield* cache.get("c", 0, 100)
        assertRange(yield* cache.get("b", 20, 80), "b", 20, 80)
      })
    )
  )

  it.live("a folder that cannot be is refused at start", () =>
    Effect.gen(function* () {
      const refused = yield* Effect.flip(DiskBlocks.make({ path: "/dev/null", maxBytes: 1000 }))
      assert.include(refused.message, "the cache of objects cannot be in /dev/null")
    })
  )
})
