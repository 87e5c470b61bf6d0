import { kafkaMetrics } from "@tusk/server/observe/kafkaMetrics"
import type { MetricDefinition } from "@tusk/server/observe/MetricDefinition"
import { tuskMetrics } from "@tusk/server/observe/tuskMetrics"
import { processMetrics } from "@tusk/cli/telemetry/processMetrics"

/** The page that lists every metric. */
export const METRICS_PAGE = new URL("metrics.md", import.meta.url)

/** Every metric there is, by the room that tells of it. */
export const allMetrics = {
  kafka: Object.values<MetricDefinition>(kafkaMetrics),
  tusk: Object.values<MetricDefinition>(tuskMetrics),
  process: Object.values<MetricDefinition>(processMetrics)
}

const UNITS: ReadonlyArray<readonly [ending: string, unit: string]> = [
  ["_seconds", "seconds"],
  ["_seconds_total", "seconds"],
  ["_bytes", "bytes"],
  ["_bytes_total", "bytes"]
]

const unitOf = ({ name }: MetricDefinition): string => UNITS.find(([ending]) => name.endsWith(ending))?.[1] ?? ""

const row = (metric: MetricDefinition): string => {
  const labels = metric.labels.map((label) => `\`${label}\``).join(", ")
  return `| \`${metric.name}\` | ${metric.type} | ${labels} | ${unitOf(metric)} | ${metric.help} |`
}

const table = (metrics: ReadonlyArray<MetricDefinition>): string =>
  ["| name | type | labels | unit | meaning |", "|---|---|---|---|---|", ...metrics.map(row)].join("\n")

/** The page with its tables as the definitions of now make them. */
export const metricTables = (page: string): string =>
  Object.entries(allMetrics).reduce(
    (text, [name, metrics]) =>
      text.replace(
        new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- /${name} -->)`),
        (_, begin: string, end: string) => `${begin}${table(metrics)}\n${end}`
      ),
    page
  )
