/**
 * How often values fell into which bucket. Plain numbers, and nothing is allocated when a value comes: it stands where a
 * request goes by. Its owner says of what unit its values are.
 */
export class Histogram {
  /** Upper bounds of the buckets, in order; a value equal to one is within. */
  readonly bounds: ReadonlyArray<number>
  /** By bucket; the last one has no upper bound. */
  readonly counts: Float64Array
  count = 0
  sum = 0
  min = Number.POSITIVE_INFINITY
  max = 0

  constructor(bounds: ReadonlyArray<number>) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  observe(value: number): void {
    const { bounds } = this
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    this.counts[bucket]!++
    this.count++
    this.sum += value
    if (value < this.min) this.min = value
    if (value > this.max) this.max = value
  }
}

/** Of times from under a millisecond to what a request may wait, in seconds. */
export const SECONDS: ReadonlyArray<number> = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30
]
