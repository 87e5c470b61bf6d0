import { describe, expect, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { START_MS, World } from "../src/World.ts"
import type { View } from "../src/World.ts"

/** Runs until nothing is left to happen. */
const runDry = (world: World): void => {
  expect(() => world.run(() => false, 1000)).toThrow("nothing will ever happen again")
}

/** Notes when a process comes to each of its tasks: one at once, one after a second, one after five. */
const busy = (world: World, view: View) => {
  const times: Array<number> = []
  const note = () => void times.push(world.elapsedMs)
  view.post(note)
  view.after(1000, note)
  view.after(5000, note)
  return times
}

describe("a process of the world", () => {
  it("does each thing in its time", () => {
    const world = new World(1)
    const times = busy(world, world.view("a"))
    runDry(world)
    expect(times).toEqual([0, 1000, 5000])
  })

  it("does when it goes on what became due while it stood still, and others do not stand still with it", () => {
    const world = new World(1)
    const [still, other] = [world.view("still"), world.view("other")]
    const times = busy(world, still)
    const others = busy(world, other)
    still.hold(3000)
    expect([still.isHeld, still.heldMs]).toEqual([true, 0])
    other.after(2000, () => expect([still.isHeld, still.heldMs]).toEqual([true, 2000]))
    runDry(world)
    expect(times).toEqual([3000, 3000, 5000])
    expect(others).toEqual([0, 1000, 5000])
    expect([still.isHeld, still.heldMs]).toEqual([false, 3000])
  })

  it("does nothing any more once it is killed, also while it stands still", () => {
    const world = new World(1)
    const view = world.view("a")
    const times = busy(world, view)
    view.hold(3000)
    world.after(2000, () => view.kill())
    runDry(world)
    expect(times).toEqual([])
  })

  it("has a wall clock that may be set, and timers that do not go by it", () => {
    const world = new World(1)
    const view = world.view("a")
    const read = Effect.all([Clock.currentTimeMillis, Clock.monotonicTimeNanos])
    const seen: Array<readonly [number, bigint]> = []
    const note = Effect.map(read, (times) => void seen.push(times))
    view.fork(Effect.andThen(note, Effect.andThen(Effect.sleep(1000), note)))
    view.after(500, () => view.stepClock(-3_600_000))
    runDry(world)
    expect(seen).toEqual([
      [START_MS, 0n],
      [START_MS + 1000 - 3_600_000, 1_000_000_000n]
    ])
    expect([view.hasStepped, world.view("b").hasStepped, world.elapsedMs]).toEqual([true, false, 1000])
  })
})
