import { EventLog } from "./EventLog.ts"
import type { Plant } from "./Plant.ts"
import { simulate } from "./Simulation.ts"
import type { Outcome } from "./Simulation.ts"

/** What many runs have come to. */
export interface Sum {
  readonly seeds: number
  readonly requests: number
  readonly faults: number
  /** The fewest of one run. */
  readonly leastRequests: number
  readonly leastFaults: number
  readonly failed: ReadonlyArray<Outcome>
  /** Of all their event logs. */
  readonly hash: string
}

/** Seeds are run in blocks of so many, by whichever process is free; the sum does not depend on which. */
const BLOCK_SEEDS = 50

/** The blocks that `count` seeds from `first` on fall into. */
export const blocksOf = (
  first: number,
  count: number
): ReadonlyArray<{ readonly first: number; readonly count: number }> =>
  Array.from({ length: Math.ceil(count / BLOCK_SEEDS) }, (_, i) => ({
    first: first + i * BLOCK_SEEDS,
    count: Math.min(BLOCK_SEEDS, count - i * BLOCK_SEEDS)
  }))

/** Runs one block of seeds. */
export const simulateBlock = (first: number, count: number): Sum => {
  const hashes = new EventLog()
  const failed: Array<Outcome> = []
  let requests = 0
  let faults = 0
  let leastRequests = Infinity
  let leastFaults = Infinity
  for (let seed = first; seed < first + count; seed++) {
    const outcome = simulate(seed)
    hashes.add(seed, outcome.hash)
    requests += outcome.requests
    faults += outcome.faults
    leastRequests = Math.min(leastRequests, outcome.requests)
    leastFaults = Math.min(leastFaults, outcome.faults)
    if (outcome.violations.length > 0) failed.push(outcome)
  }
  return { seeds: count, requests, faults, leastRequests, leastFaults, failed, hash: hashes.hash }
}

/** Of blocks in order of their seeds. */
export const sumOf = (blocks: ReadonlyArray<Sum>): Sum => {
  const hashes = new EventLog()
  for (const block of blocks) hashes.add(block.seeds, block.hash)
  const total = (pick: (sum: Sum) => number) => blocks.reduce((sum, block) => sum + pick(block), 0)
  return {
    seeds: total(({ seeds }) => seeds),
    requests: total(({ requests }) => requests),
    faults: total(({ faults }) => faults),
    leastRequests: Math.min(...blocks.map(({ leastRequests }) => leastRequests)),
    leastFaults: Math.min(...blocks.map(({ leastFaults }) => leastFaults)),
    failed: blocks.flatMap(({ failed }) => failed),
    hash: hashes.hash
  }
}

/** A seed that shows what is wrong with a broken broker, or undefined: the one that is known to, then all in their order. */
export const findPlant = (plant: Plant, maxSeeds: number): Outcome | undefined => {
  for (let i = plant.seed === undefined ? 1 : 0; i <= maxSeeds; i++) {
    const outcome = simulate(i === 0 ? plant.seed! : i, { plant })
    if (outcome.violations.length > 0) return outcome
  }
  return undefined
}
