import { assert, describe, it } from "@effect/vitest"
import { InvalidConfig } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import { Active } from "../src/commit/Active.ts"
import { Committer } from "../src/commit/Committer.ts"
import { writing } from "../src/commit/Participant.ts"
import type { Participant } from "../src/commit/Participant.ts"
import { Configs } from "../src/topics/Configs.ts"
import { deletions } from "../src/deletions.ts"
import { GroupStore } from "../src/groups/GroupStore.ts"
import { Log } from "../src/log/Log.ts"
import { Offsets } from "../src/offsets/Offsets.ts"
import { SqlClaims } from "../src/offsets/SqlClaims.ts"
import { ProducerIds } from "../src/log/ProducerIds.ts"
import { Fenced, StoreUnavailable } from "../src/port/StoreError.ts"
import { Topics, TopicsOptions } from "../src/topics/Topics.ts"
import { StoreRefused } from "../src/port/StoreError.ts"
import { FaultyStore } from "./FaultyStore.ts"

const layerOf = (store: FaultyStore) =>
  deletions.pipe(
    Layer.provideMerge(Layer.mergeAll(ProducerIds.layer, GroupStore.layer, Topics.layer)),
    Layer.provideMerge(Layer.mergeAll(Configs.layer, Log.layer, Offsets.layer, SqlClaims.layer)),
    Layer.provideMerge(Committer.layer),
    Layer.provideMerge(Active.layer),
    Layer.provide(store.layer),
    Layer.provide(Layer.succeed(TopicsOptions, { maxPartitions: 5 }))
  )

type Services = Layer.Success<ReturnType<typeof layerOf>>

/** Runs with the services of one broker over this store, then stops it. */
const serving = <A, E>(store: FaultyStore, test: Effect.Effect<A, E, Services>): Effect.Effect<A, unknown> =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(Layer.fresh(layerOf(store)), scope)
    return yield* Effect.ensuring(Effect.provide(test, context), Scope.close(scope, Exit.void))
  })

const NO_CONFIGS = new Map<string, string>()
const offset = (partitionId: number, value: bigint) => ({
  partitionId,
  offset: value,
  leaderEpoch: -1,
  metadata: null,
  commitTimestamp: 1n,
  expireTimestamp: -1n
})

describe("a service that keeps something of what is deleted", () => {
  it.effect(
    "joins the commit that deletes it, is told if that fails, and runs what comes after before the answer",
    () => {
      const store = new FaultyStore()
      return serving(
        store,
        Effect.gen(function* () {
          const topics = yield* Topics
          const groups = yield* GroupStore
          const told: Array<string> = []
          const joined = (name: string): Participant<void> => ({
            ...writing([{ _tag: "PutOffset", groupId: "audit", ...offset(99, 1n) }]),
            settle: (error) => void told.push(`${name}: ${error?._tag ?? "stored"}`)
          })
          const after = (name: string) => Effect.sync(() => void told.push(`after ${name}`))
          topics.onDeleted({ joined: ({ name, partitionIds }) => joined(`${name} of ${partitionIds.length}`) })
          topics.onDeleted({ after: ({ name }) => after(name) })
          groups.onDeleted({ joined, after })

          const { topicId } = yield* topics.create({ name: "a", partitions: 1, configs: NO_CONFIGS })
          store.faults.push({ stored: false, error: new StoreRefused({ message: "no" }) })
          yield* Effect.flip(topics.remove(topicId))
          assert.deepStrictEqual(told.splice(0), ["a of 1: StoreRefused"])
          assert.isDefined(topics.byName("a"))

          // What grows in the same commit goes with the rest.
          store.commits.length = 0
          yield* Effect.all([topics.addPartitions("a", 3), topics.remove(topicId)], { concurrency: "unbounded" })
          const removal = store.commits.flat().find((unit) => unit.some(({ _tag }) => _tag === "DeleteTopic"))!
          assert.deepStrictEqual(
            removal.map(({ _tag }) => _tag),
            ["DeleteTopic", "PutOffset"]
          )
          assert.deepStrictEqual(told.splice(0), ["a of 3: stored", "after a"])
          yield* groups.remove("g")
          assert.deepStrictEqual(told, ["g: stored", "after g"])
        })
      )
    }
  )
})

