/** A page in Prometheus' text format, read as strictly as the format is described; what is wrong with it is thrown. */
interface Family {
  readonly type: string
  readonly help: string
}

interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*"
const LABEL = `([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\\\\n]|\\\\["\\\\n])*)"`
const SAMPLE = new RegExp(`^(${NAME})(?:\\{((?:${LABEL})(?:,${LABEL})*)\\})? (\\S+)$`)
const VALUE = /^(?:[+-]?Inf|NaN|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/

const unescaped = (text: string): string => text.replaceAll(/\\(.)/g, (_, next: string) => (next === "n" ? "\n" : next))

const sampleOf = (line: string): Sample => {
  const parts = SAMPLE.exec(line)
  const value = parts?.at(-1) ?? ""
  if (parts === null || !VALUE.test(value)) throw new Error(`not a sample: ${line}`)
  const labels = Object.fromEntries(
    [...(parts[2] ?? "").matchAll(new RegExp(LABEL, "g"))].map(([, name, text]) => [name!, unescaped(text!)])
  )
  return { name: parts[1]!, labels, value: Number(value.replace("Inf", "Infinity")) }
}

export class PrometheusPage {
  readonly families = new Map<string, Family>()
  readonly samples: Array<Sample> = []
  readonly #seen = new Set<string>()

  constructor(text: string) {
    if (!text.endsWith("\n")) throw new Error("the page does not end with a line")
    let help: readonly [name: string, text: string] | undefined
    let family = ""
    for (const line of text.slice(0, -1).split("\n")) {
      const comment = new RegExp(`^# (HELP|TYPE) (${NAME}) (.*)$`).exec(line)
      if (comment?.[1] === "HELP") help = [comment[2]!, comment[3]!]
      else if (comment?.[1] === "TYPE") {
        family = comment[2]!
        if (this.families.has(family)) throw new Error(`${family} comes twice`)
        if (help?.[0] !== family) throw new Error(`${family} has no help`)
        this.families.set(family, { type: comment[3]!, help: help[1] })
      } else this.#add(sampleOf(line), family)
    }
    for (const [name, { type }] of this.families) if (type === "histogram") this.#checkHistogram(name)
  }

  #add(sample: Sample, family: string): void {
    const isHistogram = this.families.get(family)?.type === "histogram"
    const names = isHistogram ? [`${family}_bucket`, `${family}_sum`, `${family}_count`] : [family]
    if (!names.includes(sample.name)) throw new Error(`${sample.name} stands below ${family}`)
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`
    if (this.#seen.has(key)) throw new Error(`${key} comes twice`)
    this.#seen.add(key)
    this.samples.push(sample)
  }

  #checkHistogram(name: string): void {
    for (const { labels, value } of this.of(`${name}_count`)) {
      const is = (sample: Sample) => Object.entries(labels).every(([label, text]) => sample.labels[label] === text)
      const buckets = this.of(`${name}_bucket`).filter(is)
      const rising = buckets.every((bucket, i) => i === 0 || bucket.value >= buckets[i - 1]!.value)
      const last = buckets.at(-1)
      if (!rising || last?.labels["le"] !== "+Inf" || last.value !== value) throw new Error(`buckets of ${name}`)
    }
  }

  of(name: string): ReadonlyArray<Sample> {
    return this.samples.filter((sample) => sample.name === name)
  }

  /** Of the one sample with these labels; undefined: there is none. */
  value(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const found = this.of(name).filter((sample) =>
      Object.entries(labels).every(([label, text]) => sample.labels[label] === text)
    )
    if (found.length > 1) throw new Error(`several of ${name} ${JSON.stringify(labels)}`)
    return found[0]?.value
  }
}
