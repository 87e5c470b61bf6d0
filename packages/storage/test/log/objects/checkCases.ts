import * as RecordBatch from "@tusk/protocol/record/RecordBatch"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { checkObjects } from "../../../src/log/objects/checkObjects.ts"
import type { ObjectTrouble } from "../../../src/log/objects/checkObjects.ts"
import { objectName } from "../../../src/log/objects/ObjectNames.ts"
import type { ObjectRows } from "../../../src/port/ObjectRows.ts"
import { Write } from "../../../src/port/Write.ts"
import type { Port } from "../../../src/testing/storeScenarios.ts"
import { DAY_MS, ME, objectsUnderTest } from "./ObjectsUnderTest.ts"
import type { ObjectsUnderTest } from "./ObjectsUnderTest.ts"

/** As a producer sends it: of so many records. */
const batchOf = (records: number): Uint8Array =>
  RecordBatch.encodeBatch(
    Array.from({ length: records }, (_, i) => ({ offset: BigInt(i), timestamp: 7n, value: Buffer.from(`value ${i}`) })),
    { baseOffset: 0n }
  )

/** Puts batches into one object, behind each other, and commits them. */
const stored = Effect.fnUntraced(function* (
  world: ObjectsUnderTest,
  objectId: bigint,
  batches: ReadonlyArray<Uint8Array>,
  mark: (bytes: Uint8Array) => void = () => {},
  /** As much longer than it is its row says. */
  beyond = 0
) {
  const timeMs = Date.now() - 3 * DAY_MS
  const name = objectName(world.clusterId, { incarnation: ME, timeMs, number: Number(objectId) })
  let position = 0
  const appends = batches.map((batch) => {
    const append = world.model.append({ records: RecordBatch.recordCount(batch), bytes: batch.byteLength })
    const pointing = { ...append, records: batch, stored: { objectId, position } }
    position += batch.byteLength
    return pointing
  })
  const chunks = batches.map((batch) => Uint8Array.from(batch))
  chunks.forEach(mark)
  yield* world.store.put(name, chunks)
  const object = Write.PutObject({ objectId, name, bytes: position + beyond, createdAt: BigInt(timeMs), merged: false })
  yield* world.committer.write([object, ...appends])
  return { name, bytes: position, positions: appends.map(({ stored: at }) => at.position) }
})

