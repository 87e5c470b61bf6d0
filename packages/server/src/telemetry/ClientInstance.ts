import { writeUuid } from "@tusk/protocol/codec/Uuid"
import { InvalidRequest, ThrottlingQuotaExceeded, UnknownSubscriptionId } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { crc32c } from "@tusk/protocol/record/Crc32c"
import { DEFAULT_INTERVAL_MS } from "../config/ClientMetrics.ts"
import type { ClientAttributes, Subscription } from "../config/ClientMetrics.ts"

const ALL = "*"

/** What the subscriptions that a client matches come to. */
const merged = (subscriptions: ReadonlyArray<Subscription>, client: ClientAttributes) => {
  const metrics = new Set<string>()
  let intervalMs = DEFAULT_INTERVAL_MS
  for (const subscription of subscriptions) {
    if (!subscription.isFor(client)) continue
    for (const name of subscription.metrics) metrics.add(name)
    intervalMs = Math.min(intervalMs, subscription.intervalMs)
  }
  return { metrics: metrics.has(ALL) ? [ALL] : Array.from(metrics).sort(), intervalMs }
}

/** The same for the same metrics, interval and client, so that another connection of it may go on with it. */
const subscriptionIdOf = (metrics: ReadonlyArray<string>, intervalMs: number, clientInstanceId: string): number => {
  const crc = crc32c(new TextEncoder().encode(`[${metrics.join(", ")}]${intervalMs}`))
  const uuid = new Uint8Array(16)
  writeUuid(uuid, 0, clientInstanceId)
  const view = new DataView(uuid.buffer)
  return (crc ^ view.getInt32(0) ^ view.getInt32(4) ^ view.getInt32(8) ^ view.getInt32(12)) | 0
}

/** A client that pushes, or asks what to push; with one state of the subscriptions. Times are of one clock. */
export class ClientInstance {
  readonly client: ClientAttributes
  readonly subscriptions: ReadonlyArray<Subscription>
  readonly subscriptionId: number
  readonly metrics: ReadonlyArray<string>
  readonly intervalMs: number
  expiresAtMs = 0
  #askedAtMs = Number.NEGATIVE_INFINITY
  #pushedAtMs = Number.NEGATIVE_INFINITY
  #isTerminating = false
  /** The last push was refused with an error on which a client asks anew, at once. */
  #mayAskAnew = false

  constructor(id: string, client: ClientAttributes, subscriptions: ReadonlyArray<Subscription>) {
    const { intervalMs, metrics } = merged(subscriptions, client)
    this.client = client
    this.subscriptions = subscriptions
    this.metrics = metrics
    this.intervalMs = intervalMs
    this.subscriptionId = subscriptionIdOf(metrics, intervalMs, id)
  }

  /** Why the client may not ask now. */
  asks(nowMs: number): KafkaError | undefined {
    if (nowMs - Math.max(this.#askedAtMs, this.#pushedAtMs) >= this.intervalMs) this.#askedAtMs = nowMs
    else if (!this.#mayAskAnew) return tooSoon()
    this.#mayAskAnew = false
    return undefined
  }

  /** Why the client may not push now. */
  pushes(nowMs: number, subscriptionId: number, terminating: boolean): KafkaError | undefined {
    const wasTerminating = this.#isTerminating
    this.#isTerminating = terminating
    if (wasTerminating) return this.refused(new InvalidRequest({ message: "The client has said that it ends." }))
    // The first push after it asked may come before the interval is over: clients choose when, so that not all push at once.
    const isDue = this.#askedAtMs > this.#pushedAtMs || nowMs - this.#pushedAtMs >= this.intervalMs
    if (isDue) this.#pushedAtMs = nowMs
    else if (!terminating) return this.refused(tooSoon())
    return subscriptionId === this.subscriptionId ? undefined : this.refused(new UnknownSubscriptionId())
  }

  /** Notes how a push ended. */
  refused(error: KafkaError): KafkaError {
    this.#mayAskAnew = error._tag === "UnknownSubscriptionId" || error._tag === "UnsupportedCompressionType"
    return error
  }

  taken(): void {
    this.#mayAskAnew = false
  }
}

const tooSoon = (): KafkaError => new ThrottlingQuotaExceeded({ message: "The push interval is not over." })
