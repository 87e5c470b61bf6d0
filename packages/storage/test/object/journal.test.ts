import { closeSync, openSync } from "node:fs"
import * as fs from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Logger from "effect/Logger"
import { TestClock } from "effect/testing"
import { makeFileObjectStore } from "../../src/object/file/FileObjectStore.ts"
import { Folders } from "../../src/object/file/Folders.ts"
import { Journal } from "../../src/object/file/Journal.ts"
import { JOURNAL } from "../../src/object/file/place.ts"
import {
  BLOCK,
  decodeSegment,
  encodeGeneration,
  encodeHeader,
  GENERATION_BYTES,
  recordBytes
} from "../../src/object/file/journalRecord.ts"
import { SEGMENT_BYTES } from "../../src/object/file/Segment.ts"
import { takeOver } from "../../src/object/file/takeOver.ts"
import type { ObjectStore } from "../../src/port/ObjectStore.ts"

const folder = Effect.acquireRelease(
  Effect.promise(() => fs.mkdtemp(join(tmpdir(), "tusk-journal-"))),
  (path) => Effect.promise(() => fs.rm(path, { recursive: true, force: true }))
)

const bytesOf = (seed: number, length: number): Uint8Array => new Uint8Array(length).map((_, i) => seed * 31 + i)

const nameOf = (i: number): string => `c/i/0mi2ab${String(i).padStart(3, "0")}-${i}`

const lengthOf = (i: number): number => (i * 7919) % 50_000

const putOne = (store: ObjectStore, i: number, length = lengthOf(i)) => {
  const bytes = bytesOf(i, length)
  return store.put(nameOf(i), [bytes.subarray(0, length >> 1), bytes.subarray(length >> 1)])
}

const segmentsOf = (path: string) =>
  Effect.promise(async () => {
    const files = await fs.readdir(join(path, JOURNAL)).catch(() => [])
    return files.map((file) => join(path, JOURNAL, file))
  })

/** Puts until the journal takes what is put; gives the next number. */
const warmed = Effect.fnUntraced(function* (store: ObjectStore, path: string) {
  for (let i = 0; ; i++) {
    yield* putOne(store, i)
    for (const segment of yield* segmentsOf(path)) {
      const decoded = decodeSegment(yield* Effect.promise(() => fs.readFile(segment)))
      if (decoded !== undefined) return i + 1
    }
  }
})

