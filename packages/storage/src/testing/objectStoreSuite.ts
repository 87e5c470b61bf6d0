import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { ObjectStore } from "../port/ObjectStore.ts"
import { growCases } from "./growCases.ts"
import { assertSame, bytesOf, chunked, tagOf } from "./objectScenario.ts"
import type { Scenario } from "./objectScenario.ts"
import { taggedCases } from "./taggedCases.ts"

/** A store to be tested. */
export interface ObjectBackend {
  /** Whether its objects grow. */
  readonly grows?: boolean
  /** A place without objects. Each time it is opened it is so by another process, as far as a store can tell. */
  readonly place: Effect.Effect<Effect.Effect<ObjectStore, unknown, Scope.Scope>, unknown, Scope.Scope>
}

const MEBIBYTE = 1 << 20

/** All pages. */
const listAll = Effect.fnUntraced(function* (store: ObjectStore, prefix: string) {
  const names: Array<string> = []
  for (;;) {
    const page = yield* store.list(prefix, names.at(-1))
    if (page.length === 0) return names
    names.push(...page.map(({ name }) => name))
  }
})

/** Names that no store may take. What is left open: a name that is the folder of another one, and one that is put both with a tag and without. */
const BAD_NAMES = [
  "",
  "/a",
  "a/",
  "a//b",
  "..",
  "../a",
  "a/../b",
  "a/..",
  "./a",
  "a/./b",
  "a b",
  "a%2e",
  "ä",
  "a\n",
  "a\\b",
  "a@1",
  "a~",
  "x".repeat(513)
]

const putCases = (scenario: Scenario): void => {
  scenario("a store may be used, and says so each time", (store) =>
    Effect.gen(function* () {
      yield* store.probe
      yield* store.probe
      assert.deepStrictEqual(yield* store.list("", undefined), [])
    })
  )

  scenario("what was put is what is got, in any range, by another process too", (store, open) =>
    Effect.gen(function* () {
      const bytes = bytesOf(100_000)
      yield* store.put("c/a/1", chunked(bytes, 7777))
      for (const each of [store, yield* open]) {
        for (const [from, to] of [
          [0, 100_000],
          [0, 1],
          [99_999, 100_000],
          [4096, 8192],
          [5, 77_777],
          [500, 500]
        ] as const) {
          assertSame(yield* each.get("c/a/1", from, to), bytes.subarray(from, to))
        }
      }
    })
  )

  scenario("an answer is the caller's own", (store) =>
    Effect.gen(function* () {
      yield* store.put("a", [bytesOf(1000)])
      ;(yield* store.get("a", 0, 1000)).fill(0)
      assertSame(yield* store.get("a", 0, 1000), bytesOf(1000))
    })
  )

  scenario("chunks are free once it returned", (store) =>
    Effect.gen(function* () {
      const chunk = bytesOf(1000)
      yield* store.put("a", [chunk])
      chunk.fill(0)
      assertSame(yield* store.get("a", 0, 1000), bytesOf(1000))
    })
  )
}

const sizeCases = (scenario: Scenario): void => {
  scenario("an object may be empty: of no chunk, or of empty ones", (store) =>
    Effect.gen(function* () {
      yield* store.put("none", [])
      yield* store.put("empty", [new Uint8Array(0), new Uint8Array(0)])
      assertSame(yield* store.get("none", 0, 0), new Uint8Array(0))
      assert.deepStrictEqual(yield* store.list("", undefined), [
        { name: "empty", bytes: 0 },
        { name: "none", bytes: 0 }
      ])
    })
  )

  scenario("an object may be large, and have many chunks", (store) =>
    Effect.gen(function* () {
      const bytes = bytesOf(40 * MEBIBYTE + 3)
      yield* store.put("large", chunked(bytes, 10_000))
      assertSame(yield* store.get("large", 0, bytes.byteLength), bytes)
      assertSame(
        yield* store.get("large", 33 * MEBIBYTE - 5, 33 * MEBIBYTE + 5),
        bytes.subarray(33 * MEBIBYTE - 5, 33 * MEBIBYTE + 5)
      )
    })
  )

  scenario("chunks may be views of one memory, in any order", (store) =>
    Effect.gen(function* () {
      const memory = bytesOf(64)
      yield* store.put("a", [memory.subarray(32), memory.subarray(0, 32)])
      assertSame(yield* store.get("a", 0, 64), Buffer.concat([memory.subarray(32), memory.subarray(0, 32)]))
    })
  )

  scenario("nobody gets bytes beyond the end", (store) =>
    Effect.gen(function* () {
      yield* store.put("a", [bytesOf(1000)])
      assert.strictEqual(tagOf(yield* Effect.exit(store.get("a", 0, 1001))), "ObjectStoreRefused")
      assert.strictEqual(tagOf(yield* Effect.exit(store.get("a", 2000, 2001))), "ObjectStoreRefused")
    })
  )

  scenario("an object that is not there is missing", (store) =>
    Effect.gen(function* () {
      assert.strictEqual(tagOf(yield* Effect.exit(store.get("a", 0, 1))), "ObjectMissing")
      yield* store.put("a/b", [bytesOf(1)])
      assert.strictEqual(tagOf(yield* Effect.exit(store.get("a", 0, 1))), "ObjectMissing")
      assert.strictEqual(tagOf(yield* Effect.exit(store.get("a/b/c", 0, 1))), "ObjectMissing")
    })
  )
}

