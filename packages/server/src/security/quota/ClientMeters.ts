import { ThrottlingQuotaExceeded } from "@tusk/protocol/KafkaError"
import type { StoredQuota } from "@tusk/storage/port/Security"
import { IdleMap } from "./IdleMap.ts"
import { CLIENT_QUOTA_KINDS, FETCH, MUTATION, REQUEST } from "./QuotaKinds.ts"
import type { ClientQuotaKind } from "./QuotaKinds.ts"
import { heldFor, quotaTable } from "./QuotaTable.ts"
import type { QuotaTable } from "./QuotaTable.ts"
import { recorded } from "./throttling.ts"
import { TokenBucket } from "./TokenBucket.ts"
import { WindowedRate } from "./WindowedRate.ts"
import type { Windows } from "./WindowedRate.ts"

/** Who is limited: a user's name, without `User:`, and the client-id of a request. */
export interface Limited {
  readonly user: string
  readonly clientId: string
}

/** What changes of partitions one request may make. */
export interface MutationQuota {
  /** Takes permits, a partition each; the error if the request is refused for want of them. */
  readonly take: (permits: number) => ThrottlingQuotaExceeded | undefined
  /** For how long the client is to send nothing, in milliseconds. */
  readonly throttleMs: () => number
}

/** What becomes of bytes that a consumer fetches. */
export interface Fetched {
  /** For how long its client is to send nothing, in milliseconds. */
  readonly throttleMs: number
  /** They are not told now. */
  readonly isWithheld: boolean
}

const FREE: Fetched = { throttleMs: 0, isWithheld: false }

export interface MeterOptions {
  /** `quota.window.*` */
  readonly windows: Windows
  /** `controller.quota.window.*` */
  readonly mutationWindows: Windows
  /** Entities whose rates are known at a time, of each kind. */
  readonly maxEntities: number
}

/** As Kafka's sensors. */
const IDLE_MS = 3_600_000

export const UNLIMITED: MutationQuota = { take: () => undefined, throttleMs: () => 0 }

/**
 * What limited clients have used of their quotas. Plain state without a clock: times are milliseconds that never go back. Only
 * who has a quota is counted.
 */
export class ClientMeters {
  /** Whether there is any quota of users or clients: without one nothing else here is asked. */
  isOn = false
  #table: QuotaTable = new Map()
  readonly #options: MeterOptions
  readonly #rates: ReadonlyMap<ClientQuotaKind, IdleMap<WindowedRate>>
  readonly #buckets: IdleMap<TokenBucket>

  constructor(options: MeterOptions) {
    const { maxEntities, mutationWindows, windows } = options
    this.#options = options
    const rates = () => new IdleMap(maxEntities, IDLE_MS, () => new WindowedRate(windows))
    this.#rates = new Map(CLIENT_QUOTA_KINDS.map((kind) => [kind, rates()]))
    this.#buckets = new IdleMap(maxEntities, IDLE_MS, () => new TokenBucket(mutationWindows))
  }

  /** These quotas hold from now on; what was used stays used. */
  hold(quotas: Iterable<StoredQuota>): void {
    this.#table = quotaTable(quotas)
    this.isOn = this.#table.size > 0
  }

  has(kind: ClientQuotaKind): boolean {
    return this.#table.has(kind)
  }

  /**
   * Records what a request used; tells for how long its client is to send nothing, in milliseconds. Of the time of requests
   * that is one sample at most, as in Kafka.
   */
  record(kind: Exclude<ClientQuotaKind, typeof MUTATION>, client: Limited, value: number, nowMs: number): number {
    const held = heldFor(this.#table, kind, client.user, client.clientId)
    if (held === undefined) return 0
    const forMs = recorded(this.#rates.get(kind)!.of(held.sharedBy, nowMs), value, held.limit, nowMs)
    return kind === REQUEST ? Math.min(forMs, this.#options.windows.sampleMs) : forMs
  }

  /**
   * As `record`, for bytes that may be withheld, as Kafka withholds what a consumer fetches too soon: then nothing was used. A
   * batch that is more than any time allows goes out once nothing else was used, and its client waits afterwards.
   */
  fetched(client: Limited, bytes: number, nowMs: number): Fetched {
    const held = heldFor(this.#table, FETCH, client.user, client.clientId)
    if (held === undefined || bytes === 0) return FREE
    const rate = this.#rates.get(FETCH)!.of(held.sharedBy, nowMs)
    const isFirst = rate.perSecond(nowMs) === 0
    const throttleMs = recorded(rate, bytes, held.limit, nowMs)
    const isWithheld = throttleMs > 0 && !isFirst
    if (isWithheld) rate.record(-bytes, nowMs)
    return { throttleMs, isWithheld }
  }

  /** The most bytes that one fetch may have if none were fetched before: more would not pass. */
  mostFetched({ clientId, user }: Limited): number {
    const held = heldFor(this.#table, FETCH, user, clientId)
    const { sampleMs, samples } = this.#options.windows
    return held === undefined ? Infinity : Math.floor((held.limit * Math.max(1, samples - 1) * sampleMs) / 1000)
  }

  /** Strict: what comes too soon is refused; else it is done, and its client waits afterwards (KIP-599). */
  mutating({ clientId, user }: Limited, isStrict: boolean, now: () => number): MutationQuota {
    const held = heldFor(this.#table, MUTATION, user, clientId)
    if (held === undefined) return UNLIMITED
    const { limit, sharedBy } = held
    let untilMs = 0
    return {
      take: (permits) => {
        const nowMs = now()
        const bucket = this.#buckets.of(sharedBy, nowMs)
        const emptyMs = bucket.waitMs(limit, nowMs)
        if (isStrict && emptyMs > 0) {
          untilMs = nowMs + emptyMs
          return new ThrottlingQuotaExceeded({ message: "The throttling quota has been exceeded." })
        }
        bucket.take(permits, limit, nowMs)
        if (!isStrict) untilMs = nowMs + bucket.waitMs(limit, nowMs)
        return undefined
      },
      throttleMs: () => Math.max(0, Math.round(untilMs - now()))
    }
  }
}
