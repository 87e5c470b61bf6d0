import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { Incarnation } from "../../../src/log/objects/CollectorOptions.ts"
import { incarnationLayer } from "../../../src/log/objects/Objects.ts"

/** The word when each die shows that part of what it may. */
const wordAt = (part: number) =>
  Effect.gen(function* () {
    return yield* Incarnation
  }).pipe(
    Effect.provide(incarnationLayer),
    Effect.provideService(Random.Random, { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => part })
  )

describe("the word in the names of a process' objects", () => {
  it.effect("is of letters, from the first to the last", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* wordAt(0), "aaaaaaaa")
      assert.strictEqual(yield* wordAt(1 - 2 ** -53), "zzzzzzzz")
    })
  )
})
