import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { random } from "../../../protocol/test/codec/Mutation.ts"
import { Places } from "../../src/request/Places.ts"

describe("the places of a connection", () => {
  it.effect("are taken in order of arrival, whichever is ready or given up first", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 200; seed++) {
        const below = random(seed)
        const places = new Places()
        const taken: Array<number> = []
        const gone: Array<number> = []
        const claims = Array.from({ length: 8 }, () => places.claim())
        // Each waits for its turn, in any order; some give up before it has come, as at a timeout.
        const order = claims.map((_, i) => i).toSorted(() => below(3) - 1)
        const waiting = []
        for (const i of order) {
          const turn = places.turnOf(claims[i]!).pipe(
            Effect.andThen(Effect.sync(() => taken.push(i))),
            Effect.onInterrupt(() => Effect.sync(() => gone.push(i))),
            Effect.ensuring(Effect.sync(() => places.end(claims[i]!)))
          )
          const fiber = yield* Effect.forkChild(turn, { startImmediately: true })
          waiting.push(fiber)
          if (i > 0 && below(4) === 0) yield* Fiber.interrupt(fiber)
        }
        yield* Effect.forEach(waiting, Fiber.await)
        assert.deepStrictEqual(
          taken,
          taken.toSorted((a, b) => a - b),
          `seed ${seed}`
        )
        assert.strictEqual(taken.length + gone.length, 8, `seed ${seed}`)
        assert.isTrue(places.isEmpty)
        yield* places.drained
      }
    })
  )

  it.effect("one that is given up lets none past those before it", () =>
    Effect.gen(function* () {
      const places = new Places()
      const [first, second, third] = [places.claim(), places.claim(), places.claim()]
      const fiber = yield* Effect.forkChild(places.turnOf(third), { startImmediately: true })
      places.end(second)
      assert.isUndefined(fiber.pollUnsafe())
      places.end(first)
      yield* Fiber.join(fiber)
    })
  )
})
