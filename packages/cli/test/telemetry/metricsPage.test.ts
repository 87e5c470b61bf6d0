import { assert, describe, it } from "@effect/vitest"
import { readFileSync } from "node:fs"
import { allMetrics, METRICS_PAGE, metricTables } from "../../../../docs/metricTables.ts"

const all = Object.values(allMetrics).flat()
const names = new Set(
  all.flatMap(({ name, type }) => (type === "histogram" ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name]))
)

/** Names of metrics of ours that a text has. */
const named = (text: string): ReadonlyArray<string> =>
  [...text.matchAll(/\b(?:tusk|kafka|process|nodejs)_[a-z0-9_]+\b/g)].map(([name]) => name)

const read = (path: string): string => readFileSync(new URL(`../../../../docker/${path}`, import.meta.url), "utf8")

describe("metrics, as they are listed", () => {
  it("docs/metrics.md has every metric as it is defined (npm run docs)", () => {
    const page = readFileSync(METRICS_PAGE, "utf8")
    assert.strictEqual(metricTables(page), page)
    for (const { name } of all) assert.include(page, `| \`${name}\` |`)
  })

  it("a name is one metric's, with the ending that Prometheus wants", () => {
    assert.strictEqual(new Set(all.map(({ name }) => name)).size, all.length)
    for (const { labels, name, type } of allMetrics.tusk) {
      assert.match(name, /^tusk_[a-z_]+$/)
      assert.strictEqual(name.endsWith("_total"), type === "counter", name)
      assert.notMatch(name, /_(?:ms|milliseconds|mb|kb|sum|count|bucket)$/)
      for (const label of labels) assert.match(label, /^[a-z_]+$/)
    }
  })

  it("the dashboard and the alert rules ask for metrics that there are", () => {
    const { panels } = JSON.parse(read("grafana/tusk.json")) as {
      readonly panels: ReadonlyArray<{ readonly targets?: ReadonlyArray<{ readonly expr: string }> }>
    }
    const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)).join("\n")
    const rules = read("prometheus/alerts.yaml")
      .split("\n")
      .filter((line) => line.trimStart().startsWith("expr:"))
      .join("\n")
    for (const text of [queries, rules]) {
      assert.isAbove(named(text).length, 10)
      assert.deepStrictEqual(
        named(text).filter((name) => !names.has(name)),
        []
      )
    }
  })

  it("each alert has a case", () => {
    const alerts = [...read("prometheus/alerts.yaml").matchAll(/- alert: (\w+)/g)].map(([, name]) => name!)
    const cases = read("prometheus/alerts.test.yaml")
    for (const alert of alerts) assert.match(cases, new RegExp(`alertname: ${alert}\\n\\s+exp_alerts`), alert)
  })
})
