import type { WindowedRate } from "./WindowedRate.ts"

/**
 * For how long nothing is to come, in milliseconds, so that the rate is what it may be: as Apache Kafka, which takes the
 * time by which the rate is taken. 0: it is not above.
 */
export const throttleMs = (rate: WindowedRate, limit: number, nowMs: number): number => {
  const above = rate.perSecond(nowMs) - limit
  return above > 0 ? Math.round((above / limit) * rate.spanMs(nowMs)) : 0
}

/** Records, and tells for how long nothing is to come. */
export const recorded = (rate: WindowedRate, value: number, limit: number, nowMs: number): number => {
  rate.record(value, nowMs)
  return throttleMs(rate, limit, nowMs)
}