const nameCases = (scenario: Scenario): void => {
  scenario("no name is given twice, whoever gave it first", (store, open) =>
    Effect.gen(function* () {
      yield* store.put("a", [bytesOf(10, 1)])
      for (const each of [store, yield* open]) {
        assert.strictEqual(tagOf(yield* Effect.exit(each.put("a", [bytesOf(10, 2)]))), "ObjectExists")
      }
      assertSame(yield* store.get("a", 0, 10), bytesOf(10, 1))
    })
  )

  scenario("of many that put one name at once, one does", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      const exits = yield* Effect.forEach(
        Array.from({ length: 16 }, (_, i) => i),
        (i) => Effect.exit((i % 2 === 0 ? store : other).put("c/a", [bytesOf(20_000, i)])),
        { concurrency: "unbounded" }
      )
      const winners = exits.flatMap((exit, i) => (Exit.isSuccess(exit) ? [i] : []))
      assert.strictEqual(winners.length, 1)
      assert.deepStrictEqual(new Set(exits.map(tagOf)), new Set(["Success", "ObjectExists"]))
      assertSame(yield* store.get("c/a", 0, 20_000), bytesOf(20_000, winners[0]!))
    })
  )

  scenario("what is no name is refused", (store) =>
    Effect.gen(function* () {
      for (const name of BAD_NAMES) {
        const calls: ReadonlyArray<Effect.Effect<unknown, { readonly _tag: string }>> = [
          store.put(name, [bytesOf(1)]),
          store.get(name, 0, 1),
          store.remove(name),
          store.readTagged(name),
          store.replaceTagged(name, undefined, bytesOf(1))
        ]
        for (const call of calls) {
          assert.strictEqual(tagOf(yield* Effect.exit(call)), "ObjectStoreRefused", name)
        }
      }
      assert.deepStrictEqual(yield* store.list("", undefined), [])
    })
  )

  scenario("a name may have all that the port allows, and all its length", (store) =>
    Effect.gen(function* () {
      const names = [
        "A",
        "a-b_c.d",
        "...",
        "-",
        "0/1/2/3/4/5/6/7",
        "x/.hidden",
        "a.b/c..d",
        `${"x".repeat(127)}/`.repeat(3) + "y".repeat(128)
      ]
      for (const [i, name] of names.entries()) yield* store.put(name, [bytesOf(10, i)])
      for (const [i, name] of names.entries()) assertSame(yield* store.get(name, 0, 10), bytesOf(10, i))
      assert.deepStrictEqual(yield* listAll(store, ""), names.toSorted())
    })
  )
}

const listCases = (scenario: Scenario): void => {
  const NAMES = [
    "a-b",
    "a.b",
    "a/b",
    "a/b-c",
    "a/c/d",
    "a0",
    "abcdef-1",
    "abcdef/1",
    "abcdefg",
    "abcdefgh/1",
    "abcdefgi",
    "b/2024",
    "b/20240101-1",
    "b/20240101-10",
    "b/20240101-2",
    "b/20240102-1",
    "b/20250101-1",
    "Z"
  ].toSorted()

  scenario("is in order of bytes, by prefix, after a name", (store, open) =>
    Effect.gen(function* () {
      for (const name of NAMES.toReversed()) yield* store.put(name, [bytesOf(name.length)])
      for (const each of [store, yield* open]) {
        for (const prefix of ["", "a", "a/", "a/b", "abcdef", "abcdefg", "b/", "b/2024", "b/20240101-1", "c", "a-b-"]) {
          for (const after of [
            undefined,
            "",
            "0",
            "a",
            "a/",
            "a/b",
            "a/b-",
            "abcdef",
            "abcdef/",
            "abcdefgh/1",
            "b/20240101-1",
            "b/20240101-10",
            "zz"
          ]) {
            assert.deepStrictEqual(
              yield* each.list(prefix, after),
              NAMES.filter((name) => name.startsWith(prefix) && (after === undefined || name > after)).map((name) => ({
                name,
                bytes: name.length
              })),
              `${prefix} ${after}`
            )
          }
        }
      }
    })
  )

  scenario("tells at most 1,000 at a time, and goes on after the last of them", (store) =>
    Effect.gen(function* () {
      const names = Array.from({ length: 1203 }, (_, i) => `c/${i % 3}/${(i * 7919) % 100_000}-${i}`).toSorted()
      yield* Effect.forEach(names, (name) => store.put(name, [bytesOf(1)]), { concurrency: 8, discard: true })
      assert.deepStrictEqual(
        (yield* store.list("c/", undefined)).map(({ name }) => name),
        names.slice(0, 1000)
      )
      assert.deepStrictEqual(yield* listAll(store, "c/"), names)
      assert.deepStrictEqual(
        yield* listAll(store, "c/1/"),
        names.filter((name) => name.startsWith("c/1/"))
      )
    })
  )
}

