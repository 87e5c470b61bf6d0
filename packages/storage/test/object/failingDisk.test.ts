/** What a folder of objects does on a disk that fails, is full, or does not answer. */
import { execFileSync } from "node:child_process"
import nodeFs, { constants } from "node:fs"
import { syncBuiltinESMExports } from "node:module"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { promisify } from "node:util"
import { deflate } from "node:zlib"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import { makeFileObjectStore } from "../../src/object/file/FileObjectStore.ts"

const folder = Effect.acquireRelease(
  Effect.sync(() => nodeFs.mkdtempSync(join(tmpdir(), "tusk-objects-"))),
  (path) => Effect.sync(() => nodeFs.rmSync(path, { recursive: true, force: true }))
)

/** Puts something in the place of a function of `node:fs`, until the scope ends. */
const patched = <K extends "close" | "fsync" | "unlink" | "writev">(
  name: K,
  make: (real: (typeof nodeFs)[K]) => (...args: Array<any>) => void
): Effect.Effect<void, never, Scope.Scope> => {
  const real = nodeFs[name]
  const set = (to: (typeof nodeFs)[K]) =>
    Effect.sync(() => {
      nodeFs[name] = to
      syncBuiltinESMExports()
    })
  return Effect.asVoid(Effect.acquireRelease(set(make(real) as (typeof nodeFs)[K]), () => set(real)))
}

const failure = (code: string) => Object.assign(new Error(code), { code })

/** The first write of a call gets so many bytes onto the disk, and the next one finds it full. */
const fullAfter = (bytes: number) => {
  let calls = 0
  return patched("writev", (real) => (fd: number, chunks: ReadonlyArray<Uint8Array>, at: number, done) => {
    if (++calls % 2 === 0) return done(failure("ENOSPC"), 0)
    return real(fd, [chunks[0]!.subarray(0, bytes)], at, done)
  })
}

const sizes = (path: string) =>
  nodeFs
    .readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => nodeFs.statSync(join(entry.parentPath, entry.name)).size)

describe("a folder of objects", () => {
  it.live("of an append that failed nothing stays, so that a full disk is not filled with tries", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        const [known, fresh] = [yield* store.grow!("c/i/known"), yield* store.grow!("c/i/fresh")]
        yield* known.append([new Uint8Array(10)])
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* fullAfter(5)
            for (const each of [known, fresh]) {
              const failed = yield* Effect.flip(each.append([new Uint8Array(20)]))
              assert.include(failed.message, "the disk is full")
              yield* each.close
            }
          })
        )
        assert.deepStrictEqual(sizes(path), [10])
        assert.strictEqual((yield* store.get("c/i/known", 0, 10)).byteLength, 10)
      })
    )
  )

  it.live("that could not take back what failed does not take it for stored at the next try", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        yield* Effect.scoped(
          Effect.gen(function* () {
            // Errors that turn the disk read-only: what was written is seen, and may not last.
            yield* patched(
              "writev",
              (real) => (fd: number, chunks: ReadonlyArray<Uint8Array>, at: number, done) =>
                real(fd, chunks, at, () => done(failure("EIO"), 0))
            )
            yield* patched("unlink", () => (_path: string, done) => done(failure("EROFS")))
            const failed = yield* Effect.flip(store.put("a", [new Uint8Array(3)]))
            assert.deepInclude(failed, { _tag: "ObjectStoreUnavailable", sent: false })
          })
        )
        assert.strictEqual((yield* Effect.flip(store.put("a", [new Uint8Array(3)])))._tag, "ObjectExists")
      })
    )
  )

  it.live("is made with all folders above it so that they outlive the machine", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const flushed = new Set<string>()
        yield* patched("fsync", (real) => (fd: number, done) => {
          flushed.add(nodeFs.readlinkSync(`/proc/self/fd/${fd}`))
          real(fd, done)
        })
        const store = yield* makeFileObjectStore({ path: join(path, "a", "b") })
        yield* store.probe
        assert.includeMembers([...flushed], [path, join(path, "a"), join(path, "a", "b")])
      })
    )
  )

  it.live("that is removed and made anew is flushed anew", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        yield* store.put("c/i/0mi2abcde-1", [new Uint8Array(1)])
        nodeFs.rmSync(path, { recursive: true })
        nodeFs.mkdirSync(path)
        const flushed = new Set<string>()
        yield* patched("fsync", (real) => (fd: number, done) => {
          flushed.add(nodeFs.readlinkSync(`/proc/self/fd/${fd}`))
          real(fd, done)
        })
        yield* store.put("c/i/0mi2xxcde-2", [new Uint8Array(1)])
        assert.includeMembers([...flushed], [path, join(path, "c"), join(path, "c", "i")])
      })
    )
  )

  it.live("that does not answer is waited for by nobody, and leaves threads to the rest of the process", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        // To open such a file takes until somebody opens its other end.
        const pipes = Array.from({ length: 12 }, (_, i) => join(path, `hang${i}`))
        for (const pipe of pipes) execFileSync("mkfifo", [pipe])
        const reads = yield* Effect.forEach(pipes, (_, i) => Effect.forkChild(store.get(`hang${i}`, 0, 1)))
        yield* Effect.yieldNow
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            for (const pipe of pipes) nodeFs.closeSync(nodeFs.openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK))
          })
        )
        const packed = yield* Effect.promise(() => promisify(deflate)(new Uint8Array(1000)))
        assert.isAbove(packed.byteLength, 0)
        yield* Fiber.interruptAll(reads)
      })
    )
  )

  it.live("that hangs in a write keeps nobody, and its file is closed once the write has ended", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        const object = yield* store.grow!("a")
        const held: Array<() => void> = []
        const closed: Array<number> = []
        yield* patched("close", (real) => (fd: number, done) => {
          closed.push(fd)
          real(fd, done)
        })
        yield* patched("writev", (real) => (fd: number, chunks: ReadonlyArray<Uint8Array>, at: number, done) => {
          held.push(() => real(fd, chunks, at, done))
        })
        const append = yield* Effect.forkChild(object.append([new Uint8Array(3)]), { startImmediately: true })
        const put = yield* Effect.forkChild(store.put("b", [new Uint8Array(3)]))
        while (held.length < 2) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        yield* Fiber.interruptAll([append, put])
        yield* object.close
        assert.deepStrictEqual(closed, [])
        for (const go of held) go()
        while (closed.length < 2) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
        assert.deepStrictEqual(sizes(path), [3, 3])
      })
    )
  )

  it.live("that is full has room for whose the objects are: without that none would ever be removed", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        const replaced = Effect.fnUntraced(function* (value: number) {
          const tag = (yield* store.readTagged("c/owner"))?.tag
          return yield* store.replaceTagged("c/owner", tag, Uint8Array.of(value))
        })
        for (const value of [1, 2, 3]) assert.isTrue(yield* replaced(value))
        let isFull = true
        yield* patched(
          "writev",
          (real) => (fd: number, chunks: ReadonlyArray<Uint8Array>, at: number, done) =>
            isFull ? done(failure("ENOSPC"), 0) : real(fd, chunks, at, done)
        )
        yield* patched("unlink", (real) => (path: string, done) => {
          if (path.endsWith("owner@000000000001")) isFull = false
          real(path, done)
        })
        assert.isTrue(yield* replaced(4))
        assert.deepStrictEqual((yield* store.readTagged("c/owner"))?.value, Uint8Array.of(4))
      })
    )
  )
})