describe("topics", () => {
  it.effect("are made with their configs, grow, and go with their configs and offsets", () => {
    const store = new FaultyStore()
    return serving(
      store,
      Effect.gen(function* () {
        const topics = yield* Topics
        const configs = yield* Configs
        const offsets = yield* Offsets
        const made = yield* topics.create({ name: "a", partitions: 2, configs: new Map([["retention.ms", "5"]]) })
        assert.strictEqual(topics.byId(made.topicId), topics.byName("a"))
        assert.strictEqual(configs.of(2, "a").get("retention.ms"), "5")
        const grown = yield* topics.addPartitions("a", 3)
        assert.deepStrictEqual(grown.partitionIds.slice(0, 2), made.partitionIds)
        assert.deepStrictEqual(topics.ofPartition(grown.partitionIds[2]!), { topic: grown, index: 2 })
        yield* offsets.commit("g", [offset(grown.partitionIds[0]!, 7n)])
        yield* topics.remove(made.topicId)
        assert.isUndefined(topics.byName("a"))
        assert.strictEqual(configs.of(2, "a").size, 0)
        assert.strictEqual(offsets.fetch("g").size, 0)
        assert.deepStrictEqual(topics.orphans(), grown.partitionIds)
        const again = yield* topics.create({ name: "a", partitions: 1, configs: NO_CONFIGS })
        assert.notStrictEqual(again.topicId, made.topicId)
        assert.notInclude(grown.partitionIds, again.partitionIds[0])
      })
    )
  })

  it.effect("share one limit of partitions, also two of the same commit", () =>
    serving(
      new FaultyStore(),
      Effect.gen(function* () {
        const topics = yield* Topics
        const create = (name: string) =>
          Effect.match(topics.create({ name, partitions: 3, configs: NO_CONFIGS }), {
            onFailure: (error) => error._tag as string,
            onSuccess: () => "done"
          })
        const both = yield* Effect.all([create("a"), create("b")], { concurrency: "unbounded" })
        assert.deepStrictEqual(both, ["done", "PolicyViolation"])
      })
    )
  )

  it.effect("are refused if there is one, beyond the limit, and if the store refuses", () => {
    const store = new FaultyStore()
    return serving(
      store,
      Effect.gen(function* () {
        const topics = yield* Topics
        const tag = (effect: Effect.Effect<unknown, { readonly _tag: string }>) =>
          Effect.match(effect, { onFailure: (error) => error._tag, onSuccess: () => "done" })
        const create = (name: string, partitions: number) => topics.create({ name, partitions, configs: NO_CONFIGS })
        const both = yield* Effect.all([tag(create("a", 1)), tag(create("a", 1))], { concurrency: "unbounded" })
        assert.deepStrictEqual(both, ["done", "TopicAlreadyExists"])
        assert.strictEqual(yield* tag(create("b", 5)), "PolicyViolation")
        assert.strictEqual(yield* tag(topics.addPartitions("a", 1)), "InvalidPartitions")
        assert.strictEqual(yield* tag(topics.addPartitions("none", 3)), "UnknownTopicOrPartition")
        assert.strictEqual(yield* tag(topics.remove("none")), "UnknownTopicId")
        store.faults.push({ stored: false, error: new StoreUnavailable({ message: "full" }) })
        assert.strictEqual(yield* tag(create("c", 1)), "KafkaStorageError")
        assert.isUndefined(topics.byName("c"))
        assert.strictEqual(yield* tag(create("c", 1)), "done")
      })
    )
  })
})

describe("claims in SQL", () => {
  it.effect("are those that are stored, and what the broker is told of; a take-over reads them anew", () => {
    const store = new FaultyStore()
    store.claims = [{ groupId: "g", partitionId: 1 }]
    return serving(
      store,
      Effect.gen(function* () {
        const claims = yield* SqlClaims
        const all = () => [1, 2, 3].filter((partitionId) => claims.has("g", partitionId))
        assert.deepStrictEqual(all(), [1])
        assert.isFalse(claims.has("other", 1))
        claims.claimed("g", 2)
        claims.claimed("g", 2)
        assert.deepStrictEqual(all(), [1, 2])
        claims.released("g", 2)
        claims.released("other", 1)
        assert.deepStrictEqual(all(), [1])
        store.claims = [{ groupId: "g", partitionId: 3 }]
        store.faults.push({ stored: false, error: new Fenced({ message: "gone" }) })
        yield* Effect.flip((yield* Offsets).commit("g", [offset(1, 1n)]))
        yield* (yield* Active).whenServing
        assert.deepStrictEqual(all(), [3])
      })
    )
  })

  it.effect("go with the topic", () =>
    serving(
      new FaultyStore(),
      Effect.gen(function* () {
        const [topics, claims] = [yield* Topics, yield* SqlClaims]
        const { partitionIds, topicId } = yield* topics.create({ name: "a", partitions: 2, configs: NO_CONFIGS })
        for (const partitionId of [...partitionIds, 99]) claims.claimed("g", partitionId)
        yield* topics.remove(topicId)
        assert.deepStrictEqual(
          [...partitionIds, 99].map((partitionId) => claims.has("g", partitionId)),
          [false, false, true]
        )
      })
    )
  )
})

