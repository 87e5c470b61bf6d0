/** A metric as Prometheus knows it: its name says its unit. */
export interface MetricDefinition {
  readonly name: string
  readonly type: "counter" | "gauge" | "histogram"
  readonly labels: ReadonlyArray<string>
  /** Its HELP line, and its line in `docs/metrics.md`. */
  readonly help: string
}

type Define = (name: string, labels: ReadonlyArray<string>, help: string) => MetricDefinition

const define =
  (type: MetricDefinition["type"]): Define =>
  (name, labels, help) => ({ name, type, labels, help })

export const counter = define("counter")
export const gauge = define("gauge")
export const histogram = define("histogram")
