/** `npm run simulate -- [--seeds N] [--seed S] [--plant NAME]`: runs simulated worlds; a failing one prints how to see it again. */
import { parseArgs } from "node:util"
import { simulate } from "./src/Simulation.ts"
const { values } = parseArgs({
  options: { seeds: { type: "string" }, seed: { type: "string" }, plant: { type: "string" } }
})
if (values.seed !== undefined) {
  const outcome = simulate(Number(values.seed), { lines: true })
  for (const line of outcome.lines) console.log(line)
  console.log(
    outcome.violations.join("\n"),
    outcome.hash,
    outcome.requests,
    outcome.faults,
    outcome.steps,
    outcome.milliseconds
  )
} else {
  const t = performance.now()
  for (let seed = 1; seed <= Number(values.seeds ?? 10); seed++) {
    const o = simulate(seed)
    if (o.violations.length > 0)
      console.log(seed, o.hash, o.requests, o.faults, o.steps, o.milliseconds, o.violations.slice(0, 3))
  }
  console.log((performance.now() - t).toFixed(0), "ms")
}
