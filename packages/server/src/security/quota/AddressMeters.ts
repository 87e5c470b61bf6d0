import type { StoredQuota } from "@tusk/storage/port/Security"
import { plainAddress } from "./Entity.ts"
import { IdleMap } from "./IdleMap.ts"
import { CONNECTION, DEFAULT } from "./QuotaKinds.ts"
import { recorded } from "./throttling.ts"
import { WindowedRate } from "./WindowedRate.ts"
import type { Windows } from "./WindowedRate.ts"

/** As Kafka's sensors. */
const IDLE_MS = 3_600_000

/** How many connections come from addresses that have a quota. Plain state without a clock, as `ClientMeters`. */
export class AddressMeters {
  readonly #windows: Windows
  readonly #rates: IdleMap<WindowedRate>
  #limits: ReadonlyMap<string, number> = new Map()

  constructor(windows: Windows, maxEntities: number) {
    this.#windows = windows
    this.#rates = new IdleMap(maxEntities, IDLE_MS, () => new WindowedRate(windows))
  }

  /** These quotas hold from now on. */
  hold(quotas: Iterable<StoredQuota>): void {
    const limits = new Map<string, number>()
    for (const { ip, key, value } of quotas) {
      if (key === CONNECTION && ip !== "" && value > 0) limits.set(plainAddress(ip), Math.floor(value))
    }
    this.#limits = limits
  }

  /**
   * Counts a connection that comes from an address. If that is one too many it counts for nothing, and is to be closed in so
   * many milliseconds; 0: it may stay.
   */
  connected(address: string, nowMs: number): number {
    const limit = this.#limits.get(address) ?? this.#limits.get(DEFAULT)
    if (limit === undefined) return 0
    const rate = this.#rates.of(address, nowMs)
    const forMs = Math.min(recorded(rate, 1, limit, nowMs), this.#windows.sampleMs)
    if (forMs > 0) rate.record(-1, nowMs)
    return forMs
  }
}
