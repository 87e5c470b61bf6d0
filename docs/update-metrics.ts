import { readFileSync, writeFileSync } from "node:fs"
import { METRICS_PAGE, metricTables } from "./metricTables.ts"

/** Writes the tables of metrics into their page: `npm run docs`. A test fails where it was forgotten. */
const text = readFileSync(METRICS_PAGE, "utf8")
writeFileSync(METRICS_PAGE, metricTables(text))
