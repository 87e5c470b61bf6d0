import { assert, describe, it } from "@effect/vitest"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import { lookAt, remedy } from "../../src/net/Unsent.ts"
import type { Answer, Unsent } from "../../src/net/Unsent.ts"

const begin = (answer: Effect.Effect<ReadonlyArray<Uint8Array>>): Effect.Effect<Answer> =>
  Effect.forkChild(answer, { startImmediately: true })
const done = begin(Effect.succeed([]))
const underWay = begin(Effect.never)

/** What the watch does at each of some looks. */
const looks = (seen: ReadonlyArray<readonly [pending: ReadonlyArray<Answer>, isWriting: boolean]>) => {
  let unsent: Unsent | undefined
  return seen.map(([pending, isWriting]) => remedy((unsent = lookAt(unsent, pending, isWriting))))
}

describe("the watch for answers that are ready and not sent", () => {
  it.effect("finds one at its second look, and ends the connection if waking its writer was of no use", () =>
    Effect.gen(function* () {
      const pending = [yield* done, yield* underWay]
      assert.deepStrictEqual(looks([1, 2, 3].map(() => [pending, false])), [undefined, "wake", "close"])
    })
  )

  it.effect("finds nothing while the first is under way, whatever is behind it", () =>
    Effect.gen(function* () {
      const pending = [yield* underWay, yield* done]
      assert.deepStrictEqual(looks([1, 2, 3].map(() => [pending, false])), [undefined, undefined, undefined])
      assert.deepStrictEqual(looks([1, 2, 3].map(() => [[], false])), [undefined, undefined, undefined])
    })
  )

  it.effect("finds nothing while a slow client takes it", () =>
    Effect.gen(function* () {
      const pending = [yield* done]
      const seen = [false, true, true, false].map((isWriting) => [pending, isWriting] as const)
      assert.deepStrictEqual(looks(seen), [undefined, undefined, undefined, undefined])
    })
  )

  it.effect("finds nothing if it is another at each look", () =>
    Effect.gen(function* () {
      const seen = yield* Effect.forEach([1, 2, 3], () => Effect.map(done, (answer) => [[answer], false] as const))
      assert.deepStrictEqual(looks(seen), [undefined, undefined, undefined])
    })
  )

  it.effect("a writer that was not told of an answer sends it once it is woken", () =>
    Effect.gen(function* () {
      const pending: Array<Answer> = []
      const changed = makeSignal()
      const writer = yield* Effect.forkChild(
        Effect.map(
          changed.until(() => pending.length > 0),
          () => pending.splice(0)
        ),
        { startImmediately: true }
      )
      pending.push(yield* done)
      let unsent: Unsent | undefined
      while (remedy((unsent = lookAt(unsent, pending, false))) !== "wake") assert.isUndefined(writer.pollUnsafe())
      changed.notify()
      assert.isDefined(writer.pollUnsafe())
      assert.lengthOf(pending, 0)
    })
  )
})