export const checkCases = (name: string, open: Effect.Effect<Port, unknown, Scope.Scope>): void => {
  const scenario = (title: string, body: (world: ObjectsUnderTest) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
    it.live(title, () => Effect.scoped(Effect.flatMap(Effect.flatMap(open, objectsUnderTest), body)))
  const check = Effect.fnUntraced(function* (
    world: ObjectsUnderTest,
    isDeep = true,
    { rows = world.rows, grows = false }: { readonly rows?: ObjectRows; readonly grows?: boolean } = {}
  ) {
    const troubles: Array<ObjectTrouble> = []
    const checked = yield* checkObjects({
      clusterId: world.clusterId,
      rows,
      store: grows ? world.store : { ...world.store, grow: undefined },
      isDeep,
      orphansBefore: Date.now() - DAY_MS,
      found: (trouble) => Effect.sync(() => void troubles.push(trouble))
    })
    assert.strictEqual(checked.troubles, troubles.length)
    return { ...checked, troubles }
  })
  const kinds = (troubles: ReadonlyArray<ObjectTrouble>) =>
    troubles.map(({ kind, offset, partitionId }) => [kind, partitionId, offset])

  describe(`the check of objects over ${name}`, () => {
    scenario("finds nothing wrong where all is well, whatever lies beside", (world) =>
      Effect.gen(function* () {
        yield* stored(world, 1n, [batchOf(1), batchOf(3), batchOf(500)])
        // Marked for LogAppendTime before it was put: the checksum is that of before.
        yield* stored(world, 2n, [batchOf(2)], (bytes) => void (bytes[RecordBatch.ATTRIBUTES_AT + 1]! |= 8))
        yield* world.store.put(`${world.clusterId}/owner`, [])
        yield* world.put()
        const { batches, bytes, objects, troubles } = yield* check(world)
        assert.deepStrictEqual(troubles, [])
        assert.deepStrictEqual([objects, batches], [2, 4])
        assert.isAbove(bytes, 2000)
      })
    )

    scenario("finds an object that is missing, with the first batch that points to it", (world) =>
      Effect.gen(function* () {
        const { name } = yield* stored(world, 1n, [batchOf(1), batchOf(3)])
        yield* stored(world, 2n, [batchOf(1)])
        yield* world.store.remove(name)
        const { troubles } = yield* check(world, false)
        assert.deepStrictEqual(kinds(troubles), [["missing", 1, 0n]])
        assert.strictEqual(troubles[0]!.name, name)
      })
    )

    scenario("finds an object that is too short, and bytes that are not the batch", (world) =>
      Effect.gen(function* () {
        const { name, positions } = yield* stored(world, 1n, [batchOf(1), batchOf(3), batchOf(5), batchOf(7)])
        const whole = world.data.objects.get(name)!
        const cut = whole.slice(0, -1)
        cut[positions[1]! + 70]! ^= 1
        world.data.objects.set(name, cut)
        assert.deepStrictEqual(kinds((yield* check(world, false)).troubles), [
          ["size", null, null],
          ["short", 1, 9n]
        ])
        const { troubles } = yield* check(world)
        assert.deepStrictEqual(kinds(troubles.slice(1)), [
          ["short", 1, 9n],
          ["damaged", 1, 1n]
        ])
        assert.match(troubles[2]!.seen, /checksum/)
      })
    )

    scenario("takes an object that may have grown for no longer than its row says, and lets it be shorter", (world) =>
      Effect.gen(function* () {
        const { name } = yield* stored(world, 1n, [batchOf(1), batchOf(3)], () => {}, 50)
        const whole = world.data.objects.get(name)!
        assert.deepStrictEqual((yield* check(world, true, { grows: true })).troubles, [])
        world.data.objects.set(name, Buffer.concat([whole, new Uint8Array(51)]))
        assert.deepStrictEqual(kinds((yield* check(world, false, { grows: true })).troubles), [["size", null, null]])
        world.data.objects.set(name, whole.slice(0, -1))
        assert.deepStrictEqual(kinds((yield* check(world, false, { grows: true })).troubles), [["short", 1, 1n]])
      })
    )

    scenario("finds a batch in the place of another one", (world) =>
      Effect.gen(function* () {
        const { positions } = yield* stored(world, 1n, [batchOf(3), batchOf(4), batchOf(4)])
        const [, second, third] = positions as [number, number, number]
        const moved = { baseOffset: 7n, from: 1n, to: { objectId: 1n, position: second }, bytes: third - second }
        yield* world.committer.write([Write.MoveBatches({ partitionId: 1, batches: [moved] })])
        assert.deepStrictEqual(kinds((yield* check(world)).troubles), [["overlap", 1, 7n]])
        const wrong = { ...moved, baseOffset: 0n, bytes: second }
        yield* world.committer.write([Write.MoveBatches({ partitionId: 1, batches: [wrong] })])
        const { troubles } = yield* check(world)
        assert.includeDeepMembers(kinds(troubles), [["damaged", 1, 0n]])
      })
    )

    scenario("finds what no row knows, and rows that know nothing", (world) =>
      Effect.gen(function* () {
        yield* stored(world, 1n, [batchOf(1)])
        const { name } = yield* stored(world, 2n, [])
        yield* stored(world, 3n, [batchOf(1)])
        const { name: unused } = yield* stored(world, 4n, [])
        yield* world.committer.write([Write.PutUnusedObjects({ objectIds: [4n], unusedSince: 1n })])
        yield* world.store.remove(name)
        yield* world.store.remove(unused)
        const lost = objectName(world.clusterId, { incarnation: ME, timeMs: Date.now() - 2 * DAY_MS, number: 99 })
        yield* world.store.put(lost, [Buffer.from("abc")])
        yield* world.committer.write([Write.DropObject({ objectId: 3n })])
        const { troubles } = yield* check(world)
        assert.deepStrictEqual(troubles.map(({ kind }) => kind).sort(), ["gone", "orphan", "orphan", "unknown"])
        const unknown = troubles.find(({ kind }) => kind === "unknown")!
        assert.deepStrictEqual([unknown.objectId, unknown.partitionId, unknown.offset], [3n, 1, 1n])
        assert.include(
          troubles.map((trouble) => trouble.name),
          lost
        )
      })
    )

    scenario("looks again at what came, or went, while it looked", (world) =>
      Effect.gen(function* () {
        yield* stored(world, 1n, [batchOf(1)])
        const { name } = yield* stored(world, 2n, [])
        // Rows come behind the list, and one goes behind the rows.
        const rows: ObjectRows = {
          ...world.rows,
          byName: (after, limit) =>
            Effect.gen(function* () {
              const page = yield* world.rows.byName(after, limit)
              if (after !== "") return page
              yield* Effect.orDie(world.store.remove(name))
              yield* Effect.orDie(world.committer.write([Write.DropObject({ objectId: 2n })]))
              yield* Effect.orDie(stored(world, 5n, [batchOf(2)]))
              return page
            })
        }
        assert.deepStrictEqual((yield* check(world, true, { rows })).troubles, [])
      })
    )
  })
}
