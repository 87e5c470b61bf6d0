import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeFileObjectStore } from "../../src/object/file/FileObjectStore.ts"
import { told, writeAll } from "../../src/object/file/disk.ts"
import { objectStoreSuite } from "../../src/testing/objectStoreSuite.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(join(tmpdir(), "tusk-objects-"))),
  (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true }))
)

objectStoreSuite("file", {
  grows: true,
  place: Effect.map(folder, (path) => makeFileObjectStore({ path, maxOpen: 5 }))
})

const opened = (options: { readonly maxOpen?: number } = {}) =>
  Effect.gen(function* () {
    const path = yield* folder
    return { path, store: yield* makeFileObjectStore({ path, ...options }) }
  })

const openFiles = Effect.promise(async () => {
  const fds = await fs.readdir("/proc/self/fd")
  return Promise.all(fds.map((fd) => fs.readlink(`/proc/self/fd/${fd}`).catch(() => "")))
})

/** What is below a folder: files and folders, in order. */
const below = (path: string) => Effect.promise(async () => (await fs.readdir(path, { recursive: true })).toSorted())

const isRoot = process.getuid?.() === 0

describe("objects as files", () => {
  it.live("lie in folders by the beginnings of their names, and folders without one go", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { path, store } = yield* opened()
        yield* store.put("cluster/inc/0mi2abcde-7", [new Uint8Array(1)])
        yield* store.put("cluster/inc/0mi2abzzz-8", [new Uint8Array(1)])
        yield* store.replaceTagged("cluster/owner", undefined, new Uint8Array(1))
        assert.deepStrictEqual(yield* below(path), [
          "cluster",
          "cluster/inc",
          "cluster/inc/0mi2ab~",
          "cluster/inc/0mi2ab~/0mi2abcde-7",
          "cluster/inc/0mi2ab~/0mi2abzzz-8",
          "cluster/owner@000000000001"
        ])
        yield* store.remove("cluster/inc/0mi2abcde-7")
        yield* store.remove("cluster/inc/0mi2abzzz-8")
        assert.deepStrictEqual(yield* below(path), ["cluster", "cluster/owner@000000000001"])
        yield* store.remove("cluster/owner")
        assert.deepStrictEqual(yield* below(path), [])
      })
    )
  )

  it.live("what else lies in the folder is not among them", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { path, store } = yield* opened()
        yield* Effect.promise(() => fs.writeFile(join(path, "owner@a-draft"), "half"))
        assert.deepStrictEqual(yield* store.list("", undefined), [])
        assert.strictEqual(yield* store.readTagged("owner"), undefined)
      })
    )
  )

  it.live("of a tagged object a bounded number of states stays", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { path, store } = yield* opened()
        for (let i = 0; i < 50; i++) {
          const tag = (yield* store.readTagged("owner"))?.tag
          assert.isTrue(yield* store.replaceTagged("owner", tag, Uint8Array.of(i)))
        }
        assert.isAtMost((yield* below(path)).length, 18)
      })
    )
  )

  it.live("files that are open are bounded, and none is at the end", () =>
    Effect.gen(function* () {
      const path = yield* Effect.scoped(
        Effect.gen(function* () {
          const { path, store } = yield* opened({ maxOpen: 3 })
          for (let i = 0; i < 20; i++) yield* store.put(`o${i}`, [Uint8Array.of(i)])
          const read = yield* Effect.forEach(
            Array.from({ length: 60 }, (_, i) => i % 20),
            (i) => store.get(`o${i}`, 0, 1),
            {
              concurrency: "unbounded"
            }
          )
          assert.deepStrictEqual(
            read.map((bytes) => bytes[0]!),
            Array.from({ length: 60 }, (_, i) => i % 20)
          )
          // Files are closed beside what goes on.
          yield* Effect.promise(() => fs.stat(path))
          assert.isAtMost((yield* openFiles).filter((file) => file.startsWith(`${path}/`)).length, 3)
          return path
        })
      )
      assert.deepStrictEqual(
        (yield* openFiles).filter((file) => file.startsWith(path)),
        []
      )
    })
  )

  it.live.skipIf(isRoot)("without the right to write, a put is refused and says so", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { path, store } = yield* opened()
        yield* Effect.promise(() => fs.chmod(path, 0o500))
        const refused = yield* Effect.flip(store.put("a", [new Uint8Array(1)]))
        yield* Effect.promise(() => fs.chmod(path, 0o700))
        assert.strictEqual(refused._tag, "ObjectStoreRefused")
        assert.include(refused.message, "the broker's user may not do that (EACCES")
      })
    )
  )

  it.live("without its folder nothing is done, and none is made in its place", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const { path, store } = yield* opened()
        yield* store.put("before", [new Uint8Array(1)])
        yield* Effect.promise(() => fs.rename(path, `${path}-away`))
        yield* Effect.addFinalizer(() => Effect.promise(() => fs.rm(`${path}-away`, { recursive: true })))
        const failed = yield* Effect.flip(store.put("c/a", [new Uint8Array(1)]))
        assert.deepInclude(failed, { _tag: "ObjectStoreUnavailable", sent: false })
        assert.strictEqual((yield* Effect.flip(store.get("a", 0, 1)))._tag, "ObjectMissing")
      })
    )
  )

  it.live("a full disk is told as such", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const full = yield* Effect.acquireRelease(
          Effect.promise(() => fs.open("/dev/full", "w")),
          (handle) => Effect.promise(() => handle.close())
        )
        const failed = told("file:///x", false)(yield* Effect.flip(writeAll(full.fd, [new Uint8Array(10)])))
        assert.deepInclude(failed, { _tag: "ObjectStoreUnavailable", sent: false })
        assert.include(failed.message, "file:///x: the disk is full (ENOSPC")
      })
    )
  )
})
