import type { Signal } from "@tusk/storage/Signal"
import type * as Effect from "effect/Effect"
import type { ConnectionOptions } from "./ConnectionOptions.ts"
import type { LimitsOf } from "./ListenerLimits.ts"
import { settle } from "./OpenConnection.ts"
import type { OpenConnection } from "./OpenConnection.ts"

/** The open connections, and whether one more may be opened. */
export class Roster {
  readonly open = new Set<OpenConnection>()
  isDraining = false
  /** Connections that have come and not ended, with those that wait for their turn. */
  #admitted = 0
  /** Returns when no connection is open. */
  readonly drained: Effect.Effect<void>
  readonly #perHost = new Map<string, number>()
  readonly #perListener = new Map<string, number>()
  readonly #limitsOf: LimitsOf
  /** Told of each connection that ends. */
  readonly #ended: Signal
  readonly #options: ConnectionOptions

  constructor(ended: Signal, options: ConnectionOptions, limitsOf: LimitsOf) {
    this.#ended = ended
    this.#options = options
    this.#limitsOf = limitsOf
    this.drained = ended.until(() => this.open.size === 0)
  }

  /** Whether one more connection of this address may come on this listener. */
  admits(clientHost: string, listener: string): boolean {
    const { maxConnections, maxConnectionsPerIp, perIpOverrides } = this.#options
    const ofListener = this.#perListener.get(listener) ?? 0
    const ofHost = this.#perHost.get(clientHost) ?? 0
    return (
      !this.isDraining &&
      this.#admitted < maxConnections &&
      ofListener < this.#limitsOf(listener).maxConnections &&
      ofHost < (perIpOverrides.get(clientHost) ?? maxConnectionsPerIp)
    )
  }

  /** It has come: until `left` it counts. */
  came(clientHost: string, listener: string): void {
    this.#admitted++
    count(this.#perHost, clientHost, 1)
    count(this.#perListener, listener, 1)
  }

  left(clientHost: string, listener: string): void {
    this.#admitted--
    count(this.#perHost, clientHost, -1)
    count(this.#perListener, listener, -1)
  }

  add(connection: OpenConnection): void {
    this.open.add(connection)
  }

  remove(connection: OpenConnection): void {
    const { onEnd } = connection.info
    this.open.delete(connection)
    this.#ended.notify()
    settle(connection.info)
    for (const end of Array.from(onEnd)) end()
  }

  /** No connection is admitted any more; those with nothing in hand are cut off, the others finish. */
  drain(): void {
    this.isDraining = true
    for (const connection of this.open) {
      connection.stopping = true
      connection.stop()
      if (connection.reading && connection.inFlight === 0) connection.fiber.interruptUnsafe()
      else connection.changed.notify()
    }
  }

  cutOff(): void {
    for (const connection of this.open) connection.fiber.interruptUnsafe()
  }
}

/** A key that counts nothing is none. */
const count = (counts: Map<string, number>, key: string, by: 1 | -1): void => {
  const now = (counts.get(key) ?? 0) + by
  if (now === 0) counts.delete(key)
  else counts.set(key, now)
}
