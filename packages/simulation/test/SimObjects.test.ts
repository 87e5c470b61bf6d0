import { describe, expect, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Chance } from "../src/Chance.ts"
import { ObjectFaults } from "../src/ObjectFaults.ts"
import { SimObjects } from "../src/SimObjects.ts"
import { World } from "../src/World.ts"

/** A store that a broker reaches, and when it was told that requests may fail. */
const reached = (seed: number) => {
  const world = new World(seed)
  const told: Array<string> = []
  let troubles = 0
  const objects = new SimObjects(world, new ObjectFaults(new Chance(seed)), true, {
    puts: (broker, name) => told.push(`${broker} puts ${name}`),
    stores: (name) => told.push(`stores ${name}`),
    appends: (name) => told.push(`appends to ${name}`),
    removes: (_, name) => told.push(`removes ${name}`),
    troubled: () => void troubles++
  })
  const view = world.view("broker")
  const store = objects.storeOf(view)
  const run = <A, E>(effect: Effect.Effect<A, E>) => {
    const fiber = view.fork(Effect.result(effect))
    world.run(() => fiber.pollUnsafe() !== undefined, 10_000)
    const exit = fiber.pollUnsafe()!
    return exit._tag === "Success" ? exit.value : undefined
  }
  return { objects, run, store, told, view, world, troubles: () => troubles }
}

const bytes = Uint8Array.of(1, 2, 3)

describe("the object store of a world", () => {
  it("keeps what was put, for every broker", () => {
    const { objects, run, store, told, troubles, world } = reached(1)
    objects.heal()
    run(store.put("a", [bytes]))
    expect(run(objects.storeOf(world.view("other")).get("a", 1, 3))).toMatchObject({ success: Uint8Array.of(2, 3) })
    expect(run(store.put("a", [bytes]))).toMatchObject({ failure: { _tag: "ObjectExists" } })
    run(store.remove("a"))
    expect(run(store.get("a", 0, 1))).toMatchObject({ failure: { _tag: "ObjectMissing" } })
    expect(told).toEqual(["broker puts a", "stores a", "broker puts a", "removes a"])
    expect(troubles()).toBe(0)
  })

  it("carries out what a process has asked for that is dead by then", () => {
    const { objects, store, view, world } = reached(1)
    objects.heal()
    view.fork(store.put("a", [bytes]))
    view.kill()
    expect(() => world.run(() => false, 1000)).toThrow("nothing will ever happen again")
    expect(Array.from(objects.data.objects.keys())).toEqual(["a"])
  })

  it("says so while nobody reaches it, and that nothing was sent", () => {
    const { objects, run, store, troubles } = reached(1)
    objects.loseFor(60_000)
    expect(run(store.list("", undefined))).toMatchObject({ failure: { _tag: "ObjectStoreUnavailable", sent: false } })
    expect(troubles()).toBeGreaterThan(0)
    objects.heal()
    expect(run(store.list("", undefined))).toMatchObject({ success: [] })
  })

  it("tells of an error of what happens, of what happens later, and of what never does", () => {
    const seen = new Set<string>()
    for (let seed = 1; seed <= 60; seed++) {
      const { objects, run, store, world } = reached(seed)
      const isThere = (name: string) => objects.data.objects.has(name)
      const failed: Array<readonly [name: string, how: string]> = []
      for (let i = 0; i < 20; i++) {
        const name = `object${i}`
        const result = run(store.put(name, [bytes]))
        if (result?._tag === "Success") expect(isThere(name)).toBe(true)
        else failed.push([name, `${(result!.failure as { sent: boolean }).sent ? "" : "not "}sent, ${isThere(name)}`])
      }
      expect(() => world.run(() => false, 10_000)).toThrow("nothing will ever happen again")
      for (const [name, how] of failed) seen.add(`${how}, at last ${isThere(name)}`)
    }
    expect(Array.from(seen).sort()).toEqual([
      "not sent, false, at last false",
      "sent, false, at last false",
      "sent, false, at last true",
      "sent, true, at last true"
    ])
  })
})