/** What a disk has after a crash of the machine: what segments hold, and of files only what `keep` says. */
const crashed = Effect.fnUntraced(function* (path: string, keep: (name: string) => number | undefined) {
  const other = yield* folder
  yield* Effect.promise(async () => {
    await fs.cp(path, other, { recursive: true })
    for (const file of await fs.readdir(join(other, "c"), { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      const bytes = keep(file.name)
      if (bytes === undefined) await fs.unlink(join(file.parentPath, file.name))
      else await fs.writeFile(join(file.parentPath, file.name), new Uint8Array(bytes))
    }
  })
  return other
})

const assertObject = Effect.fnUntraced(function* (store: ObjectStore, i: number, length = lengthOf(i)) {
  const found = yield* store.get(nameOf(i), 0, length)
  assert.isTrue(Buffer.compare(found, bytesOf(i, length)) === 0, `${i}`)
  const [listed] = yield* store.list(nameOf(i), undefined)
  assert.deepStrictEqual(listed, { name: nameOf(i), bytes: length })
})

describe("the journal of files", () => {
  it.live("gives objects back whose files a crash of the machine took, whole or in part", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        const first = yield* warmed(store, path)
        yield* Effect.forEach(
          Array.from({ length: 80 }, (_, i) => first + i),
          (i) => putOne(store, i),
          { concurrency: 6 }
        )
        const lost = yield* crashed(path, (name) => {
          const i = Number(name.split("-")[1])
          if (i < first) return lengthOf(i)
          return i % 3 === 0 ? undefined : i % 3 === 1 ? lengthOf(i) : lengthOf(i) + 10
        })
        yield* takeOver({ root: lost, folders: new Folders(), boot: "another" })
        const after = yield* makeFileObjectStore({ path: lost })
        for (let i = first; i < first + 80; i++) yield* assertObject(after, i)
        // Nothing is left to be taken over but what nobody wrote to.
        for (const segment of yield* segmentsOf(lost)) {
          assert.isUndefined(decodeSegment(yield* Effect.promise(() => fs.readFile(segment))))
        }
        // And the one who wrote goes on as if nothing had been.
        yield* putOne(store, 900)
        yield* assertObject(store, 900)
      })
    )
  )

  it.live("is used over and over, and never gives back what an older use of it holds", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const length = 1_500_000
        yield* Effect.scoped(
          Effect.gen(function* () {
            const store = yield* makeFileObjectStore({ path, journalBytes: 2 * SEGMENT_BYTES })
            const first = yield* warmed(store, path)
            for (let round = 0; round < 3; round++) {
              const numbers = Array.from({ length: 16 }, (_, i) => first + 16 * round + i)
              yield* Effect.forEach(numbers, (i) => putOne(store, i, length - i), { concurrency: 3 })
              const lost = yield* crashed(path, () => undefined)
              yield* takeOver({ root: lost, folders: new Folders(), boot: "another" })
              const after = yield* makeFileObjectStore({ path: lost })
              for (const { name } of yield* after.list("c/i/", undefined)) {
                const i = Number(name.split("-")[1])
                yield* assertObject(after, i, i < first ? lengthOf(i) : length - i)
              }
            }
            assert.isAtMost((yield* segmentsOf(path)).length, 2)
          })
        )
        assert.deepStrictEqual(yield* segmentsOf(path), [])
      })
    )
  )

  it.live("that is taken over from somebody who writes costs a flush, and no object", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        const first = yield* warmed(store, path)
        yield* Effect.forEach(
          Array.from({ length: 60 }, (_, i) => i),
          (i) =>
            i % 20 === 10
              ? takeOver({ root: path, folders: new Folders(), boot: "another" })
              : putOne(store, first + i),
          { concurrency: 4 }
        )
        for (let i = 0; i < 60; i++) if (i % 20 !== 10) yield* assertObject(store, first + i)
      })
    )
  )

  it.live("of a process that has crashed while the machine has not is left alone until it is old", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        const store = yield* makeFileObjectStore({ path })
        yield* warmed(store, path)
        const before = yield* segmentsOf(path)
        const other = yield* makeFileObjectStore({ path })
        yield* other.list("", undefined)
        assert.deepStrictEqual(yield* segmentsOf(path), before)
        yield* Effect.promise(() => Promise.all(before.map((file) => fs.utimes(file, 1, 1))))
        const late = yield* makeFileObjectStore({ path })
        yield* late.list("", undefined)
        assert.deepStrictEqual(yield* segmentsOf(path), [])
      })
    )
  )

  it.live("that is wiped holds nothing of what was put, and is used again", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        yield* Effect.promise(() => fs.mkdir(join(path, "c")))
        const options = { root: path, maxBytes: 2 * SEGMENT_BYTES, boot: "boot", own: "own" }
        const journal = new Journal(options, new Folders(), yield* Effect.scope)
        const put = Effect.fnUntraced(function* (i: number) {
          const file = join(path, "c", `${i}`)
          const fd = openSync(file, "wx")
          const secret = Buffer.from(`secret-${i}`)
          const lasts = yield* journal.write(
            `c/${i}`,
            { folder: join(path, "c"), path: file, fd },
            [secret],
            8,
            Effect.void
          )
          if (!lasts) closeSync(fd)
          return lasts
        })
        const holdsSecrets = Effect.map(
          Effect.flatMap(segmentsOf(path), (files) =>
            Effect.promise(() => Promise.all(files.map((file) => fs.readFile(file))))
          ),
          (segments) => segments.some((segment) => segment.includes("secret"))
        )
        let i = 0
        while (!(yield* put(i++))) yield* Effect.yieldNow
        assert.isTrue(yield* holdsSecrets)
        yield* journal.wipe
        assert.isFalse(yield* holdsSecrets)
        for (let round = 0; round < 40; round++) yield* put(i++)
        assert.isTrue(yield* holdsSecrets)
        yield* journal.close
      })
    )
  )

  it.effect("writes files anew that cannot be flushed, and holds the objects until that is done", () =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* folder
        yield* Effect.promise(() => fs.mkdir(join(path, "c")))
        const options = { root: path, maxBytes: 2 * SEGMENT_BYTES, boot: "boot", own: "own" }
        const journal = new Journal(options, new Folders(), yield* Effect.scope)
        const soon = Effect.promise(() => new Promise<void>((resolve) => setImmediate(resolve)))
        let i = 0
        let lasts = false
        while (!lasts) {
          const file = join(path, "c", `${++i}`)
          // What is written into it is lost, and a flush of it fails.
          const fd = openSync("/dev/null", "w")
          closeSync(openSync(file, "wx"))
          const filed = { folder: join(path, "c"), path: file, fd }
          const bytes = Buffer.from(`whole-${i}`)
          lasts = yield* journal.write(`c/${i}`, filed, [bytes], bytes.byteLength, Effect.void)
          if (!lasts) closeSync(fd)
          yield* soon
        }
        const wiping = yield* Effect.forkChild(journal.wipe)
        const written = Effect.promise(() => fs.readFile(join(path, "c", `${i}`), "utf8"))
        while ((yield* written) === "") {
          yield* TestClock.adjust("5 seconds")
          yield* soon
        }
        assert.strictEqual(yield* written, `whole-${i}`)
        yield* Fiber.join(wiping)
        yield* journal.close
        assert.deepStrictEqual(yield* segmentsOf(path), [])
      })
    ).pipe(Effect.provide(Logger.layer([])))
  )

  it("finds objects behind one that was not written to its end", () => {
    const generation = Buffer.alloc(GENERATION_BYTES, 7)
    const segment = Buffer.alloc(20 * BLOCK)
    encodeGeneration(generation, "boot").copy(segment, 0)
    let at = BLOCK
    for (const [name, length, isWritten] of [
      ["a", 10, true],
      ["b", 9000, false],
      ["c/d", BLOCK, true],
      ["e", 0, true]
    ] as const) {
      const record = Buffer.concat([encodeHeader(generation, name, length), Buffer.alloc(length, name)])
      if (isWritten) record.copy(segment, at)
      at += recordBytes(name, length)
    }
    // Of another generation, and one that would be longer than the segment.
    encodeHeader(Buffer.alloc(GENERATION_BYTES, 8), "f", 10).copy(segment, at)
    encodeHeader(generation, "g", 1e9).copy(segment, at + BLOCK)
    const decoded = decodeSegment(segment)!
    assert.strictEqual(decoded.boot, "boot")
    assert.deepStrictEqual(
      decoded.objects.map(({ bytes, name }) => [name, bytes.byteLength]),
      [
        ["a", 10],
        ["c/d", BLOCK],
        ["e", 0]
      ]
    )
    assert.isUndefined(decodeSegment(Buffer.alloc(BLOCK)))
  })
})
