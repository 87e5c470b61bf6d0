import { simulate } from "./src/Simulation.ts"
for (let s = 2001; s <= 2040; s++) { const o = await simulate(s); if (o.violations.length > 0) console.log("FAIL", s, o.violations.slice(0, 3)) }
console.log("done")
