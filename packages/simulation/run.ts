/**
 * `npm run simulate -- [--seeds N] [--seed S] [--plant NAME]`
 *
 * Without `--seed`: seeds 1 to N, then every planted fault; a seed that fails is printed with the one command that replays
 * it. With `--seed`: that run's event log. With `--plant`: the first seed that shows what is wrong with that broken broker,
 * and failure, for the broker is broken.
 */
import { parseArgs } from "node:util"
import { plants } from "./src/Plants.ts"
import { findPlant, simulateAll } from "./src/Search.ts"
import { simulate } from "./src/Simulation.ts"
import type { Outcome } from "./src/Simulation.ts"

/** Within so many seeds each planted fault has to be found. */
const PLANT_SEEDS = 2000

const { values } = parseArgs({
  options: { seeds: { type: "string" }, seed: { type: "string" }, plant: { type: "string" } }
})
const whole = (text: string): number => {
  const number = Number(text)
  if (Number.isInteger(number) && number > 0) return number
  console.error(`${text} is no number of seeds, and no seed`)
  process.exit(2)
}
const plant = plants.find(({ name }) => name === values.plant)
if (values.plant !== undefined && plant === undefined) {
  console.error(`no plant is named ${values.plant}: ${plants.map(({ name }) => name).join(", ")}`)
  process.exit(2)
}

const report = (outcome: Outcome): void => {
  console.log(`seed ${outcome.seed} fails:`)
  for (const violation of outcome.violations) console.log(`  ${violation}`)
  const broken = plant === undefined ? "" : ` --plant ${plant.name}`
  console.log(`  replay it: npm run simulate -- --seed ${outcome.seed}${broken}`)
}

if (values.seed !== undefined) {
  const outcome = simulate(whole(values.seed), { lines: true, ...(plant && { plant }) })
  for (const line of outcome.lines) console.log(line)
  if (outcome.violations.length > 0) report(outcome)
  const { faults, hash, milliseconds, requests, seed, steps } = outcome
  console.log(
    `seed ${seed} steps ${steps} milliseconds ${milliseconds} requests ${requests} faults ${faults} hash ${hash}`
  )
  process.exitCode = outcome.violations.length > 0 ? 1 : 0
} else if (plant !== undefined) {
  const outcome = findPlant(plant, whole(values.seeds ?? String(PLANT_SEEDS)))
  if (outcome === undefined) console.log(`${plant.name} is not found`)
  else report(outcome)
  process.exitCode = 1
} else {
  const sum = simulateAll(1, whole(values.seeds ?? "300"), (outcome) => {
    if (outcome.violations.length > 0) report(outcome)
  })
  let found = 0
  for (const each of plants) {
    const outcome = findPlant(each, PLANT_SEEDS)
    if (outcome !== undefined) found++
    const what = outcome === undefined ? "not found" : `found by seed ${outcome.seed}: ${outcome.violations[0]}`
    console.log(`${each.name}: ${what}`)
  }
  const { faults, hash, leastFaults, leastRequests, requests, seeds } = sum
  console.log(`at least ${leastRequests} requests and ${leastFaults} faults a seed, ${sum.failed.length} seeds failed`)
  console.log(`seeds ${seeds} requests ${requests} faults ${faults} planted ${found}/${plants.length} hash ${hash}`)
  process.exitCode = sum.failed.length > 0 || found < plants.length ? 1 : 0
}