describe("what services keep", () => {
  it.effect("is there for the next broker: topics, configs, offsets, groups, producer ids", () => {
    const store = new FaultyStore()
    return Effect.gen(function* () {
      const before = yield* serving(
        store,
        Effect.gen(function* () {
          const topic = yield* (yield* Topics).create({ name: "a", partitions: 1, configs: NO_CONFIGS })
          yield* (yield* Configs).change(4, "", () => new Map([["log.retention.ms", "9"]]))
          yield* (yield* Offsets).commit("g", [offset(topic.partitionIds[0]!, 3n)])
          yield* (yield* Offsets).commit("g", [offset(topic.partitionIds[0]!, 4n)])
          yield* (yield* GroupStore).put({ groupId: "g", kind: "classic", value: "{}" })
          const ids = yield* ProducerIds
          return { topic, ids: [yield* ids.next, yield* ids.next] }
        })
      )
      assert.deepStrictEqual(before.ids, [0n, 1n])
      yield* serving(
        store,
        Effect.gen(function* () {
          assert.deepStrictEqual((yield* Topics).byName("a"), before.topic)
          assert.strictEqual((yield* Configs).of(4, "").get("log.retention.ms"), "9")
          assert.strictEqual((yield* Offsets).fetch("g").get(before.topic.partitionIds[0]!)!.offset, 4n)
          assert.deepStrictEqual(yield* (yield* GroupStore).load, [
            { groupId: "g", kind: "classic", value: "{}", members: [], sharePartitions: [] }
          ])
          // Ids of a block that was taken are given to no other broker.
          assert.strictEqual(yield* (yield* ProducerIds).next, 1000n)
          yield* (yield* GroupStore).remove("g")
          assert.strictEqual((yield* Offsets).fetch("g").size, 0)
        })
      )
    })
  })

  it.effect("configs are one object until they change, and what is not named anew is taken away", () =>
    serving(
      new FaultyStore(),
      Effect.gen(function* () {
        const configs = yield* Configs
        yield* configs.change(
          4,
          "1",
          () =>
            new Map([
              ["a", "1"],
              ["b", "2"]
            ])
        )
        const first = configs.of(4, "1")
        assert.strictEqual(configs.of(4, "1"), first)
        yield* configs.change(4, "1", () => new Map([["b", "3"]]))
        assert.deepStrictEqual(Array.from(configs.of(4, "1")), [["b", "3"]])
        assert.deepStrictEqual(configs.names(4), ["1"])
      })
    )
  )

  it.effect("configs that are changed at once are decided on each other, one after the other", () => {
    const store = new FaultyStore()
    const names = ["a", "b", "c", "d", "e", "f", "g", "h"]
    const added = (name: string) => (present: ReadonlyMap<string, string>) => new Map([...present, [name, "1"]])
    return Effect.gen(function* () {
      yield* serving(
        store,
        Effect.gen(function* () {
          const configs = yield* Configs
          store.faults.push({ stored: false, error: new StoreUnavailable({ message: "full" }) })
          const refused = configs.change(4, "1", () => new InvalidConfig({ message: "no" }))
          const all = [...names.map((name) => configs.change(4, "1", added(name))), refused]
          const results = yield* Effect.forEach(all, Effect.result, { concurrency: "unbounded" })
          assert.deepStrictEqual(results.map(Result.isSuccess), [...names.map(() => true), false])
          assert.deepStrictEqual(Array.from(configs.of(4, "1").keys()).sort(), names)
        })
      )
      yield* serving(
        store,
        Effect.gen(function* () {
          assert.deepStrictEqual(Array.from((yield* Configs).of(4, "1").keys()).sort(), names)
        })
      )
    })
  })

  it.effect("an offset of a failed commit is not seen", () => {
    const store = new FaultyStore()
    return serving(
      store,
      Effect.gen(function* () {
        const offsets = yield* Offsets
        yield* offsets.commit("g", [offset(1, 3n)])
        store.faults.push({ stored: false, error: new StoreUnavailable({ message: "full" }) })
        const failed = yield* Effect.result(offsets.commit("g", [offset(1, 9n)]))
        assert.isTrue(Result.isFailure(failed))
        assert.strictEqual(offsets.fetch("g").get(1)!.offset, 3n)
        yield* offsets.remove("g", [1])
        assert.deepStrictEqual(Array.from(offsets.groupIds()), [])
      })
    )
  })
})
