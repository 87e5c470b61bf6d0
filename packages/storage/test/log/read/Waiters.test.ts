import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { fire, makeWaiters } from "../../../src/log/read/Waiters.ts"

const position = (partitionId: number) => ({ partitionId, bound: "HighWatermark" as const, readableEnd: 0n })
const unmoved = () => false
const wait = (waiters: ReturnType<typeof makeWaiters>, ids: ReadonlyArray<number>, bytes: number, moved = unmoved) =>
  Effect.forkChild(waiters.wait(ids.map(position), bytes, moved), { startImmediately: true })

describe("waiters", () => {
  it.effect("wake when enough bytes have come in all their partitions together, and are gone then", () =>
    Effect.gen(function* () {
      const waiters = makeWaiters()
      const fiber = yield* wait(waiters, [1, 2], 100)
      fire(waiters, 1, 60, 60)
      assert.isUndefined(fiber.pollUnsafe())
      fire(waiters, 3, 1000, 1000)
      assert.isUndefined(fiber.pollUnsafe())
      fire(waiters, 2, 40, 40)
      yield* Fiber.join(fiber)
      assert.strictEqual(waiters.byPartition.size, 0)
    })
  )

  it.effect("wake when a partition changes otherwise, or has moved before they could wait", () =>
    Effect.gen(function* () {
      const waiters = makeWaiters()
      const changed = yield* wait(waiters, [1], 100)
      waiters.change(1)
      yield* Fiber.join(changed)
      yield* waiters.wait([position(1)], 100, () => true)
      const all = yield* wait(waiters, [1, 2], 100)
      waiters.fireAll()
      yield* Fiber.join(all)
      assert.strictEqual(waiters.byPartition.size, 0)
    })
  )

  it.effect("may be ended otherwise, also at once; what may end them is told when they are over", () =>
    Effect.gen(function* () {
      const waiters = makeWaiters()
      const begun: Array<() => void> = []
      let ended = 0
      const ending = {
        begin: (wake: () => void) => void begun.push(wake),
        end: (wake: () => void) => {
          assert.strictEqual(wake, begun[0])
          ended++
        }
      }
      const fiber = yield* Effect.forkChild(waiters.wait([position(1)], 100, unmoved, ending), {
        startImmediately: true
      })
      assert.deepStrictEqual([begun.length, ended], [1, 0])
      begun[0]!()
      yield* Fiber.join(fiber)
      assert.deepStrictEqual([waiters.byPartition.size, ended], [0, 1])

      const known = new Set<() => void>()
      yield* waiters.wait([position(1)], 100, unmoved, {
        begin: (wake) => {
          wake()
          known.add(wake)
        },
        end: (wake) => known.delete(wake)
      })
      assert.deepStrictEqual([waiters.byPartition.size, known.size], [0, 0])
    })
  )

  it.effect("are woken once by one append, though they find nothing and wait again", () =>
    Effect.gen(function* () {
      const waiters = makeWaiters()
      let wakes = 0
      const poll: Effect.Effect<void> = Effect.suspend(() =>
        Effect.flatMap(waiters.wait([position(1)], 1, unmoved), () => (++wakes < 1000 ? poll : Effect.void))
      )
      const fibers = yield* Effect.forEach([1, 2, 3], () => Effect.forkChild(poll, { startImmediately: true }))
      fire(waiters, 1, 10, 10)
      assert.strictEqual(wakes, 3)
      yield* Fiber.interruptAll(fibers)
    })
  )

  it.effect("leave nothing behind when they are interrupted", () =>
    Effect.gen(function* () {
      const waiters = makeWaiters()
      const fiber = yield* wait(waiters, [1, 2], 100)
      assert.strictEqual(waiters.byPartition.size, 2)
      yield* Fiber.interrupt(fiber)
      assert.strictEqual(waiters.byPartition.size, 0)
    })
  )
})
