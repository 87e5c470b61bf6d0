import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { NOTHING_TOLD } from "../port/counters.ts"
import { Write } from "../port/Write.ts"
import type { ClusterState } from "../port/CommitStore.ts"
import { Model, OTHER_TOPIC, TOPIC, briefly, topicWith } from "./storeScenarios.ts"
import type { Port, Scenarios, StoreBackend } from "./storeScenarios.ts"

const LEAP = 1_000_000

const NOTHING_KEPT = { orphans: [], acls: [], scramCredentials: [], quotas: [], delegationTokens: [] }

const newCluster = (backend: StoreBackend): void =>
  it.live("a new cluster: an id, epoch 1, nothing in it", () =>
    Effect.gen(function* () {
      const { open } = yield* backend.cluster
      const store = yield* open
      const state = yield* store.acquire(NOTHING_TOLD)
      expect(state.clusterId).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
      const { server, ...rest } = state
      expect(server.systemIdentifier).not.toBe("unknown")
      expect(server.timeline).toMatch(/^[0-9A-F]{8}$/)
      expect({ ...rest, clusterId: "", schema: undefined }).toEqual({
        clusterId: "",
        epoch: 1,
        failoverEpoch: 0,
        failover: undefined,
        unknownCommitStored: undefined,
        nextProducerId: 0n,
        nextPartitionId: 1,
        nextObjectId: 1n,
        topics: [],
        configs: [],
        ...NOTHING_KEPT
      })
      yield* store.ping
      yield* store.heartbeat
    })
  )

