import { describe, expect, it } from "@effect/vitest"
import { groups } from "@tusk/server/BrokerLayer"
import { Committer } from "@tusk/storage/commit/Committer"
import { Log } from "@tusk/storage/log/Log"
import { Offsets } from "@tusk/storage/offsets/Offsets"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { plants } from "../src/Plants.ts"
import { blocksOf, findPlant, simulateBlock, sumOf } from "../src/Search.ts"
import { simulate } from "../src/Simulation.ts"

/** Seeds in this test, in blocks; `npm run simulate` runs these and more, and a push has to pass both. */
const SEEDS = 100
/** A block takes some seconds, more if much else runs. */
const BLOCK_MS = 120_000
/** Every planted fault shows within far fewer than the 2,000 that are allowed. */
const PLANT_SEEDS = 200

describe("a cluster from a seed", () => {
  it.each(blocksOf(1, SEEDS).map(({ count, first }) => [first, first + count - 1] as const))(
    "keeps its promises, whatever happens: seeds %i to %i",
    (first, last) => {
      const sum = simulateBlock(first, last - first + 1)
      const replay = ({ seed, violations }: { readonly seed: number; readonly violations: ReadonlyArray<string> }) =>
        `npm run simulate -- --seed ${seed}\n${violations.join("\n")}`
      expect(sum.failed.map(replay)).toEqual([])
      expect(sum.leastRequests).toBeGreaterThanOrEqual(300)
      expect(sum.leastFaults).toBeGreaterThanOrEqual(5)
    },
    BLOCK_MS
  )

  it("sums up blocks to the same, whatever ran them", () => {
    const [one, two] = [simulateBlock(1, 2), simulateBlock(3, 1)]
    const sum = sumOf([one, two])
    expect(sum).toMatchObject({ seeds: 3, requests: one.requests + two.requests, faults: one.faults + two.faults })
    expect(sumOf([one, two]).hash).toBe(sum.hash)
    expect(sumOf([two, one]).hash).not.toBe(sum.hash)
    expect(blocksOf(1, 120)).toEqual([
      { first: 1, count: 50 },
      { first: 51, count: 50 },
      { first: 101, count: 20 }
    ])
  })

  it(
    "is the same cluster for the same seed, and another for another",
    () => {
      const hashes = new Set<string>()
      // With rows, erasures, objects and tiers, with some of them, and without.
      const seeds = [1, 2, 3, 5, 10]
      for (const seed of seeds) {
        const first = simulate(seed, { lines: true })
        const second = simulate(seed, { lines: true })
        expect(second.lines).toEqual(first.lines)
        expect(second).toEqual(first)
        hashes.add(first.hash)
      }
      expect(hashes.size).toBe(seeds.length)
      expect(hashes).toContain(simulate(1).hash)
    },
    BLOCK_MS
  )
})

describe("a broker broken on purpose", () => {
  it.each(plants.map((plant) => [plant.name, plant] as const))(
    "%s is found",
    (_, plant) => {
      expect(findPlant(plant, PLANT_SEEDS)?.violations).not.toBeUndefined()
    },
    BLOCK_MS
  )

  it(
    "is not found if parts are replaced by themselves",
    () => {
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
      for (let seed = 1; seed <= 5; seed++) expect(simulate(seed, { plant: same }).violations).toEqual([])
    },
    BLOCK_MS
  )
})
