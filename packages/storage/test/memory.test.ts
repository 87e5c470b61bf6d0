import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { NOTHING_TOLD, UNKNOWN } from "../src/port/counters.ts"
import { make, MemoryData } from "../src/memory/MemoryStore.ts"
import { Write } from "../src/port/Write.ts"
import { Model, offset, TOPIC, topicWith } from "../src/testing/storeScenarios.ts"
import { storeSuite } from "../src/testing/storeSuite.ts"
import { randomUuid } from "../src/port/Uuid.ts"

const options = { maxBytes: 64 * 1024 * 1024 }

storeSuite("memory", {
  cluster: Effect.map(randomUuid, (clusterId) => {
    const data = new MemoryData(clusterId)
    return {
      open: Effect.sync(() => make(data, options)),
      failOver: Effect.sync(() => {
        data.timeline = String(Number(data.timeline) + 1).padStart(8, "0")
      })
    }
  })
})

describe("MemoryData", () => {
  it.effect("a copy is what a standby has: nothing of what comes later, and a lock that no store holds", () =>
    Effect.gen(function* () {
      const data = new MemoryData(TOPIC)
      const model = new Model(1)
      const primary = make(data, options)
      const config = (value: string) => Write.PutConfig({ resourceType: 2, resourceName: "t", name: "a", value })
      const member = (memberId: string) => Write.PutGroupMember({ groupId: "g", memberId, value: "1" })
      const told = yield* primary.acquire(NOTHING_TOLD)
      yield* primary.commit([
        topicWith(TOPIC, "t", [1]),
        [model.append(), config("1"), offset("g", 1, 1n), member("a")],
        [Write.PutGroup({ groupId: "g", kind: "consumer", value: "1" })],
        [Write.PutLeaderEpoch({ partitionId: 1, epoch: 1, startOffset: 0n })]
      ])
      const standby = data.copy()
      yield* primary.commit([
        [model.append(), config("2"), offset("g", 1, 2n), offset("h", 1, 2n), member("b")],
        [Write.PutLeaderEpoch({ partitionId: 1, epoch: 2, startOffset: 1n })],
        [Write.PutPartition({ topicId: TOPIC, index: 1, partitionId: 2 }), Write.PutNextProducerId({ next: 9n })],
        topicWith("BBBBBBBBBBBBBBBBBBBBBB", "u", [3]),
        [Write.DeleteBatches({ partitionId: 1, below: 1n, limit: 1 })]
      ])
      standby.timeline = "00000002"
      const promoted = make(standby, options)
      const state = yield* promoted.acquire({ ...NOTHING_TOLD, epoch: told.epoch })
      assert.deepStrictEqual(state.failover, {
        from: { systemIdentifier: "memory", timeline: "00000001", place: UNKNOWN },
        to: { systemIdentifier: "memory", timeline: "00000002", place: UNKNOWN }
      })
      assert.deepStrictEqual(state.topics, [{ topicId: TOPIC, name: "t", partitionIds: [1] }])
      assert.deepStrictEqual(
        state.configs.map(({ value }) => value),
        ["1"]
      )
      const [partition] = yield* promoted.loadPartitions([1, 2, 3])
      assert.strictEqual(partition!.endOffset, 1n)
      assert.strictEqual(partition!.sizeBytes, 100n)
      assert.deepStrictEqual(partition!.leaderEpochs, [{ epoch: 1, startOffset: 0n }])
      assert.deepStrictEqual(
        (yield* promoted.loadOffsets).map((stored) => stored.offset),
        [1n]
      )
      assert.deepStrictEqual(
        (yield* promoted.loadGroups)[0]!.members!.map(({ memberId }) => memberId),
        ["a"]
      )
      // And the other way round.
      yield* promoted.commit([[new Model(1).append(), Write.PutOffset({ ...offset("g", 1, 7n) })].slice(1)])
      assert.deepStrictEqual(
        (yield* primary.loadOffsets).map((stored) => stored.offset),
        [2n, 2n]
      )
    })
  )

  it.effect("tells objects apart to which no batch points any more", () =>
    Effect.gen(function* () {
      const data = new MemoryData(TOPIC)
      const model = new Model(1)
      const store = make(data, options)
      yield* store.acquire(NOTHING_TOLD)
      const object = (objectId: bigint) =>
        Write.PutObject({ objectId, name: `${objectId}`, bytes: 100, createdAt: 5n, merged: false })
      const unused = (unusedSince: bigint) => Write.PutUnusedObjects({ objectIds: [1n, 2n, 9n], unusedSince })
      const told = () => data.objects.all.map(({ objectId, unusedSince }) => [objectId, unusedSince])
      const append = { ...model.append(), stored: { objectId: 1n, position: 0 } }
      yield* store.commit([topicWith(TOPIC, "t", [1]), [object(1n), object(2n), append], [unused(7n)]])
      assert.deepStrictEqual(told(), [
        [1n, null],
        [2n, 7n]
      ])
      const moved = { baseOffset: 0n, from: 1n, to: { objectId: 3n, position: 0 }, bytes: 100 }
      yield* store.commit([[object(3n), Write.MoveBatches({ partitionId: 1, batches: [moved] })], [unused(8n)]])
      yield* store.commit([[Write.DropObject({ objectId: 2n })]])
      assert.deepStrictEqual(told(), [
        [1n, 8n],
        [3n, null]
      ])
      assert.deepStrictEqual([data.bytes, data.copy().objects.all], [0, data.objects.all])
    })
  )
})
