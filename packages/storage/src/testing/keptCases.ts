import { describe, expect, it } from "@effect/vitest"
import * as Arbitrary from "effect/Arbitrary"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { NOTHING_TOLD } from "../port/counters.ts"
import { Write } from "../port/Write.ts"
import {
  Model,
  TOPIC,
  OTHER_TOPIC,
  MEBIBYTE,
  topicWith,
  offset,
  brief,
  briefly,
  between,
  byText
} from "./storeScenarios.ts"
import type { Port, Scenarios, StoreBackend } from "./storeScenarios.ts"

/** What goes, what is found by time, and what is kept beside the log: offsets, groups, configs. */
export const keptCases = (backend: StoreBackend, { scenario, log, readOne, loadOne }: Scenarios): void => {
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

    log("a config that came with its topic's deletion is not the next one's of that name", (store) =>
      Effect.gen(function* () {
        const set = Write.PutConfig({ resourceType: 2, resourceName: "t", name: "retention.ms", value: "1" })
        yield* store.commit([[Write.DeleteTopic({ topicId: TOPIC })], [set]])
        yield* store.commit([
          topicWith("CCCCCCCCCCCCCCCCCCCCCC", "t", [3]),
          [Write.PutConfig({ resourceType: 2, resourceName: "t", name: "segment.ms", value: "2" })]
        ])
        const { configs } = yield* Effect.scoped(store.acquire(NOTHING_TOLD))
        expect(configs.map(({ name }) => name)).toEqual(["segment.ms"])
      })
    )

    it.live("orphans are told to the next broker, and partition ids are never given twice", () =>
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const store = yield* open
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.acquire(NOTHING_TOLD)
            yield* store.commit([topicWith(TOPIC, "t", [5, 9]), topicWith(OTHER_TOPIC, "other", [2])])
            yield* store.commit([
              [Write.PutConfig({ resourceType: 2, resourceName: "other", name: "x", value: "1" })],
              [Write.DeleteTopic({ topicId: TOPIC })]
            ])
          })
        )
        yield* Effect.scoped(
          Effect.gen(function* () {
            const state = yield* store.acquire(NOTHING_TOLD)
            expect(state.orphans.toSorted((a, b) => a - b)).toEqual([5, 9])
            expect(state.nextPartitionId).toBe(10)
            expect(state.topics).toEqual([{ topicId: OTHER_TOPIC, name: "other", partitionIds: [2] }])
            expect(state.configs).toEqual([{ resourceType: 2, resourceName: "other", name: "x", value: "1" }])
            yield* store.commit([[5, 9].map((partitionId) => Write.DropPartition({ partitionId }))])
          })
        )
        const state = yield* store.acquire(NOTHING_TOLD)
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
        expect(offsets.toSorted((a, b) => byText(a.groupId, b.groupId) || a.partitionId - b.partitionId)).toMatchObject(
          [
            { groupId: "g", partitionId: 1, offset: 2n, metadata: null, leaderEpoch: 1, expireTimestamp: -1n },
            { groupId: "g", partitionId: 2, offset: 3n, metadata: "b", commitTimestamp: 1_700_000_000_000n },
            { groupId: "h", partitionId: 1, offset: 5n, metadata: "" }
          ]
        )
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

    scenario("members of a group are set, replaced and taken away, one by one or with the group", ({ store }) =>
      Effect.gen(function* () {
        const member = (groupId: string, memberId: string, value: string) =>
          Write.PutGroupMember({ groupId, memberId, value })
        const group = (groupId: string, value: string) => Write.PutGroup({ groupId, kind: "consumer", value })
        const loaded = Effect.map(store.loadGroups, (groups) =>
          groups
            .flatMap(({ groupId, members = [], value }) => [
              `${groupId}=${value}`,
              ...members.map(({ memberId, value }) => `${groupId}/${memberId}=${value}`)
            ])
            .sort(byText)
        )
        yield* store.commit([
          [group("g", "1"), member("g", "a", "1"), member("g", "a", "2"), member("g", "\0", "\0")],
          [group("ga", "1"), member("ga", "", "1")],
          [group("none", "1")]
        ])
        expect(yield* loaded).toEqual(["g/\0=\0", "g/a=2", "g=1", "ga/=1", "ga=1", "none=1"].sort(byText))
        yield* store.commit([
          [member("g", "b", "3"), Write.DeleteGroupMember({ groupId: "g", memberId: "a" })],
          [Write.DeleteGroupMember({ groupId: "ga", memberId: null }), member("ga", "x", "1")],
          [Write.DeleteGroupMember({ groupId: "ga", memberId: "y" }), member("ga", "y", "2")]
        ])
        expect(yield* loaded).toEqual(["g/\0=\0", "g/b=3", "g=1", "ga/x=1", "ga/y=2", "ga=1", "none=1"].sort(byText))
        yield* store.commit([
          [Write.DeleteGroup({ groupId: "g" }), group("g", "2"), member("g", "z", "9")],
          [Write.DeleteGroup({ groupId: "ga" })]
        ])
        expect(yield* loaded).toEqual(["g/z=9", "g=2", "none=1"].sort(byText))
      })
    )

    it.live("names and texts of any characters come back as they were", () =>
      Effect.gen(function* () {
        const { open } = yield* backend.cluster
        const store = yield* open
        const texts = ["", "\0", "a\0b", "\x1a", "\x1a0\0\x1a", "'; drop table x --", "é漢🐘", "\\x00", "{}", "NULL"]
        yield* Effect.scoped(
          Effect.gen(function* () {
            yield* store.acquire(NOTHING_TOLD)
            yield* store.commit([
              texts.map((text, i) => offset(text, i, BigInt(i), text)),
              texts.map((text) => Write.PutGroup({ groupId: text, kind: "classic", value: text })),
              texts.map((text) => Write.PutConfig({ resourceType: 32, resourceName: text, name: "n", value: text }))
            ])
          })
        )
        const state = yield* store.acquire(NOTHING_TOLD)
        const offsets = yield* store.loadOffsets
        expect(offsets.toSorted((a, b) => a.partitionId - b.partitionId).map((o) => [o.groupId, o.metadata])).toEqual(
          texts.map((text) => [text, text])
        )
        const groups = yield* store.loadGroups
        expect(groups.map((group) => group.groupId + group.value).sort(byText)).toEqual(
          texts.map((text) => text + text).sort(byText)
        )
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
            yield* store.acquire(NOTHING_TOLD)
            yield* store.commit([[put("a", "1"), put("b", "1"), put("c", "1"), put("c", null)]])
            yield* store.commit([[put("a", "2"), put("b", null), put("d", null), put("e", null), put("e", "3")]])
          })
        )
        const state = yield* store.acquire(NOTHING_TOLD)
        expect(state.configs.map((config) => `${config.name}=${config.value}`).sort(byText)).toEqual(["a=2", "e=3"])
      })
    )
  })
}