const removalCases = (scenario: Scenario): void => {
  scenario("takes an object away, and no other; what is not there is no failure", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      for (const name of ["c/aaaaaaa1", "c/aaaaaaa2", "d"]) yield* store.put(name, [bytesOf(10)])
      assertSame(yield* store.get("c/aaaaaaa1", 0, 10), bytesOf(10))
      yield* store.remove("c/aaaaaaa1")
      yield* store.remove("c/aaaaaaa1")
      yield* other.remove("c")
      yield* other.remove("never/there")
      yield* other.remove("d/e")
      assert.strictEqual(tagOf(yield* Effect.exit(store.get("c/aaaaaaa1", 0, 10))), "ObjectMissing")
      assert.strictEqual(tagOf(yield* Effect.exit(other.get("c/aaaaaaa1", 0, 10))), "ObjectMissing")
      assert.deepStrictEqual(yield* listAll(store, ""), ["c/aaaaaaa2", "d"])
      yield* other.remove("c/aaaaaaa2")
      yield* store.put("c/aaaaaaa3", [bytesOf(10)])
      assert.deepStrictEqual(yield* listAll(other, ""), ["c/aaaaaaa3", "d"])
    })
  )

  scenario("puts beside removals are not lost", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      yield* Effect.forEach(
        Array.from({ length: 60 }, (_, i) => i),
        (i) =>
          Effect.andThen(
            store.put(`c/aaaaaaaa-${i}`, [bytesOf(10, i)]),
            i % 3 === 0 ? Effect.void : other.remove(`c/aaaaaaaa-${i}`)
          ),
        { concurrency: 6, discard: true }
      )
      const kept = Array.from({ length: 20 }, (_, i) => i * 3)
      assert.deepStrictEqual(yield* listAll(store, ""), kept.map((i) => `c/aaaaaaaa-${i}`).toSorted())
      for (const i of kept) assertSame(yield* other.get(`c/aaaaaaaa-${i}`, 0, 10), bytesOf(10, i))
    })
  )
}

const concurrentCases = (scenario: Scenario): void => {
  scenario("calls of all kinds run side by side", (store, open) =>
    Effect.gen(function* () {
      const other = yield* open
      const workers = Array.from({ length: 8 }, (_, i) => i)
      yield* Effect.forEach(
        workers,
        Effect.fnUntraced(function* (worker: number) {
          for (let i = 0; i < 12; i++) {
            const name = `c/w${worker}/${String(i).padStart(9, "0")}-${i}`
            const bytes = bytesOf(1000 * (i + 1), worker * 100 + i)
            yield* store.put(name, chunked(bytes, 999))
            assertSame(yield* other.get(name, 0, bytes.byteLength), bytes)
            assertSame(yield* store.get(name, 10, 20), bytes.subarray(10, 20))
            if (i % 2 === 1) yield* other.remove(name)
            assert.strictEqual((yield* store.list(`c/w${worker}/`, undefined)).length, Math.ceil((i + 1) / 2))
          }
        }),
        { concurrency: "unbounded", discard: true }
      )
      assert.strictEqual((yield* listAll(store, "c/")).length, 48)
    })
  )
}

/** States what each member of the port has to do; every object store passes all of it. */
export const objectStoreSuite = (title: string, { grows = false, place }: ObjectBackend): void => {
  const scenario: Scenario = (what, run) => {
    it.live(what, () =>
      Effect.scoped(
        Effect.gen(function* () {
          const open = yield* place
          yield* run(yield* open, open)
        })
      )
    )
  }

  describe(`ObjectStore: ${title}`, () => {
    describe("put and get", () => {
      putCases(scenario)
      sizeCases(scenario)
    })
    describe("names", () => nameCases(scenario))
    describe("list", () => listCases(scenario))
    describe("remove", () => removalCases(scenario))
    describe("tagged objects", () => taggedCases(scenario))
    concurrentCases(scenario)
    if (grows) describe("objects that grow", () => growCases(scenario))
  })
}
