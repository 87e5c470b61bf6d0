import { EventLog } from "./EventLog.ts"
import type { Plant } from "./Plants.ts"
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

/** Runs the seeds from `first` on; `each` is told of every one. */
export const simulateAll = (first: number, count: number, each: (outcome: Outcome) => void = () => {}): Sum => {
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
    each(outcome)
  }
  return { seeds: count, requests, faults, leastRequests, leastFaults, failed, hash: hashes.hash }
}

/** The first seed that shows what is wrong with a broken broker, or undefined. */
export const findPlant = (plant: Plant, maxSeeds: number): Outcome | undefined => {
  for (let seed = 1; seed <= maxSeeds; seed++) {
    const outcome = simulate(seed, { plant })
    if (outcome.violations.length > 0) return outcome
  }
  return undefined
}
