/** How a rate is taken: over so many samples of so long. */
export interface Windows {
  /** `quota.window.num`: whole ones and the one that is filling. */
  readonly samples: number
  /** `quota.window.size.seconds`, in milliseconds. */
  readonly sampleMs: number
}

interface Sample {
  startMs: number
  lastMs: number
  sum: number
}

/**
 * A rate as Apache Kafka takes it (`Rate` over a `WindowedSum`): what came in the last samples, by the time from the oldest
 * one's start, which counts as all but one sample at least. Times are milliseconds that never go back.
 */
export class WindowedRate {
  readonly #windows: Windows
  /** A ring: one more than count, as the oldest counts until it is taken for a new one. */
  readonly #samples: Array<Sample> = []
  #current = 0

  constructor(windows: Windows) {
    this.#windows = windows
  }

  /** `value` below 0 takes back what was recorded. */
  record(value: number, nowMs: number): void {
    let sample = this.#samples[this.#current] ?? this.#begin(nowMs)
    if (nowMs - sample.startMs >= this.#windows.sampleMs) {
      this.#current = (this.#current + 1) % (this.#windows.samples + 1)
      const next = this.#samples[this.#current]
      sample = next === undefined ? this.#begin(nowMs) : reset(next, nowMs)
    }
    sample.sum += value
    sample.lastMs = nowMs
  }

  /** A second. */
  perSecond(nowMs: number): number {
    this.#forget(nowMs)
    let sum = 0
    for (const sample of this.#samples) sum += sample.sum
    return sum / (this.spanMs(nowMs) / 1000)
  }

  /** The time by which the rate is taken, in milliseconds. */
  spanMs(nowMs: number): number {
    const { sampleMs, samples } = this.#windows
    this.#forget(nowMs)
    let oldestMs = nowMs
    for (const { startMs } of this.#samples) if (startMs < oldestMs) oldestMs = startMs
    const elapsedMs = nowMs - oldestMs
    const missing = samples - 1 - Math.floor(elapsedMs / sampleMs)
    return Math.max(1, elapsedMs + Math.max(0, missing) * sampleMs)
  }

  #begin(nowMs: number): Sample {
    const sample = { startMs: nowMs, lastMs: nowMs, sum: 0 }
    this.#samples[this.#current] = sample
    return sample
  }

  /** What is older than all samples counts no more. */
  #forget(nowMs: number): void {
    const { sampleMs, samples } = this.#windows
    for (const sample of this.#samples) if (nowMs - sample.lastMs >= samples * sampleMs) reset(sample, nowMs)
  }
}

const reset = (sample: Sample, nowMs: number): Sample => {
  sample.startMs = nowMs
  sample.lastMs = nowMs
  sample.sum = 0
  return sample
}
