import { assert, describe, it } from "@effect/vitest"
import { Fetch } from "@tusk/protocol/messages/Fetch"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { apis } from "@tusk/protocol/messages/index"
import { Histogram } from "@tusk/storage/Histogram"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { together } from "../../src/observe/together.ts"
import { countErrors, errorPlaces } from "../../src/request/answerErrors.ts"
import { ApiCounts } from "../../src/request/ServerCounts.ts"

describe("a histogram", () => {
  it("a value at a bound is within it, one beyond all of them in the last bucket", () => {
    const histogram = new Histogram([1, 2, 5])
    for (const value of [0, 1, 1.5, 2, 5, 5.1, 100]) histogram.observe(value)
    assert.deepStrictEqual(Array.from(histogram.counts), [2, 2, 1, 2])
    assert.deepStrictEqual([histogram.count, histogram.min, histogram.max], [7, 0, 100])
    assert.closeTo(histogram.sum, 114.6, 1e-9)
  })
})

describe("errors in an answer", () => {
  it("are counted where an answer has them, by code", () => {
    const counts = new ApiCounts(Fetch)
    const answer = Fetch.response.defaults()
    const partition = (errorCode: number) => ({ partitionIndex: 0, errorCode, records: null })
    const responses = [{ topic: "t", partitions: [partition(0), partition(3), partition(3)] }]
    const first = counts.answered({ ...answer, errorCode: 70, responses }, [new Uint8Array(3), new Uint8Array(4)], 2)
    assert.isTrue(first === 3 || first === 70)
    assert.deepStrictEqual(
      [...counts.errors].sort(([a], [b]) => a - b),
      [
        [3, 2],
        [70, 1]
      ]
    )
    assert.deepStrictEqual([counts.responseBytes, counts.seconds.count, counts.seconds.sum], [7, 1, 0.002])
    assert.strictEqual(counts.answered(answer, [], 1), 0)
    // A request that wants no answer.
    assert.strictEqual(counts.answered(undefined, [], 1), 0)
    assert.strictEqual(counts.seconds.count, 3)
  })

  it("nearly every API has a place for them, and defaults have none", () => {
    const without = apis.filter(({ response }) => {
      const places = errorPlaces(response.plan(response.maxVersion))
      assert.strictEqual(countErrors(places, response.defaults() as object, new Map()), 0)
      return places.own === undefined && places.within.length === 0
    })
    assert.deepStrictEqual(
      without.map(({ name }) => name),
      []
    )
    assert.strictEqual(errorPlaces(ApiVersions.response.plan(4)).own, "errorCode")
  })
})

describe("together", () => {
  it.effect("those that ask while one is under way share the next one", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let looks = 0
      const look = together(Effect.suspend(() => Effect.as(Deferred.await(gate), ++looks)))
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(look, { startImmediately: true }))
      yield* Deferred.succeed(gate, undefined)
      assert.deepStrictEqual(yield* Effect.forEach(fibers, Fiber.join), [1, 2, 2])
      assert.strictEqual(yield* look, 3)
    })
  )

  it.effect("one that is interrupted covers nobody", () =>
    Effect.gen(function* () {
      const gate = yield* Deferred.make<void>()
      let looks = 0
      const look = together(Effect.suspend(() => Effect.as(Deferred.await(gate), ++looks)))
      const first = yield* Effect.forkChild(look, { startImmediately: true })
      const second = yield* Effect.forkChild(look, { startImmediately: true })
      yield* Fiber.interrupt(first)
      yield* Deferred.succeed(gate, undefined)
      assert.strictEqual(yield* Fiber.join(second), 2)
    })
  )
})
