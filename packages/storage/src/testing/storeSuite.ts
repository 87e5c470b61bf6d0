import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Write } from "../Store.ts"
import type { Append, Store, Unit } from "../Store.ts"

type Port = Store["Service"]

/** A backend under test. */
export interface StoreBackend {
  /** Data of one new cluster; each `open` is one more broker's `Store` over the same data. */
  readonly cluster: Effect.Effect<{ readonly open: Effect.Effect<Port, unknown, Scope.Scope> }, unknown, Scope.Scope>
}

/** What a batch of the suite is made of; the rest follows from what lies before it in its partition. */
interface Shape {
  readonly records?: number
  readonly bytes?: number
  readonly maxTimestamp?: bigint
  readonly producerId?: bigint
}

/** Makes appends that follow each other, as the log above the port does. */
class Model {
  readonly batches: Array<Append> = []
  readonly partitionId: number
  private next = 0n
  private timestampHigh = -1n
  private bytes = 0n

  constructor(partitionId: number) {
    this.partitionId = partitionId
  }

  get end(): bigint {
    return this.next
  }

  /** Leaves offsets out, as compaction does. */
  skip(count: number): void {
    this.next += BigInt(count)
  }

  append(shape: Shape = {}): Append {
    const records = new Uint8Array(shape.bytes ?? 100).fill(this.batches.length % 251)
    const maxTimestamp = shape.maxTimestamp ?? BigInt(this.batches.length)
    if (maxTimestamp > this.timestampHigh) this.timestampHigh = maxTimestamp
    this.bytes += BigInt(records.byteLength)
    const baseOffset = this.next
    this.next += BigInt(shape.records ?? 1)
    const write = Write.Append({
      partitionId: this.partitionId,
      baseOffset,
      lastOffset: this.next - 1n,
      leaderEpoch: 1,
      maxTimestamp,
      timestampHigh: this.timestampHigh,
      cumulativeBytes: this.bytes,
      producerId: shape.producerId ?? -1n,
      producerEpoch: shape.producerId === undefined ? -1 : 3,
      baseSequence: shape.producerId === undefined ? -1 : this.batches.length,
      records
    })
    this.batches.push(write)
    return write
  }
}

const TOPIC = "AAAAAAAAAAAAAAAAAAAAAA"
const OTHER_TOPIC = "BBBBBBBBBBBBBBBBBBBBBB"
const MEBIBYTE = 1024 * 1024

const topicWith = (topicId: string, name: string, partitionIds: ReadonlyArray<number>): Unit => [
  Write.PutTopic({ topicId, name }),
  ...partitionIds.map((partitionId, index) => Write.PutPartition({ topicId, index, partitionId }))
]

const offset = (groupId: string, partitionId: number, at: bigint, metadata: string | null = null) =>
  Write.PutOffset({
    groupId,
    partitionId,
    offset: at,
    leaderEpoch: 1,
    metadata,
    commitTimestamp: 1_700_000_000_000n,
    expireTimestamp: -1n
  })

/** Bytes as text: quick to compare, short to print. */
const brief = (batches: ReadonlyArray<Uint8Array>) => batches.map((bytes) => `${bytes.byteLength}x${bytes[0]}`)
const briefly = (appends: ReadonlyArray<Append>) => brief(appends.map((append) => append.records))