/** The lock, what a take-over raises, and what holds while it is held. */
export const reignCases = (backend: StoreBackend, { scenario, log, readOne, loadOne }: Scenarios): void => {
  const counters = ({ epoch, failoverEpoch, nextPartitionId, nextProducerId }: ClusterState) => ({
    epoch,
    failoverEpoch,
    nextPartitionId,
    nextProducerId
  })

  describe("acquire", () => {
    newCluster(backend)

    it.live("after its scope closed: the same cluster, a higher epoch, all that was stored", () =>
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const store = yield* open
        const first = yield* Scope.make()
        const before = yield* Scope.provide(store.acquire(NOTHING_TOLD), first)
        const model = new Model(7)
        yield* store.commit([topicWith(TOPIC, "t", [7]), [model.append()], [Write.PutNextProducerId({ next: 1000n })]])
        yield* Scope.close(first, Exit.void)
        const after = yield* store.acquire(NOTHING_TOLD)
        expect({ ...after, schema: undefined }).toEqual({
          ...{ ...before, schema: undefined },
          epoch: before.epoch + 1,
          nextProducerId: 1000n,
          nextPartitionId: 8,
          topics: [{ topicId: TOPIC, name: "t", partitionIds: [7] }]
        })
        expect((yield* loadOne(store, 7)).endOffset).toBe(1n)
        expect(yield* readOne(store, 0n, 1000, 7)).toEqual(briefly(model.batches))
      })
    )

    it.live("nothing is stored, read or vouched for while the lock is not held", () =>
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const store = yield* open
        const refuses = Effect.gen(function* () {
          const asked: ReadonlyArray<Effect.Effect<unknown, unknown>> = [
            store.commit([[Write.PutNextProducerId({ next: 5n })]]),
            store.ping,
            store.heartbeat,
            store.read([{ partitionId: 1, from: 0n, maxBytes: 10 }], 10),
            store.loadPartitions([1]),
            store.sizeOf(1),
            store.findByTimestamp(1, 0n),
            store.sizes(1, 0n, 1),
            store.loadOffsets,
            store.loadGroups
          ]
          for (const ask of asked) expect(yield* Effect.flip(ask)).toMatchObject({ _tag: "Fenced" })
        })
        yield* refuses
        yield* Effect.scoped(store.acquire(NOTHING_TOLD))
        yield* refuses
        expect(yield* store.acquire(NOTHING_TOLD)).toMatchObject({ nextProducerId: 0n })
      })
    )

    scenario("a second broker is told who holds the lock, and gets it once it is given back", ({ open }) =>
      Effect.gen(function* () {
        const second = yield* open
        const refused = yield* Effect.flip(Effect.scoped(second.acquire(NOTHING_TOLD)))
        expect(refused._tag).toBe("LockHeld")
        expect(refused.message).toMatch(/^another Tusk serves this database: .+/)
      })
    )

    it.live("the lock changes hands when its scope closes, and the epoch rises each time", () =>
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const stores = [yield* open, yield* open]
        const epochs: Array<number> = []
        for (let turn = 0; turn < 4; turn++) {
          epochs.push((yield* Effect.scoped(stores[turn % 2]!.acquire(NOTHING_TOLD))).epoch)
        }
        expect(epochs).toEqual([1, 2, 3, 4])
      })
    )

    it.live("no counter is below what was told, and what was raised is stored", () =>
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const store = yield* open
        const told = { epoch: 50, nextProducerId: 7000n, nextPartitionId: 99 }
        const first = yield* Effect.scoped(store.acquire(told))
        expect(counters(first)).toEqual({ ...told, epoch: 51, failoverEpoch: 0 })
        const second = yield* Effect.scoped(store.acquire({ epoch: 3, nextProducerId: 5n, nextPartitionId: 4 }))
        expect(counters(second)).toEqual({ ...told, epoch: 52, failoverEpoch: 0 })
      })
    )
  })

  describe("failover", () => {
    const takeOver = (store: Port, told = NOTHING_TOLD) => Effect.scoped(store.acquire(told))

    it.live("if the server or its timeline is another one, counters leap, once", () =>
      Effect.gen(function* () {
        const { failOver, open } = yield* backend.cluster
        const store = yield* open
        expect((yield* takeOver(store)).failover).toBeUndefined()
        yield* failOver
        const after = yield* takeOver(store)
        expect(counters(after)).toEqual({
          epoch: 1002,
          failoverEpoch: 1002,
          nextPartitionId: 1 + LEAP,
          nextProducerId: BigInt(LEAP)
        })
        const { from, to } = after.failover!
        expect(from).not.toEqual(to)
        const next = yield* takeOver(store)
        expect(next.failover).toBeUndefined()
        expect(counters(next)).toEqual({ ...counters(after), epoch: 1003 })
        yield* failOver
        const told = { epoch: 5000, nextProducerId: BigInt(9 * LEAP), nextPartitionId: 9 * LEAP }
        const again = yield* takeOver(store, told)
        expect(counters(again)).toEqual({ ...told, epoch: 6001, failoverEpoch: 6001 })
        expect(again.failover).toBeDefined()
      })
    )

    it.live("a partition leaps over every failover since it was made, and no other", () =>
      Effect.gen(function* () {
        const { failOver, open } = yield* backend.cluster
        const store = yield* open
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.acquire(NOTHING_TOLD)
            yield* store.commit([topicWith(TOPIC, "t", [1, 2])])
            expect((yield* loadOne(store)).failoverEpoch).toBe(0)
          })
        )
        yield* failOver
        const { failoverEpoch } = yield* store.acquire(NOTHING_TOLD)
        yield* store.commit([topicWith(OTHER_TOPIC, "other", [3])])
        const epochs = Effect.map(store.loadPartitions([1, 2, 3]), (loaded) =>
          loaded.map((partition) => partition.failoverEpoch)
        )
        expect(yield* epochs).toEqual([0, 0, failoverEpoch])
        const put = (partitionId: number, epoch: number) => Write.PutFailoverEpoch({ partitionId, epoch })
        yield* store.commit([[put(1, failoverEpoch), put(99, failoverEpoch)], [put(3, failoverEpoch - 1)]])
        expect(yield* epochs).toEqual([failoverEpoch, 0, failoverEpoch])
        yield* store.commit([[put(2, failoverEpoch), put(2, 7)]])
        expect(yield* epochs).toEqual([failoverEpoch, failoverEpoch, failoverEpoch])
      })
    )
  })

  describe("what a commit comes to", () => {
    log("memory that is behind what is stored has to be loaded again, and the commit is not there", (store, model) =>
      Effect.gen(function* () {
        const stored = model.append({ records: 3 })
        yield* store.commit([[stored]])
        for (const again of [new Model(1).append({ bytes: 7 }), stored]) {
          expect(yield* Effect.flip(store.commit([[Write.PutNextProducerId({ next: 5n }), again]]))).toMatchObject({
            _tag: "OutcomeUnknown"
          })
          const state = yield* store.acquire(NOTHING_TOLD)
          expect([state.unknownCommitStored, state.nextProducerId]).toEqual([false, 0n])
        }
        expect(yield* readOne(store, 0n, 1000)).toEqual(briefly([stored]))
        yield* store.commit([[model.append()]])
        expect((yield* store.acquire(NOTHING_TOLD)).unknownCommitStored).toBeUndefined()
      })
    )

    log("what is at fault itself is refused, however often it is asked, and all else goes on", (store, model) =>
      Effect.gen(function* () {
        for (let i = 0; i < 2; i++) {
          const refused = yield* Effect.flip(store.commit([[model.append()], topicWith(OTHER_TOPIC, "t", [2])]))
          expect(refused._tag).toBe("StoreRefused")
        }
        const fresh = new Model(1)
        yield* store.commit([[fresh.append()]])
        yield* store.ping
        expect(yield* readOne(store, 0n, 1000)).toEqual(briefly(fresh.batches))
      })
    )
  })
}
