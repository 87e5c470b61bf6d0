import { assert, describe, it } from "@effect/vitest"
import { isKafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Fenced } from "../../../src/port/StoreError.ts"
import type { StoreBackend } from "../../../src/testing/storeScenarios.ts"
import { batchOf } from "../batch.ts"
import { baseOffsets, TieredWorld, withTiers } from "./TieredBroker.ts"
import type { TieredBroker } from "./TieredBroker.ts"

const HOUR = 3_600_000
const BATCH = batchOf({ records: 2 }).byteLength

/** Batches of two records each, an hour apart, the newest of now. */
const hourly = (count: number) => {
  const nowMs = Date.now()
  return Array.from({ length: count }, (_, i) =>
    batchOf({ records: 2, timestamp: BigInt(nowMs - (count - 1 - i) * HOUR) })
  )
}

type Start = <A, E>(test: (broker: TieredBroker) => Effect.Effect<A, E>) => Effect.Effect<A, unknown>

/** What moves of tiered topics, and what is read of them then: of every backend. */
export const tieringCases = (name: string, backend: StoreBackend): void => {
  /** `start` starts a broker on what the one before it has left. */
  const scenario = (
    title: string,
    body: (start: Start, world: TieredWorld) => Effect.Effect<unknown, unknown, Scope.Scope>
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const world = new TieredWorld()
        yield* body((test) => Effect.scoped(Effect.flatMap(open, (port) => withTiers(port, world, test))), world)
      })
    )

  describe(`tiers on ${name}`, () => {
    scenario("old batches move, and are read as before, across the seam in one answer", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, inObjects, log, partitions, places, read, tiering }) {
          const [id] = yield* partitions("t")
          yield* append(id!, ...hourly(6))
          const before = yield* read(id!)
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 0, 12])
          world.moves("t", { localMs: 2.5 * HOUR })
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 6, 12])
          assert.deepStrictEqual(yield* inObjects(id!), [true, true, true, false, false, false])
          assert.strictEqual(world.objects.objects.size, 1)
          assert.deepStrictEqual(yield* read(id!), before)
          assert.deepStrictEqual(baseOffsets(yield* read(id!, 5n, 2 * BATCH)), [4, 6])
          assert.deepStrictEqual([world.counts.tieredBatches, world.counts.tieredBytes], [3, 3 * BATCH])
          assert.strictEqual(world.counts.tierLagBytes, 0)
          // By time, in the part that has moved, at the seam and behind it.
          for (const [hoursAgo, offset] of [
            [4.5, 2],
            [3, 4],
            [2.9, 6],
            [0.5, 10]
          ] as const) {
            const found = yield* log.findByTimestamp(id!, BigInt(Math.floor(Date.now() - hoursAgo * HOUR - 60_000)))
            assert.strictEqual(Number(found?.offset), offset, `${hoursAgo} hours ago`)
          }
        })
      )
    )

    scenario("what is too much moves, but never the newest batch", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, partitions, places, tiering }) {
          const [id] = yield* partitions("t")
          world.moves("t", { localBytes: 2 * BATCH })
          yield* append(id!, ...hourly(1))
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 0, 2])
          yield* append(id!, ...hourly(4))
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 6, 10])
          world.moves("t", { localBytes: 0 })
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 8, 10])
          yield* append(id!, ...hourly(1))
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 10, 12])
        })
      )
    )

    scenario("objects hold several partitions, in order, and no more than they may", (start, world) => {
      world.options = { ...world.options, objectBatches: 5, bytesPerCommit: 2 * BATCH }
      return start(
        Effect.fnUntraced(function* ({ append, partitions, places, port, read, tiering }) {
          const ids = yield* partitions("t", 3)
          const [other] = yield* partitions("untiered")
          for (const id of [...ids, other!]) yield* append(id, ...hourly(4))
          const before = yield* Effect.forEach(ids, (id) => read(id))
          world.moves("t", { localBytes: 0 })
          yield* tiering.check
          for (const [i, id] of ids.entries()) {
            assert.deepStrictEqual(yield* places(id), [0, 6, 8])
            assert.deepStrictEqual(yield* read(id), before[i])
          }
          assert.deepStrictEqual(yield* places(other!), [0, 0, 8])
          const [full, rest] = yield* port.objects!.byName("", 10)
          assert.deepStrictEqual(
            [full, rest].map((object) => [object!.bytes, object!.merged]),
            [
              [5 * BATCH, true],
              [4 * BATCH, false]
            ]
          )
          const found = yield* port.objects!.batchesOf(full!.objectId, undefined, 10)
          assert.deepStrictEqual(
            found.map(({ baseOffset, partitionId, position }) => [partitionId, Number(baseOffset), position]),
            [
              [ids[0], 0, 0],
              [ids[0], 2, BATCH],
              [ids[0], 4, 2 * BATCH],
              [ids[1], 0, 3 * BATCH],
              [ids[1], 2, 4 * BATCH]
            ]
          )
        })
      )
    })

    scenario("a broker that starts anew goes on where the tiers meet", (start, world) =>
      Effect.gen(function* () {
        world.moves("t", { localBytes: 2 * BATCH })
        const before = yield* start(
          Effect.fnUntraced(function* ({ append, partitions, read, tiering }) {
            const [id] = yield* partitions("t")
            yield* append(id!, ...hourly(5))
            yield* tiering.check
            return yield* read(id!)
          })
        )
        yield* start(
          Effect.fnUntraced(function* ({ append, partitions, places, read, tiering }) {
            const [id] = yield* partitions("t")
            assert.deepStrictEqual(yield* places(id!), [0, 6, 10])
            assert.deepStrictEqual(yield* read(id!), before)
            yield* append(id!, ...hourly(1))
            yield* tiering.check
            assert.deepStrictEqual(yield* places(id!), [0, 8, 12])
            assert.strictEqual(world.objects.objects.size, 2)
            assert.deepStrictEqual((yield* read(id!)).slice(0, 5), before)
          })
        )
      })
    )

    scenario("deletion of records takes what has moved as well, and then its object is of no use", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, inObjects, log, partitions, places, port, retention, tiering }) {
          const [id] = yield* partitions("t")
          yield* append(id!, ...hourly(5))
          world.moves("t", { localBytes: 2 * BATCH })
          yield* tiering.check
          yield* log.raiseLogStart(id!, 3n)
          yield* retention.check
          assert.deepStrictEqual(yield* inObjects(id!), [true, true, false, false])
          const isUsed = Effect.map(port.objects!.byName("", 10), (found) => found.map((object) => object.isUsed))
          assert.deepStrictEqual(yield* isUsed, [true])
          yield* log.raiseLogStart(id!, 7n)
          yield* retention.check
          assert.deepStrictEqual(yield* inObjects(id!), [false, false])
          assert.deepStrictEqual(yield* isUsed, [false])
          assert.deepStrictEqual(yield* places(id!), [7, 6, 10])
          yield* append(id!, ...hourly(1))
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [7, 8, 12])
        })
      )
    )

    scenario("a deleted topic leaves nothing that points to objects", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, partitions, port, retention, tiering, topics }) {
          const [id] = yield* partitions("t")
          yield* append(id!, ...hourly(5))
          world.moves("t", { localBytes: 0 })
          yield* tiering.check
          yield* topics.remove(topics.byName("t")!.topicId)
          yield* tiering.check
          yield* retention.sweep
          assert.deepStrictEqual(yield* port.objects!.pointedIds(0n, 10), [])
          assert.strictEqual((yield* port.objects!.byName("", 10)).length, 1)
        })
      )
    )

    scenario("a topic that gives up its second tier loses what lies there, and nothing else", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, inObjects, partitions, places, read, retention, tiering }) {
          const [id, empty] = yield* partitions("t", 2)
          yield* append(id!, ...hourly(5))
          world.moves("t", { localBytes: 2 * BATCH })
          yield* tiering.check
          // It may stay as it is.
          world.policies.delete("t")
          yield* append(id!, ...hourly(2))
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 6, 14])
          world.policies.set("t", { _tag: "Ends" })
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [6, 6, 14])
          assert.deepStrictEqual(yield* places(empty!), [0, 0, 0])
          yield* retention.check
          assert.deepStrictEqual(yield* inObjects(id!), [false, false, false, false])
          assert.deepStrictEqual(baseOffsets(yield* read(id!, 6n)), [6, 8, 10, 12])
          // Once more: nothing has moved since.
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [6, 6, 14])
        })
      )
    )

    scenario("what no transaction has decided stays", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, partitions, places, tiering }) {
          const [id] = yield* partitions("t")
          const transactional = { producerId: 7n, producerEpoch: 0, isTransactional: true }
          yield* append(id!, ...hourly(2))
          yield* append(id!, batchOf({ ...transactional, baseSequence: 0 }), batchOf(), batchOf())
          world.moves("t", { localBytes: 0 })
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 4, 7])
        })
      )
    )

    scenario("while objects cannot be put nothing moves, and then it does", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, partitions, places, tiering }) {
          const [id] = yield* partitions("t")
          yield* append(id!, ...hourly(3))
          world.moves("t", { localBytes: 0 })
          world.isRefused = true
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 0, 6])
          assert.deepStrictEqual([world.counts.tierFailures, world.counts.tierLagBytes], [1, 2 * BATCH])
          world.isRefused = false
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [0, 4, 6])
          assert.deepStrictEqual([world.counts.tierFailures, world.counts.tierLagBytes], [1, 0])
        })
      )
    )

    scenario("what is deleted while it is being put is passed over", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, inObjects, log, partitions, places, read, retention, tiering }) {
          const [id] = yield* partitions("t")
          yield* append(id!, ...hourly(5))
          const before = yield* read(id!)
          world.moves("t", { localBytes: 0 })
          world.beforePut = Effect.andThen(Effect.orDie(log.raiseLogStart(id!, 4n)), retention.check)
          yield* tiering.check
          assert.deepStrictEqual(yield* places(id!), [4, 8, 10])
          assert.deepStrictEqual(yield* inObjects(id!), [true, true, false])
          assert.deepStrictEqual(yield* read(id!, 4n), before.slice(2))
        })
      )
    )

    scenario(
      "what was found to be cold in another reign does not move: what is before it may not have moved",
      (start, world) =>
        start(
          Effect.fnUntraced(function* ({ active, append, inObjects, partitions, places, tiering }) {
            const [id] = yield* partitions("t")
            yield* append(id!, ...hourly(3))
            world.moves("t", { localBytes: 0 })
            world.beforeSizes = Effect.andThen(
              active.failed(new Fenced({ message: "gone" }), active.reign()!),
              active.whenReigning
            )
            yield* tiering.check
            assert.deepStrictEqual(yield* inObjects(id!), [false, false, false])
            assert.deepStrictEqual(yield* places(id!), [0, 0, 6])
            yield* tiering.check
            assert.deepStrictEqual(yield* inObjects(id!), [true, true, false])
            assert.deepStrictEqual(yield* places(id!), [0, 4, 6])
          })
        )
    )

    scenario("what is rewritten goes where the batch before it lay, or into its row if it has to", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ append, inObjects, partitions, places, read, rewriting, tiering }) {
          const [id] = yield* partitions("t")
          yield* append(id!, ...hourly(4))
          world.moves("t", { localBytes: 2 * BATCH })
          yield* tiering.check
          assert.deepStrictEqual(yield* inObjects(id!), [true, true, false, false])
          const before = yield* read(id!)
          const rewrite = (i: number) => {
            const batch = { baseOffset: BigInt(2 * i), records: before[i]! }
            return rewriting.inReign().replacing(id!, 8n, "Erased")([batch])
          }
          yield* rewrite(0)
          yield* rewrite(2)
          assert.deepStrictEqual(yield* inObjects(id!), [true, true, false, false])
          assert.strictEqual(world.objects.objects.size, 2)
          world.isRefused = true
          yield* rewrite(1)
          assert.deepStrictEqual(yield* inObjects(id!), [true, false, false, false])
          assert.deepStrictEqual(yield* read(id!), before)
          assert.deepStrictEqual(yield* places(id!), [0, 4, 8])
        })
      )
    )

    scenario("what was read in another reign does not move", (start, world) =>
      start(
        Effect.fnUntraced(function* ({ active, append, inObjects, log, partitions, read, tiering }) {
          const [id] = yield* partitions("t")
          yield* append(id!, ...hourly(5))
          const before = yield* read(id!)
          world.moves("t", { localBytes: 0 })
          world.beforePut = Effect.asVoid(active.failed(new Fenced({ message: "gone" }), active.reign()!))
          yield* tiering.check
          assert.deepStrictEqual(yield* inObjects(id!), [false, false, false, false, false])
          yield* tiering.check
          assert.deepStrictEqual(yield* inObjects(id!), [true, true, true, true, false])
          const [again] = yield* log.read([{ partitionId: id!, from: 0n, maxBytes: 1 << 20 }], {
            bound: "HighWatermark",
            maxBytes: 1 << 20,
            atLeastOne: true
          })
          assert.deepStrictEqual(
            isKafkaError(again!) ? [] : again!.batches.map((batch) => Uint8Array.from(batch)),
            before
          )
        })
      )
    )
  })
}
