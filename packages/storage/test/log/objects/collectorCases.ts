import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { ObjectStoreRefused } from "../../../src/port/ObjectStore.ts"
import { Fenced } from "../../../src/port/StoreError.ts"
import type { Port } from "../../../src/testing/storeScenarios.ts"
import { DAY_MS, MINUTE_MS, ME, objectsUnderTest, OTHER } from "./ObjectsUnderTest.ts"
import type { ObjectsUnderTest } from "./ObjectsUnderTest.ts"

const lost = new Fenced({ message: "the session is gone" })

/** What a collector takes away and what not, over any backend. */
export const collectorCases = (name: string, open: Effect.Effect<Port, unknown, Scope.Scope>): void => {
  const scenario = (title: string, body: (world: ObjectsUnderTest) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
    it.live(title, () => Effect.scoped(Effect.flatMap(Effect.flatMap(open, objectsUnderTest), body)))
  const unusedIds = (world: ObjectsUnderTest) =>
    Effect.map(world.rows.unused(1n << 60n, 99), (rows) => rows.map(({ objectId }) => objectId))

  describe(`the collector over ${name}`, () => {
    scenario("removes what is unused, after its delay, and then its row", (world) =>
      Effect.gen(function* () {
        const objects = [yield* world.used(), yield* world.used(), yield* world.used()]
        yield* world.emptied()
        const kept = yield* world.used()
        const collecting = world.collecting()
        yield* world.round(collecting)
        assert.deepStrictEqual(yield* unusedIds(world), [])
        world.later(71 * MINUTE_MS)
        yield* world.round(collecting)
        assert.deepStrictEqual(
          yield* unusedIds(world),
          objects.map(({ objectId }) => objectId)
        )
        world.later(7 * DAY_MS - MINUTE_MS)
        yield* world.round(collecting)
        assert.strictEqual(world.names.length, 4)
        world.later(2 * MINUTE_MS)
        yield* world.round(collecting)
        assert.deepStrictEqual(world.names, [kept.name])
        assert.deepStrictEqual(yield* world.rows.totals, { objects: 1, bytes: 100, unusedObjects: 0, unusedBytes: 0 })
        const { objectBytesRemoved, objectsRemoved, objectsUnused } = world.counts
        assert.deepStrictEqual(
          { objectsRemoved, objectsUnused, objectBytesRemoved },
          {
            objectsRemoved: 3,
            objectsUnused: 3,
            objectBytesRemoved: 300
          }
        )
      })
    )

    scenario(
      "leaves a young object of its own to the units that may still point to it, whatever the wall clock says",
      (world) =>
        Effect.gen(function* () {
          const { objectId } = yield* world.used()
          yield* world.emptied()
          const orphan = yield* world.put()
          const collecting = world.collecting()
          yield* world.round(collecting)
          yield* world.sweep(collecting)
          world.wallMs += 30 * DAY_MS
          yield* world.round(collecting)
          yield* world.sweep(collecting)
          assert.deepStrictEqual(yield* unusedIds(world), [])
          assert.strictEqual(world.names.length, 2)
          world.later(2 * DAY_MS)
          yield* world.round(collecting)
          yield* world.sweep(collecting)
          assert.deepStrictEqual(yield* unusedIds(world), [objectId])
          assert.isFalse(world.names.includes(orphan))
        })
    )

    scenario("waits for no clock of its own with an object of a process that does not write any more", (world) =>
      Effect.gen(function* () {
        const { objectId } = yield* world.used(OTHER)
        yield* world.emptied()
        world.wallMs += 71 * MINUTE_MS
        yield* world.round(world.collecting())
        assert.deepStrictEqual(yield* unusedIds(world), [objectId])
      })
    )

    scenario("passes an object over to which a batch points between the look and the commit", (world) =>
      Effect.gen(function* () {
        const { name, objectId } = yield* world.used(OTHER)
        yield* world.emptied()
        world.later(71 * MINUTE_MS)
        const rows = {
          ...world.rows,
          inUse: (after: bigint, limit: number) =>
            Effect.tap(world.rows.inUse(after, limit), () =>
              after === 0n ? Effect.orDie(world.committer.write(world.pointing(name, objectId))) : Effect.void
            )
        }
        yield* world.round(world.collecting(rows))
        assert.deepStrictEqual(yield* unusedIds(world), [])
        world.later(8 * DAY_MS)
        yield* world.round(world.collecting())
        assert.deepStrictEqual(world.names, [name])
      })
    )

    scenario("removes nothing that a batch points to, though it was noted as unused", (world) =>
      Effect.gen(function* () {
        const [first, second] = [yield* world.used(OTHER), yield* world.used(OTHER)]
        yield* world.emptied()
        world.later(71 * MINUTE_MS)
        const collecting = world.collecting()
        yield* world.round(collecting)
        assert.strictEqual((yield* unusedIds(world)).length, 2)
        yield* world.committer.write(world.pointing(first.name, first.objectId))
        // No unit points to an object without bringing it; if one did, nothing would be lost either.
        yield* world.committer.write(world.pointing(second.name, second.objectId).slice(1))
        world.later(8 * DAY_MS)
        yield* world.round(collecting)
        assert.strictEqual(world.names.length, 2)
      })
    )

    scenario("removes nothing for a database that does not own the objects", (world) =>
      Effect.gen(function* () {
        yield* world.used(OTHER)
        const orphan = yield* world.put(OTHER, world.nowMs - 3 * DAY_MS)
        yield* world.emptied()
        world.later(71 * MINUTE_MS)
        const collecting = world.collecting()
        yield* world.round(collecting)
        world.isOwner = false
        world.later(8 * DAY_MS)
        assert.strictEqual(yield* Effect.flip(world.round(collecting)), "Ended")
        assert.strictEqual(yield* Effect.flip(world.sweep(collecting)), "Ended")
        assert.strictEqual(world.names.length, 2)
        world.isOwner = true
        yield* world.round(collecting)
        yield* world.sweep(collecting)
        assert.deepStrictEqual(world.names, [])
        assert.isTrue(orphan.includes(OTHER))
      })
    )

    scenario("sweeps what no row knows for a day: a put that failed, or that came late", (world) =>
      Effect.gen(function* () {
        const { name: known } = yield* world.used()
        const young = yield* world.put(OTHER, world.nowMs - DAY_MS + MINUTE_MS)
        yield* world.put(OTHER, world.nowMs - DAY_MS - MINUTE_MS)
        yield* world.put(OTHER, world.nowMs - 9 * DAY_MS)
        yield* world.put(OTHER, world.nowMs - 9 * DAY_MS)
        const foreign = [`${world.clusterId}/owner`, `${world.clusterId}/notes.txt`, "another/owner"]
        for (const each of foreign) yield* world.store.put(each, [])
        const collecting = world.collecting()
        yield* world.sweep(collecting)
        assert.deepStrictEqual(world.names, [known, young, ...foreign].sort())
        assert.strictEqual(world.counts.objectOrphansRemoved, 3)
        // It comes as late as it likes: no unit waits for it any more.
        world.later(2 * DAY_MS)
        const late = yield* world.put(ME, world.nowMs - 2 * DAY_MS)
        yield* world.sweep(collecting)
        assert.isTrue(world.names.includes(late))
        world.later(71 * MINUTE_MS)
        yield* world.sweep(collecting)
        assert.deepStrictEqual(world.names, [known, ...foreign].sort())
      })
    )

    scenario("goes on beside an object that the store does not give up", (world) =>
      Effect.gen(function* () {
        const objects = [yield* world.used(OTHER), yield* world.used(OTHER), yield* world.used(OTHER)]
        yield* world.emptied()
        world.later(71 * MINUTE_MS)
        const stubborn = objects[0]!.name
        const store = {
          ...world.store,
          remove: (name: string) =>
            name === stubborn ? Effect.fail(new ObjectStoreRefused({ message: "locked" })) : world.store.remove(name)
        }
        const collecting = world.collecting(world.rows, store)
        yield* world.round(collecting)
        world.later(8 * DAY_MS)
        for (let i = 0; i < 3; i++) {
          const failure = yield* Effect.flip(world.round(collecting))
          assert.strictEqual(failure === "Ended" ? failure : failure.message, "locked")
        }
        assert.deepStrictEqual(world.names, [stubborn])
        assert.strictEqual((yield* world.rows.totals).objects, 1)
      })
    )

    scenario("ends when the reign does", (world) =>
      Effect.gen(function* () {
        const { name } = yield* world.used(OTHER)
        yield* world.emptied()
        world.later(71 * MINUTE_MS)
        const collecting = world.collecting()
        yield* world.round(collecting)
        world.later(8 * DAY_MS)
        const rows = {
          ...world.rows,
          unused: (before: bigint, limit: number) =>
            Effect.tap(world.rows.unused(before, limit), () =>
              Effect.andThen(world.active.failed(lost, world.active.reign()!), world.active.whenReigning)
            )
        }
        const failure = yield* Effect.flip(world.round(world.collecting(rows)))
        assert.strictEqual(failure, "Ended")
        assert.deepStrictEqual(world.names, [name])
        yield* world.round(collecting)
        assert.deepStrictEqual(world.names, [])
      })
    )
  })
}
