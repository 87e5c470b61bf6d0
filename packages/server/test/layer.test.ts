import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Tusk } from "../src/Tusk.ts"

/** Somebody who uses a broker, and says which. */
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

describe("Tusk.layer", () => {
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
