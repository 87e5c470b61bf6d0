import { CliError } from "./CliError.ts"

/** What OpenTelemetry calls its signals. */
export type Signal = "metrics" | "logs" | "traces"

export interface SignalOptions {
  readonly url: string
  readonly protocol: "http/json" | "http/protobuf"
  readonly headers: Readonly<Record<string, string>>
  readonly compression: "gzip" | "none"
  /** Milliseconds between two exports. */
  readonly intervalMs: number
  /** Longest wait for the collector. */
  readonly timeoutMs: number
}

/** What is exported, and as whose. */
export interface OtelOptions {
  readonly signals: ReadonlyMap<Signal, SignalOptions>
  readonly serviceName: string
  readonly attributes: Readonly<Record<string, string>>
  /** The part of requests that are traced, 0 to 1. */
  readonly traced: number
}

type Env = Readonly<Record<string, string | undefined>>

const DEFAULT_ENDPOINT = "http://localhost:4318"
const TIMEOUT_MS = 10_000
const INTERVALS: Readonly<Record<Signal, readonly [variable: string, ms: number]>> = {
  metrics: ["OTEL_METRIC_EXPORT_INTERVAL", 60_000],
  logs: ["OTEL_BLRP_SCHEDULE_DELAY", 1000],
  traces: ["OTEL_BSP_SCHEDULE_DELAY", 5000]
}

/** Variables by their names; an empty one counts as none. What is wrong is thrown, as it ends the start. */
class Variables {
  readonly #env: Env

  constructor(env: Env) {
    this.#env = env
  }

  text(...names: ReadonlyArray<string>): readonly [name: string, text: string] | undefined {
    for (const name of names) {
      const text = this.#env[name]?.trim()
      if (text !== undefined && text !== "") return [name, text]
    }
    return undefined
  }

  oneOf<const Word extends string>(words: ReadonlyArray<Word>, ...names: ReadonlyArray<string>): Word | undefined {
    const [name, text] = this.text(...names) ?? []
    if (text === undefined) return undefined
    const found = words.find((word) => word === text.toLowerCase())
    if (found === undefined) throw new CliError({ message: `${name}=${text}: one of ${words.join(", ")}` })
    return found
  }

  number(most: number, isFraction: boolean, ...names: ReadonlyArray<string>): number | undefined {
    const [name, text] = this.text(...names) ?? []
    if (text === undefined) return undefined
    const value = Number(text)
    if (!(value >= 0 && value <= most) || (!isFraction && !(Number.isInteger(value) && value > 0))) {
      throw new CliError({ message: `${name}=${text}: not a number ${isFraction ? `from 0 to ${most}` : "above 0"}` })
    }
    return value
  }

  /** `key=value,key=value`, percent-encoded. */
  pairs(...names: ReadonlyArray<string>): Record<string, string> {
    const [name, text] = this.text(...names) ?? []
    if (text === undefined) return {}
    const pairs = text.split(",").filter((pair) => pair.trim() !== "")
    try {
      return Object.fromEntries(
        pairs.map((pair) => {
          const at = pair.indexOf("=")
          if (at <= 0) throw new URIError()
          return [decodeURIComponent(pair.slice(0, at).trim()), decodeURIComponent(pair.slice(at + 1).trim())]
        })
      )
    } catch {
      // Values may be secrets.
      throw new CliError({ message: `${name}: not of the form key=value,key=value with %-encoding` })
    }
  }

  url(...names: ReadonlyArray<string>): URL | undefined {
    const [name, text] = this.text(...names) ?? []
    if (text === undefined) return undefined
    const url = URL.canParse(text) ? new URL(text) : undefined
    if (url?.protocol === "http:" || url?.protocol === "https:") return url
    throw new CliError({ message: `${name}=${text}: not an http or https URL` })
  }
}

/** Whether a signal is wanted: traces only if they are asked for, the others if there is a collector. */
const isWanted = (variables: Variables, signal: Signal): boolean => {
  const asked = variables.oneOf(["otlp", "none"], `OTEL_${signal.toUpperCase()}_EXPORTER`)
  if (asked !== undefined) return asked === "otlp"
  if (signal === "traces") return false
  const own = `OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`
  return variables.text(own, "OTEL_EXPORTER_OTLP_ENDPOINT") !== undefined
}

const urlOf = (variables: Variables, signal: Signal): string => {
  const own = variables.url(`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_ENDPOINT`)
  if (own !== undefined) return own.href
  const base = variables.url("OTEL_EXPORTER_OTLP_ENDPOINT") ?? new URL(DEFAULT_ENDPOINT)
  base.pathname = `${base.pathname.replace(/\/$/, "")}/v1/${signal}`
  return base.href
}

const signalOf = (variables: Variables, signal: Signal): SignalOptions => {
  const names = (what: string) => [`OTEL_EXPORTER_OTLP_${signal.toUpperCase()}_${what}`, `OTEL_EXPORTER_OTLP_${what}`]
  const [interval, defaultMs] = INTERVALS[signal]
  return {
    url: urlOf(variables, signal),
    protocol: variables.oneOf(["http/protobuf", "http/json"], ...names("PROTOCOL")) ?? "http/protobuf",
    headers: variables.pairs(...names("HEADERS")),
    compression: variables.oneOf(["gzip", "none"], ...names("COMPRESSION")) ?? "none",
    intervalMs: variables.number(2 ** 31 - 1, false, interval) ?? defaultMs,
    timeoutMs: variables.number(2 ** 31 - 1, false, ...names("TIMEOUT")) ?? TIMEOUT_MS
  }
}

const tracedOf = (variables: Variables): number => {
  const ratio = variables.number(1, true, "OTEL_TRACES_SAMPLER_ARG") ?? 1
  const kinds = ["always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off"] as const
  switch (variables.oneOf([...kinds, "parentbased_traceidratio"], "OTEL_TRACES_SAMPLER")) {
    case "always_off":
    case "parentbased_always_off":
      return 0
    case "traceidratio":
    case "parentbased_traceidratio":
      return ratio
    default:
      return 1
  }
}

/**
 * What the `OTEL_*` variables ask for, as the OpenTelemetry specification has them; undefined: nothing. Metrics and logs are
 * exported if an endpoint is given, requests are traced only if OTEL_TRACES_EXPORTER=otlp.
 */
export const readOtelOptions = (env: Env): OtelOptions | undefined | CliError => {
  const variables = new Variables(env)
  try {
    if (variables.oneOf(["true", "false"], "OTEL_SDK_DISABLED") === "true") return undefined
    const wanted = (["metrics", "logs", "traces"] as const).filter((signal) => isWanted(variables, signal))
    if (wanted.length === 0) return undefined
    const { "service.name": named, ...attributes } = variables.pairs("OTEL_RESOURCE_ATTRIBUTES")
    return {
      signals: new Map(wanted.map((signal) => [signal, signalOf(variables, signal)])),
      serviceName: variables.text("OTEL_SERVICE_NAME")?.[1] ?? named ?? "tusk",
      attributes,
      traced: wanted.includes("traces") ? tracedOf(variables) : 0
    }
  } catch (error) {
    if (error instanceof CliError) return error
    throw error
  }
}
