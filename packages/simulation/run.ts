/**
 * `npm run simulate -- [--seeds N] [--seed S] [--plant NAME] [--workers N]`
 *
 * Without `--seed`: seeds 1 to N, then every planted fault; a seed that fails is printed with the one command that replays
 * it. With `--seed`: that run's event log. With `--plant`: the first seed that shows what is wrong with that broken broker,
 * and failure, for the broker is broken.
 */
import { availableParallelism } from "node:os"
import { parseArgs } from "node:util"
import { isMainThread, parentPort, Worker } from "node:worker_threads"
import { plants } from "./src/Plants.ts"
import { blocksOf, findPlant, simulateBlock, sumOf } from "./src/Search.ts"
import type { Sum } from "./src/Search.ts"
import { simulate } from "./src/Simulation.ts"
import type { Outcome } from "./src/Simulation.ts"

/** Within so many seeds each planted fault has to be found. */
const PLANT_SEEDS = 2000

const { values } = parseArgs({
  options: {
    seeds: { type: "string" },
    seed: { type: "string" },
    plant: { type: "string" },
    workers: { type: "string" }
  }
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

type Job =
  | { readonly _tag: "Block"; readonly first: number; readonly count: number; readonly i: number }
  | { readonly _tag: "Plant"; readonly name: string }
type Answer =
  | { readonly _tag: "Block"; readonly i: number; readonly sum: Sum }
  | { readonly _tag: "Plant"; readonly name: string; readonly outcome: Outcome | undefined }

const work = (job: Job): Answer =>
  job._tag === "Block"
    ? { _tag: "Block", i: job.i, sum: simulateBlock(job.first, job.count) }
    : {
        ...job,
        outcome: findPlant(
          plants.find(({ name }) => name === job.name)!,
          PLANT_SEEDS
        )
      }

/** Each worker gets the next job when it is done with one. */
const runAll = (jobs: ReadonlyArray<Job>, workers: number, told: (answer: Answer) => void): Promise<void> =>
  new Promise((resolve, reject) => {
    let next = 0
    let left = jobs.length
    for (let i = 0; i < Math.min(workers, jobs.length); i++) {
      const worker = new Worker(new URL(import.meta.url))
      const feed = () => (next < jobs.length ? worker.postMessage(jobs[next++]) : void worker.terminate())
      worker.on("message", (answer: Answer) => {
        told(answer)
        left--
        feed()
        if (left === 0) resolve()
      })
      worker.on("error", reject)
      feed()
    }
  })

const main = async (): Promise<void> => {
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
    const blocks = blocksOf(1, whole(values.seeds ?? "300"))
    const jobs = [
      ...blocks.map((block, i): Job => ({ _tag: "Block", ...block, i })),
      ...plants.map(({ name }): Job => ({ _tag: "Plant", name }))
    ]
    const sums = new Array<Sum>(blocks.length)
    let found = 0
    await runAll(jobs, whole(values.workers ?? String(availableParallelism())), (answer) => {
      if (answer._tag === "Block") {
        sums[answer.i] = answer.sum
        for (const outcome of answer.sum.failed) report(outcome)
        return
      }
      const { name, outcome } = answer
      if (outcome !== undefined) found++
      const what = outcome === undefined ? "not found" : `found by seed ${outcome.seed}: ${outcome.violations[0]}`
      console.log(`${name}: ${what}`)
    })
    const sum = sumOf(sums)
    const { faults, hash, leastFaults, leastRequests, requests, seeds } = sum
    console.log(
      `at least ${leastRequests} requests and ${leastFaults} faults a seed, ${sum.failed.length} seeds failed`
    )
    console.log(`seeds ${seeds} requests ${requests} faults ${faults} planted ${found}/${plants.length} hash ${hash}`)
    process.exitCode = sum.failed.length > 0 || found < plants.length ? 1 : 0
  }
}

if (isMainThread) await main()
else parentPort!.on("message", (job: Job) => parentPort!.postMessage(work(job)))
