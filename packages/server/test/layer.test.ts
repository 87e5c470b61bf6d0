import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { DescribeConfigs } from "@tusk/protocol/messages/DescribeConfigs"
import { Active } from "@tusk/storage/commit/Active"
import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { Fenced } from "@tusk/storage/port/StoreError"
import { Tusk } from "../src/Tusk.ts"
import type { TuskError } from "../src/Tusk.ts"
import { WireClient } from "./WireClient.ts"

/** A service that uses a broker, and says which. */
class User extends Context.Service<User, { readonly clusterId: string; readonly port: number }>()("test/User") {
  static readonly layer = Layer.effect(
    User,
    Effect.map(Tusk, ({ clusterId, listeners }) => User.of({ clusterId, port: listeners[0]!.port }))
  )
}

const both = Effect.gen(function* () {
  const { clusterId, listeners } = yield* Tusk
  const user = yield* User
  return { tusk: [clusterId, listeners[0]!.port], user: [user.clusterId, user.port] }
})

/** All that a start can come to: does not compile if there is more. */
const errors = {
  SettingsError: true,
  ListenError: true,
  LockHeld: true,
  SchemaTooNew: true,
  StoreUnavailable: true
} satisfies Record<TuskError["_tag"], true>
const layers: ReadonlyArray<Layer.Layer<Tusk, TuskError>> = [
  Tusk.layerMemory(),
  Tusk.layerPg({ pg: { url: "postgres://h/d" }, settings: { "num.partitions": 3 } })
]

const failure = (layer: Layer.Layer<Tusk, TuskError>) => Effect.flip(Effect.scoped(Layer.build(layer)))

describe("Tusk.layer", () => {
  it.live("takes settings by Kafka's names, which DescribeConfigs shows", () =>
    Effect.gen(function* () {
      const settings = { "num.partitions": 3, "auto.create.topics.enable": false, "message.max.bytes": "2000000" }
      const { listeners } = yield* Tusk.pipe(Effect.provide(Tusk.layerMemory({ settings })), Effect.scoped)
      assert.isAbove(listeners[0]!.port, 0)
      const tusk = Context.get(yield* Layer.build(Tusk.layerMemory({ settings })), Tusk)
      const client = yield* Effect.acquireRelease(
        Effect.promise(() => WireClient.connect(tusk.listeners[0]!.port)),
        (open) => Effect.promise(() => open[Symbol.asyncDispose]())
      )
      const answer = yield* Effect.promise(() =>
        client.call(DescribeConfigs, 4, {
          resources: [{ resourceType: 4, resourceName: "1", configurationKeys: Object.keys(settings) }],
          includeSynonyms: false,
          includeDocumentation: false
        })
      )
      const STATIC_BROKER_CONFIG = 4
      assert.sameDeepMembers(
        answer.results[0]!.configs.map(({ configSource, name, value }) => [name, value, configSource]),
        Object.entries(settings).map(([name, value]) => [name, String(value), STATIC_BROKER_CONFIG])
      )
    })
  )

  it.live("fails with one of a handful of errors", () =>
    Effect.gen(function* () {
      assert.lengthOf(Object.keys(errors), 5)
      assert.lengthOf(layers, 2)
      // @ts-expect-error: a misspelt name does not compile
      const wrong = yield* failure(Tusk.layerMemory({ settings: { "num.partitoins": 3 } }))
      assert.strictEqual(wrong._tag, "SettingsError")
      assert.include(wrong.message, "unknown setting num.partitoins; did you mean num.partitions?")
      const url = "postgres://u@127.0.0.1:1/d"
      assert.strictEqual((yield* failure(Tusk.layerPg({ pg: { url } })))._tag, "StoreUnavailable")
      const fenced = Tusk.layer(
        {},
        { active: Layer.effect(Active, Effect.fail(new Fenced({ message: "the lock is gone" }))) }
      ).pipe(Layer.provide(MemoryStore.layer({ maxBytes: 1 })))
      const lost = yield* failure(fenced)
      assert.deepInclude(lost, { _tag: "StoreUnavailable", message: "the lock is gone" })
    })
  )

  it.live("one value that is provided twice is one broker", () =>
    Effect.gen(function* () {
      const layer = Tusk.layerMemory()
      const merged = yield* Effect.scoped(Effect.provide(both, Layer.merge(layer, Layer.provide(User.layer, layer))))
      assert.deepStrictEqual(merged.user, merged.tusk)
      const nested = yield* both.pipe(
        Effect.provide(Layer.provide(User.layer, layer)),
        Effect.provide(layer),
        Effect.scoped
      )
      assert.deepStrictEqual(nested.user, nested.tusk)
    })
  )

  it.live("two calls are two, each with services of its own", () =>
    Effect.gen(function* () {
      const layers = Layer.merge(Tusk.layerMemory(), Layer.provide(User.layer, Tusk.layerMemory()))
      const { tusk, user } = yield* Effect.scoped(Effect.provide(both, layers))
      assert.notStrictEqual(tusk[0], user[0])
      assert.notStrictEqual(tusk[1], user[1])
    })
  )
})
