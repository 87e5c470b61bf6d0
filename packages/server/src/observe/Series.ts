import type { Histogram } from "@tusk/storage/Histogram"
import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"
import type { MetricDefinition } from "./MetricDefinition.ts"

/** What Effect's registry is told of one series. */
interface Entry {
  readonly registration: Metric.Registration
  /** Of a series that is set: what it is now. */
  value: number
  /** The round in which it was set last; Infinity: it tells its value itself. */
  round: number
}

const nothing = (): void => {}
const hooks = <State>(get: () => State) => ({ get, update: nothing, modify: nothing })

const attributesOf = ({ labels }: MetricDefinition, values: ReadonlyArray<string>): Record<string, string> =>
  Object.fromEntries(labels.map((label, i) => [label, values[i] ?? ""]))

const histogramState = ({ bounds, counts, count, max, min, sum }: Histogram): Metric.HistogramState => {
  let below = 0
  const buckets = bounds.map((bound, i): [number, number] => [bound, (below += counts[i]!)])
  return { buckets, count, min: count === 0 ? 0 : min, max, sum }
}

/**
 * Series in the registry of Effect's metrics, where an app's own are. Their values are plain numbers of whoever counts: a
 * snapshot looks them up, and nothing is updated on the way of a request. Of an app with two brokers each needs
 * `Metric.CurrentMetricAttributes` of its own: else the later one's series take the place of the other's.
 */
export class Series {
  readonly #context: Context.Context<never>
  readonly #entries = new Map<string, Entry>()
  #round = 0

  /** The registry and the attributes of every series are those of the context. */
  constructor(context: Context.Context<never>) {
    this.#context = context
  }

  /** A series that is there from now on, with the value that it has when it is looked at. */
  live(definition: MetricDefinition, value: (() => number) | Histogram, ...labels: ReadonlyArray<string>): void {
    const key = keyOf(definition, labels)
    if (this.#entries.has(key)) return
    const registration = this.#register(definition, labels, value)
    this.#entries.set(key, { registration, value: 0, round: Number.POSITIVE_INFINITY })
  }

  /** A series with the value that it has now; it goes with the first round in which it is not set. */
  set(definition: MetricDefinition, value: number, ...labels: ReadonlyArray<string>): void {
    const key = keyOf(definition, labels)
    const there = this.#entries.get(key)
    if (there !== undefined) {
      there.value = value
      there.round = this.#round
      return
    }
    const registration = this.#register(definition, labels, () => entry.value)
    const entry: Entry = { registration, value, round: this.#round }
    this.#entries.set(key, entry)
  }

  /** Ends a round: what was not set in it is not there any more. */
  endRound(): void {
    for (const [key, { registration, round }] of this.#entries) {
      if (round >= this.#round) continue
      registration.remove()
      this.#entries.delete(key)
    }
    this.#round++
  }

  close(): void {
    for (const { registration } of this.#entries.values()) registration.remove()
    this.#entries.clear()
  }

  #register(
    definition: MetricDefinition,
    labels: ReadonlyArray<string>,
    value: (() => number) | Histogram
  ): Metric.Registration {
    const { help: description, name } = definition
    const options = { description, attributes: attributesOf(definition, labels) }
    if (typeof value !== "function") {
      const metric = Metric.histogram(name, { ...options, boundaries: value.bounds })
      return Metric.registerUnsafe(
        metric,
        this.#context,
        hooks(() => histogramState(value))
      )
    }
    if (definition.type === "gauge") {
      return Metric.registerUnsafe(
        Metric.gauge(name, options),
        this.#context,
        hooks(() => ({ value: value() }))
      )
    }
    const metric = Metric.counter(name, { ...options, incremental: true })
    return Metric.registerUnsafe(
      metric,
      this.#context,
      hooks(() => ({ count: value(), incremental: true }))
    )
  }
}

const keyOf = ({ name }: MetricDefinition, labels: ReadonlyArray<string>): string => `${name}\0${labels.join("\0")}`