const between = (minimum: number, maximum: number) => Schema.Int.check(Schema.isBetween({ minimum, maximum }))

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** States what each member of the port has to do; every backend passes all of it. */
export const storeSuite = (name: string, backend: StoreBackend): void => {
  /** A test with a new cluster, whose first store holds the lock. */
  const scenario = (
    title: string,
    body: (world: {
      readonly store: Port
      readonly open: Effect.Effect<Port, unknown, Scope.Scope>
    }) => Effect.Effect<unknown, unknown, Scope.Scope>
  ) =>
    it.live(title, () =>
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const store = yield* open
        yield* store.acquire
        yield* body({ store, open })
      })
    )

  /** As above, with a topic of one partition whose id is 1. */
  const log = (title: string, body: (store: Port, model: Model) => Effect.Effect<unknown, unknown, Scope.Scope>) =>
    scenario(title, ({ store }) =>
      Effect.gen(function* () {
        yield* store.commit([topicWith(TOPIC, "t", [1])])
        yield* body(store, new Model(1))
      })
    )

  const readOne = (store: Port, from: bigint, maxBytes: number, partitionId = 1) =>
    Effect.map(store.read([{ partitionId, from, maxBytes }], 50 * MEBIBYTE), ([batches]) => brief(batches!))

  const loadOne = (store: Port, partitionId = 1) =>
    Effect.map(store.loadPartitions([partitionId]), ([partition]) => partition!)

  describe(`Store: ${name}`, () => {
    describe("acquire", () => {
      it.live("a new cluster: an id, epoch 1, nothing in it", () =>
        Effect.gen(function* () {
          const { open } = yield* backend.cluster
          const store = yield* open
          const state = yield* store.acquire
          expect(state.clusterId).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}$/)
          expect({ ...state, clusterId: "" }).toEqual({
            clusterId: "",
            epoch: 1,
            nextProducerId: 0n,
            nextPartitionId: 1,
            topics: [],
            configs: [],
            orphans: []
          })
          yield* store.ping
        })
      )

      it.live("after its scope closed: the same cluster, a higher epoch, all that was stored", () =>
        Effect.gen(function* () {
          const { open } = yield* backend.cluster
          const store = yield* open
          const first = yield* Scope.make()
          const before = yield* Scope.provide(store.acquire, first)
          const model = new Model(7)
          yield* store.commit([
            topicWith(TOPIC, "t", [7]),
            [model.append()],
            [Write.PutNextProducerId({ next: 1000n })]
          ])
          yield* Scope.close(first, Exit.void)
          const refused = yield* Effect.result(store.commit([[model.append()]]))
          expect(Result.isFailure(refused)).toBe(true)
          expect(Result.isFailure(yield* Effect.result(store.ping))).toBe(true)
          // Reads do not need the lock.
          expect(yield* readOne(store, 0n, 1000, 7)).toEqual(briefly(model.batches.slice(0, 1)))
          const after = yield* store.acquire
          expect(after).toEqual({
            ...before,
            epoch: before.epoch + 1,
            nextProducerId: 1000n,
            nextPartitionId: 8,
            topics: [{ topicId: TOPIC, name: "t", partitionIds: [7] }]
          })
          expect((yield* loadOne(store, 7)).endOffset).toBe(1n)
        })
      )

      scenario("a second broker is told who holds the lock, and gets it once it is given back", ({ open }) =>
        Effect.gen(function* () {
          const second = yield* open
          const refused = yield* Effect.flip(Effect.scoped(second.acquire))
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
            epochs.push((yield* Effect.scoped(stores[turn % 2]!.acquire)).epoch)
          }
          expect(epochs).toEqual([1, 2, 3, 4])
        })
      )
    })

    describe("commit", () => {
      scenario("what stands in several units is stored, in order", ({ store }) =>
        Effect.gen(function* () {
          const one = new Model(1)
          const two = new Model(2)
          yield* store.commit([
            topicWith(TOPIC, "t", [1, 2]),
            [one.append(), two.append({ bytes: 10 })],
            [],
            [one.append({ bytes: 20 }), Write.PutLeaderEpoch({ partitionId: 1, epoch: 1, startOffset: 0n })]
          ])
          expect(yield* readOne(store, 0n, 1000)).toEqual(briefly(one.batches))
          expect(yield* readOne(store, 0n, 1000, 2)).toEqual(briefly(two.batches))
          expect((yield* loadOne(store)).leaderEpochs).toEqual([{ epoch: 1, startOffset: 0n }])
        })
      )

      log("nothing at all may be committed", (store) => store.commit([]))

      log("one bad write, and nothing of the commit is there", (store, model) =>
        Effect.gen(function* () {
          yield* store.commit([[model.append()]])
          const stored = model.batches[0]!
          const other = new Model(2)
          const refused = yield* Effect.flip(
            store.commit([
              topicWith(OTHER_TOPIC, "other", [2]),
              [other.append()],
              [model.append(), offset("g", 1, 1n), Write.PutGroup({ groupId: "g", kind: "classic", value: "{}" })],
              [Write.PutNextProducerId({ next: 5n })],
              [stored]
            ])
          )
          expect(refused._tag).toBe("StoreUnavailable")
          yield* store.ping
          expect(yield* readOne(store, 0n, 1000)).toEqual(briefly([stored]))
          expect(yield* readOne(store, 0n, 1000, 2)).toEqual([])
          expect(yield* store.loadOffsets).toEqual([])
          expect(yield* store.loadGroups).toEqual([])
          // The same offset can be given anew: the failure left no hole and no claim.
          const again = new Model(1)
          again.append()
          yield* store.commit([[again.append({ bytes: 7 })]])
          expect((yield* loadOne(store)).endOffset).toBe(2n)
        })
      )

      log("a topic name is there once", (store) =>
        Effect.gen(function* () {
          const refused = yield* Effect.flip(store.commit([topicWith(OTHER_TOPIC, "t", [2])]))
          expect(refused._tag).toBe("StoreUnavailable")
          yield* store.commit([topicWith(TOPIC, "t", [])])
          const double = yield* Effect.flip(
            store.commit([[Write.PutPartition({ topicId: TOPIC, index: 1, partitionId: 1 })]])
          )
          expect(double._tag).toBe("StoreUnavailable")
        })
      )

      log("1,000 units of every hot kind in one commit", (store, model) =>
        Effect.gen(function* () {
          const units = Array.from({ length: 1000 }, (_, i): Unit =>
            i % 2 === 0 ? [model.append({ bytes: 1 + (i % 300) })] : [offset(`g${i % 10}`, 1, BigInt(i), `m${i}`)]
          )
          yield* store.commit(units)
          expect(yield* readOne(store, 0n, MEBIBYTE)).toEqual(briefly(model.batches))
          const offsets = yield* store.loadOffsets
          expect(offsets.map((stored) => `${stored.groupId} ${stored.offset} ${stored.metadata}`).sort(byText)).toEqual(
            [1, 3, 5, 7, 9].map((i) => `g${i} ${990 + i} m${990 + i}`)
          )
        })
      )

      log("a batch of 8 MiB, and records of every size around the pages of a connection", (store, model) =>
        Effect.gen(function* () {
          const sizes = [1, 4095, 4096, 4097, 65_536, 131_067, 131_072, 200_000, 8 * MEBIBYTE, 3]
          yield* store.commit([sizes.map((bytes) => model.append({ bytes }))])
          const [batches] = yield* store.read([{ partitionId: 1, from: 0n, maxBytes: 64 * MEBIBYTE }], 64 * MEBIBYTE)
          expect(batches!.map((bytes) => bytes.byteLength)).toEqual(sizes)
          expect(batches!.every((bytes, i) => Buffer.compare(bytes, model.batches[i]!.records) === 0)).toBe(true)
        })
      )

      log("commits one after the other keep their order", (store, model) =>
        Effect.gen(function* () {
          for (let i = 0; i < 20; i++) yield* store.commit([[model.append({ bytes: i + 1 })]])
          expect(yield* readOne(store, 0n, 10_000)).toEqual(briefly(model.batches))
        })
      )
    })

    describe("read", () => {
      log("starts with the batch that holds the offset, or with the next", (store, model) =>
        Effect.gen(function* () {
          const first = model.append({ records: 10 })
          const second = model.append({ records: 5 })
          model.skip(5)
          const third = model.append({ records: 1 })
          yield* store.commit([[first, second, third]])
          const expected: ReadonlyArray<readonly [bigint, ReadonlyArray<Append>]> = [
            [0n, [first, second, third]],
            [3n, [first, second, third]],
            [9n, [first, second, third]],
            [10n, [second, third]],
            [14n, [second, third]],
            [15n, [third]],
            [19n, [third]],
            [20n, [third]],
            [21n, []],
            [1_000_000_000_000n, []]
          ]
          for (const [from, batches] of expected) {
            expect([from, yield* readOne(store, from, 1000)]).toEqual([from, briefly(batches)])
          }
        })
      )

      log("takes what fits, and the very first batch whatever its size", (store, model) =>
        Effect.gen(function* () {
          yield* store.commit([Array.from({ length: 10 }, () => model.append({ bytes: 100 }))])
          const count = (from: bigint, maxBytes: number) =>
            Effect.map(readOne(store, from, maxBytes), (batches) => batches.length)
          expect(yield* count(0n, 0)).toBe(1)
          expect(yield* count(0n, 99)).toBe(1)
          expect(yield* count(0n, 199)).toBe(1)
          expect(yield* count(0n, 200)).toBe(2)
          expect(yield* count(8n, 1000)).toBe(2)
          expect(yield* count(0n, 2_147_483_647)).toBe(10)
        })
      )

      scenario("answers in order of requests, all together within the bound", ({ store }) =>
        Effect.gen(function* () {
          const models = [new Model(1), new Model(2), new Model(3), new Model(4)]
          yield* store.commit([topicWith(TOPIC, "t", [1, 2, 3, 4])])
          // The third has nothing.
          yield* store.commit([
            [0, 1, 3].flatMap((i) => Array.from({ length: 5 }, () => models[i]!.append({ bytes: 100 + i })))
          ])
          const read = (maxBytes: number, each = 1000) =>
            Effect.map(
              store.read(
                [3, 1, 99, 4, 2].map((partitionId) => ({ partitionId, from: 0n, maxBytes: each })),
                maxBytes
              ),
              (answers) => answers.map((batches) => brief(batches).length)
            )
          expect(yield* read(100_000)).toEqual([0, 5, 0, 5, 5])
          expect(yield* read(0)).toEqual([0, 1, 0, 0, 0])
          expect(yield* read(100)).toEqual([0, 1, 0, 0, 0])
          expect(yield* read(500 + 103)).toEqual([0, 5, 0, 1, 0])
          expect(yield* read(100_000, 210)).toEqual([0, 2, 0, 2, 2])
          expect(yield* store.read([], 1000)).toEqual([])
        })
      )

      log("the same partition may be asked for twice", (store, model) =>
        Effect.gen(function* () {
          yield* store.commit([[model.append(), model.append()]])
          const answers = yield* store.read(
            [
              { partitionId: 1, from: 1n, maxBytes: 1000 },
              { partitionId: 1, from: 0n, maxBytes: 1000 }
            ],
            1000
          )
          expect(answers.map(brief)).toEqual([briefly(model.batches.slice(1)), briefly(model.batches)])
        })
      )
    })

    describe("loadPartitions", () => {
      scenario("ends, sizes, epochs and producers", ({ store }) =>
        Effect.gen(function* () {
          const model = new Model(2)
          yield* store.commit([topicWith(TOPIC, "t", [1, 2])])
          yield* store.commit([
            [
              model.append({ records: 3, bytes: 50, maxTimestamp: 900n, producerId: 12n }),
              model.append({ records: 2, bytes: 60, maxTimestamp: 800n }),
              model.append({ records: 1, bytes: 70, maxTimestamp: 850n, producerId: 13n })
            ],
            [
              Write.PutLeaderEpoch({ partitionId: 2, epoch: 1, startOffset: 0n }),
              Write.PutLeaderEpoch({ partitionId: 2, epoch: 4, startOffset: 5n })
            ]
          ])
          const empty = {
            partitionId: 1,
            logStartOffset: 0n,
            endOffset: 0n,
            timestampHigh: -1n,
            cumulativeBytes: 0n,
            sizeBytes: 0n,
            leaderEpochs: [],
            producerSnapshot: null,
            producerBatches: []
          }
          const head = (index: number) => {
            const { baseOffset, lastOffset, maxTimestamp, producerId, producerEpoch, baseSequence } =
              model.batches[index]!
            return { baseOffset, lastOffset, maxTimestamp, producerId, producerEpoch, baseSequence }
          }
          const [first, second, ...others] = yield* store.loadPartitions([1, 2, 99])
          expect(others).toEqual([])
          expect(first).toEqual(empty)
          expect(second).toMatchObject({
            partitionId: 2,
            logStartOffset: 0n,
            endOffset: 6n,
            timestampHigh: 900n,
            cumulativeBytes: 180n,
            sizeBytes: 180n,
            leaderEpochs: [
              { epoch: 1, startOffset: 0n },
              { epoch: 4, startOffset: 5n }
            ],
            producerSnapshot: null
          })
          expect(second!.producerBatches).toMatchObject([head(0), head(2)])
          expect(second!.producerBatches.length).toBe(2)

          // What a snapshot covers is not listed again; the last snapshot holds.
          yield* store.commit([
            [
              Write.PutProducerSnapshot({ partitionId: 2, endOffset: 3n, value: new Uint8Array([1]) }),
              Write.PutProducerSnapshot({ partitionId: 2, endOffset: 5n, value: new Uint8Array([9, 0, 255]) })
            ]
          ])
          const later = yield* loadOne(store, 2)
          expect(later.producerSnapshot).toEqual({ endOffset: 5n, value: new Uint8Array([9, 0, 255]) })
          expect(later.producerBatches.map((batch) => batch.baseOffset)).toEqual([5n])
        })
      )

      scenario("thousands at once", ({ store }) =>
        Effect.gen(function* () {
          const ids = Array.from({ length: 2500 }, (_, i) => i + 1)
          const models = ids.map((partitionId) => new Model(partitionId))
          yield* store.commit([topicWith(TOPIC, "t", ids)])
          yield* store.commit([models.filter((_, i) => i % 3 === 0).map((model) => model.append({ bytes: 10 }))])
          const loaded = yield* store.loadPartitions(ids)
          expect(loaded.map((partition) => partition.partitionId)).toEqual(ids)
          expect(loaded.filter((partition) => partition.endOffset === 1n).length).toBe(834)
        })
      )
    })

    describe("deletion", () => {
      log("takes the oldest, at most as many as said, and nothing that reaches the bound", (store, model) =>
        Effect.gen(function* () {
          yield* store.commit([Array.from({ length: 6 }, () => model.append({ records: 2, bytes: 10 }))])
          yield* store.commit([
            [Write.PutLogStart({ partitionId: 1, logStartOffset: 7n })],
            [Write.DeleteBatches({ partitionId: 1, below: 7n, limit: 2 })]
          ])
          const after = yield* loadOne(store)
          expect(after).toMatchObject({ logStartOffset: 7n, endOffset: 12n, sizeBytes: 40n, cumulativeBytes: 60n })
          expect(yield* readOne(store, 0n, 1000)).toEqual(briefly(model.batches.slice(2)))
          // The batch of offsets 6 and 7 holds the log start, and stays.
          yield* store.commit([[Write.DeleteBatches({ partitionId: 1, below: 7n, limit: 100 })]])
          expect(yield* readOne(store, 0n, 1000)).toEqual(briefly(model.batches.slice(3)))
        })
      )

      log("the log start never goes back", (store, model) =>
        Effect.gen(function* () {
          yield* store.commit([[model.append({ records: 9 })]])
          yield* store.commit([
            [
              Write.PutLogStart({ partitionId: 1, logStartOffset: 5n }),
              Write.PutLogStart({ partitionId: 1, logStartOffset: 3n })
            ]
          ])
          expect((yield* loadOne(store)).logStartOffset).toBe(5n)
          yield* store.commit([[Write.PutLogStart({ partitionId: 1, logStartOffset: 4n })]])
          expect((yield* loadOne(store)).logStartOffset).toBe(5n)
        })
      )

      log("ends stay as they were when the newest batch goes too", (store, model) =>
        Effect.gen(function* () {
          yield* store.commit([[model.append({ records: 4, maxTimestamp: 77n }), model.append({ maxTimestamp: 5n })]])
          yield* store.commit([[Write.DeleteBatches({ partitionId: 1, below: 5n, limit: 10 })]])
          expect(yield* readOne(store, 0n, 1000)).toEqual([])
          expect(yield* loadOne(store)).toMatchObject({
            endOffset: 5n,
            timestampHigh: 77n,
            cumulativeBytes: 200n,
            sizeBytes: 0n
          })
          yield* store.commit([[model.append({ bytes: 30 })]])
          expect(yield* loadOne(store)).toMatchObject({ endOffset: 6n, cumulativeBytes: 230n, sizeBytes: 30n })
        })
      )

      log("an append and a deletion in one commit happen in their order", (store, model) =>
        Effect.gen(function* () {
          yield* store.commit([
            [model.append(), model.append()],
            [Write.DeleteBatches({ partitionId: 1, below: 2n, limit: 1 })],
            [model.append()],
            [Write.DeleteBatches({ partitionId: 1, below: 3n, limit: 1 })]
          ])
          expect(yield* readOne(store, 0n, 1000)).toEqual(briefly(model.batches.slice(2)))
        })
      )

      log("a deleted topic takes its configs and offsets along and leaves orphans, until they are dropped", (store) =>
        Effect.gen(function* () {
          const kept = new Model(2)
          const gone = new Model(1)
          yield* store.commit([
            topicWith(OTHER_TOPIC, "other", [2]),
            [
              Write.PutConfig({ resourceType: 2, resourceName: "t", name: "retention.ms", value: "1" }),
              Write.PutConfig({ resourceType: 2, resourceName: "other", name: "retention.ms", value: "2" }),
              Write.PutConfig({ resourceType: 4, resourceName: "t", name: "a", value: "3" })
            ],
            [gone.append(), gone.append(), kept.append(), offset("g", 1, 1n), offset("g", 2, 1n)],
            [Write.PutProducerSnapshot({ partitionId: 1, endOffset: 1n, value: new Uint8Array([1]) })]
          ])
          // Deleted and created again under its name within one commit.
          yield* store.commit([[Write.DeleteTopic({ topicId: TOPIC })], topicWith("CCCCCCCCCCCCCCCCCCCCCC", "t", [3])])
          expect((yield* store.loadOffsets).map((stored) => stored.partitionId)).toEqual([2])
          expect(yield* readOne(store, 0n, 1000)).toEqual(briefly(gone.batches))
          yield* store.commit([[Write.DeleteBatches({ partitionId: 1, below: 1n, limit: 10 })]])
          yield* store.commit([[Write.DropPartition({ partitionId: 1 })]])
          expect(yield* store.loadPartitions([1])).toEqual([])
          expect(yield* readOne(store, 0n, 1000)).toEqual([])
          expect(yield* readOne(store, 0n, 1000, 2)).toEqual(briefly(kept.batches))
        })
      )

      it.live("orphans are told to the next broker, and partition ids are never given twice", () =>
        Effect.gen(function* () {
          const { open } = yield* backend.cluster
          const store = yield* open
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* store.acquire
              yield* store.commit([topicWith(TOPIC, "t", [5, 9]), topicWith(OTHER_TOPIC, "other", [2])])
              yield* store.commit([
                [Write.PutConfig({ resourceType: 2, resourceName: "other", name: "x", value: "1" })],
                [Write.DeleteTopic({ topicId: TOPIC })]
              ])
            })
          )
          yield* Effect.scoped(
            Effect.gen(function* () {
              const state = yield* store.acquire
              expect(state.orphans.toSorted((a, b) => a - b)).toEqual([5, 9])
              expect(state.nextPartitionId).toBe(10)
              expect(state.topics).toEqual([{ topicId: OTHER_TOPIC, name: "other", partitionIds: [2] }])
              expect(state.configs).toEqual([{ resourceType: 2, resourceName: "other", name: "x", value: "1" }])
              yield* store.commit([[5, 9].map((partitionId) => Write.DropPartition({ partitionId }))])
            })
          )
          const state = yield* store.acquire
          expect([state.orphans, state.nextPartitionId]).toEqual([[], 10])
        })
      )
    })

    describe("findByTimestamp", () => {
      const ABSENT = "nothing"
      const find = (store: Port, timestamp: bigint, partitionId = 1) =>
        Effect.map(store.findByTimestamp(partitionId, timestamp), (found) =>
          found === undefined ? ABSENT : brief([found])[0]!
        )

      log("the first batch that reaches the time, at or above the log start", (store, model) =>
        Effect.gen(function* () {
          expect(yield* find(store, 0n)).toBe(ABSENT)
          expect(yield* find(store, 0n, 99)).toBe(ABSENT)
          const times = [10n, 30n, 20n, 30n, 50n]
          yield* store.commit([
            times.map((maxTimestamp, i) => model.append({ maxTimestamp, bytes: 10 + i, records: 10 }))
          ])
          const asked = [-1n, 10n, 11n, 20n, 30n, 31n, 50n, 51n]
          const found: Array<string> = []
          for (const timestamp of asked) found.push(yield* find(store, timestamp))
          const answer = (index: number) => briefly([model.batches[index]!])[0]!
          expect(found).toEqual([answer(0), answer(0), answer(1), answer(1), answer(1), answer(4), answer(4), ABSENT])
          yield* store.commit([[Write.PutLogStart({ partitionId: 1, logStartOffset: 25n })]])
          expect(yield* find(store, 0n)).toBe(answer(2))
          expect(yield* find(store, 40n)).toBe(answer(4))
        })
      )

      const Plan = Schema.Struct({
        batches: Schema.Array(
          Schema.Struct({ records: between(1, 50), hole: between(0, 30), time: between(0, 100) })
        ).check(Schema.isMaxLength(40)),
        deleted: between(0, 20),
        logStart: between(0, 1000),
        asked: Schema.Array(between(-1, 101)).check(Schema.isMaxLength(12)),
        reads: Schema.Array(between(0, 2000)).check(Schema.isMaxLength(12))
      })

      log("as a plain search finds it, and reads start where a plain search starts them", (store) =>
        Effect.gen(function* () {
          let partitionId = 1
          const property = Effect.fnUntraced(function* (plan: typeof Plan.Type) {
            const id = ++partitionId
            const model = new Model(id)
            yield* store.commit([
              [Write.PutPartition({ topicId: TOPIC, index: id, partitionId: id })],
              plan.batches.map(({ records, hole, time }) => {
                model.skip(hole)
                return model.append({ records, maxTimestamp: BigInt(time), bytes: 10 + model.batches.length })
              }),
              [
                Write.PutLogStart({ partitionId: id, logStartOffset: BigInt(plan.logStart) }),
                Write.DeleteBatches({ partitionId: id, below: BigInt(plan.logStart), limit: plan.deleted })
              ]
            ])
            const below = model.batches.filter((batch) => batch.lastOffset < BigInt(plan.logStart)).length
            const left = model.batches.slice(Math.min(below, plan.deleted))
            for (const time of plan.asked) {
              const expected = left.find(
                (batch) => batch.lastOffset >= BigInt(plan.logStart) && batch.timestampHigh >= BigInt(time)
              )
              const found = yield* find(store, BigInt(time), id)
              if (found !== (expected === undefined ? ABSENT : briefly([expected])[0])) return false
            }
            for (const from of plan.reads) {
              const expected = left.filter((batch) => batch.lastOffset >= BigInt(from))
              const found = yield* readOne(store, BigInt(from), MEBIBYTE, id)
              if (found.join() !== briefly(expected).join()) return false
            }
            const loaded = yield* loadOne(store, id)
            return loaded.endOffset === model.end || model.batches.length === 0
          })
          const result = yield* Arbitrary.checkEffect(Arbitrary.schema(Plan), property, { runs: 60 })
          expect(Arbitrary.formatCheckFailure(result)).toBeUndefined()
        })
      )
    })

    describe("offsets, groups and configs", () => {
      scenario("what is set twice in one commit stays as set last", ({ store }) =>
        Effect.gen(function* () {
          yield* store.commit([
            [offset("g", 1, 1n, "a"), offset("h", 1, 5n, "")],
            [offset("g", 1, 2n, null), offset("g", 2, 3n, "b")],
            [
              Write.PutGroup({ groupId: "g", kind: "classic", value: "1" }),
              Write.PutGroup({ groupId: "g", kind: "consumer", value: "2" })
            ]
          ])
          const offsets = yield* store.loadOffsets
          expect(
            offsets.toSorted((a, b) => byText(a.groupId, b.groupId) || a.partitionId - b.partitionId)
          ).toMatchObject([
            { groupId: "g", partitionId: 1, offset: 2n, metadata: null, leaderEpoch: 1, expireTimestamp: -1n },
            { groupId: "g", partitionId: 2, offset: 3n, metadata: "b", commitTimestamp: 1_700_000_000_000n },
            { groupId: "h", partitionId: 1, offset: 5n, metadata: "" }
          ])
          expect(yield* store.loadGroups).toEqual([{ groupId: "g", kind: "consumer", value: "2" }])
        })
      )

      scenario("what is set and taken away in one commit follows the order of the writes", ({ store }) =>
        Effect.gen(function* () {
          yield* store.commit([
            [
              offset("a", 1, 1n),
              Write.DeleteOffset({ groupId: "a", partitionId: 1 }),
              offset("a", 2, 1n),
              Write.DeleteOffset({ groupId: "b", partitionId: 1 }),
              offset("b", 1, 2n)
            ],
            [
              offset("c", 1, 1n),
              Write.PutGroup({ groupId: "c", kind: "classic", value: "1" }),
              Write.DeleteGroup({ groupId: "c" }),
              Write.PutGroup({ groupId: "c", kind: "classic", value: "2" }),
              offset("c", 2, 7n)
            ],
            [Write.PutGroup({ groupId: "d", kind: "classic", value: "1" }), offset("d", 1, 1n)],
            [Write.DeleteGroup({ groupId: "d" })]
          ])
          const offsets = yield* store.loadOffsets
          expect(offsets.map((o) => `${o.groupId}${o.partitionId}=${o.offset}`).sort(byText)).toEqual([
            "a2=1",
            "b1=2",
            "c2=7"
          ])
          expect(yield* store.loadGroups).toEqual([{ groupId: "c", kind: "classic", value: "2" }])
        })
      )

      it.live("names and texts of any characters come back as they were", () =>
        Effect.gen(function* () {
          const { open } = yield* backend.cluster
          const store = yield* open
          const texts = ["", "\0", "a\0b", "\x1a", "\x1a0\0\x1a", "'; drop table x --", "é漢🐘", "\\x00", "{}", "NULL"]
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* store.acquire
              yield* store.commit([
                texts.map((text, i) => offset(text, i, BigInt(i), text)),
                texts.map((text) => Write.PutGroup({ groupId: text, kind: "classic", value: text })),
                texts.map((text) => Write.PutConfig({ resourceType: 32, resourceName: text, name: "n", value: text }))
              ])
            })
          )
          const offsets = yield* store.loadOffsets
          expect(offsets.toSorted((a, b) => a.partitionId - b.partitionId).map((o) => [o.groupId, o.metadata])).toEqual(
            texts.map((text) => [text, text])
          )
          const groups = yield* store.loadGroups
          expect(groups.map((group) => group.groupId + group.value).sort(byText)).toEqual(
            texts.map((text) => text + text).sort(byText)
          )
          const state = yield* store.acquire
          expect(state.configs.map((config) => config.resourceName + config.value).sort(byText)).toEqual(
            texts.map((text) => text + text).sort(byText)
          )
        })
      )

      it.live("configs are set, replaced and taken away", () =>
        Effect.gen(function* () {
          const { open } = yield* backend.cluster
          const store = yield* open
          const put = (name: string, value: string | null) =>
            Write.PutConfig({ resourceType: 4, resourceName: "", name, value })
          yield* Effect.scoped(
            Effect.gen(function* () {
              yield* store.acquire
              yield* store.commit([[put("a", "1"), put("b", "1"), put("c", "1"), put("c", null)]])
              yield* store.commit([[put("a", "2"), put("b", null), put("d", null), put("e", null), put("e", "3")]])
            })
          )
          const state = yield* store.acquire
          expect(state.configs.map((config) => `${config.name}=${config.value}`).sort(byText)).toEqual(["a=2", "e=3"])
        })
      )
    })
  })
}
