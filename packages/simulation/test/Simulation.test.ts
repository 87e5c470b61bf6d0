import { describe, expect, it } from "@effect/vitest"
import { groups } from "@tusk/server/BrokerLayer"
import { Committer } from "@tusk/storage/Committer"
import { Log } from "@tusk/storage/log/Log"
import { Offsets } from "@tusk/storage/Offsets"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { plants } from "../src/Plants.ts"
import { findPlant, simulateAll } from "../src/Search.ts"
import { simulate } from "../src/Simulation.ts"

/** Seeds in this test; `npm run simulate` runs more. */
const SEEDS = 40
/** Every planted fault shows within far fewer than the 2,000 that are allowed. */
const PLANT_SEEDS = 100

describe("a cluster from a seed", () => {
  it("keeps its promises, whatever happens", () => {
    const sum = simulateAll(1, SEEDS)
    const replay = ({ seed, violations }: { readonly seed: number; readonly violations: ReadonlyArray<string> }) =>
      `npm run simulate -- --seed ${seed}\n${violations.join("\n")}`
    expect(sum.failed.map(replay)).toEqual([])
    expect(sum.leastRequests).toBeGreaterThanOrEqual(300)
    expect(sum.leastFaults).toBeGreaterThanOrEqual(5)
  })

  it("is the same cluster for the same seed, and another for another", () => {
    const hashes = new Set<string>()
    for (let seed = 1; seed <= 6; seed++) {
      const first = simulate(seed, { lines: true })
      const second = simulate(seed, { lines: true })
      expect(second.lines).toEqual(first.lines)
      expect(second).toEqual(first)
      expect(simulate(seed).hash).toBe(first.hash)
      hashes.add(first.hash)
    }
    expect(hashes.size).toBe(6)
  })
})

describe("a broker broken on purpose", () => {
  it.each(plants.map((plant) => [plant.name, plant] as const))("%s is found", (_, plant) => {
    expect(findPlant(plant, PLANT_SEEDS)?.violations).not.toBeUndefined()
  })

  it("is not found where parts are replaced by themselves", () => {
    const same = {
      name: "same",
      parts: {
        committer: Layer.effect(
          Committer,
          Effect.map(Committer, (c) => ({ ...c }))
        ).pipe(Layer.provide(Committer.layer)),
        log: Layer.effect(
          Log,
          Effect.map(Log, (log) => ({ ...log }))
        ).pipe(Layer.provide(Log.layer)),
        offsets: Layer.effect(
          Offsets,
          Effect.map(Offsets, (o) => ({ ...o }))
        ).pipe(Layer.provide(Offsets.layer)),
        groups
      }
    }
    for (let seed = 1; seed <= 10; seed++) expect(simulate(seed, { plant: same }).violations).toEqual([])
  })
})
