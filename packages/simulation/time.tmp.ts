import { simulate } from "./src/Simulation.ts"
const n = Number(process.argv[2] ?? 40)
const first = Number(process.argv[3] ?? 1)
for (let s = 1; s <= 5; s++) simulate(s)
const c = process.cpuUsage(); let r = 0, steps = 0
for (let s = first; s < first + n; s++) { const o = simulate(s); r += o.requests; steps += o.steps; if (o.violations.length) console.log(s, o.violations.slice(0, 3)) }
const u = process.cpuUsage(c); console.log("cpu ms/seed", (u.user + u.system) / 1000 / n, "requests", r / n, "steps", steps / n)
