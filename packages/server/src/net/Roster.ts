import type { Signal } from "@tusk/storage/Signal"
import type * as Effect from "effect/Effect"
import type { ConnectionOptions } from "./ConnectionOptions.ts"
import { settle } from "./OpenConnection.ts"
import type { OpenConnection } from "./OpenConnection.ts"

/** The open connections, and whether one more may be opened. */
export class Roster {
  readonly open = new Set<OpenConnection>()
  isDraining = false
  /** Returns when no connection is open. */
  readonly drained: Effect.Effect<void>
  readonly #perHost = new Map<string, number>()
  /** Told of each connection that ends. */
  readonly #ended: Signal
  readonly #options: ConnectionOptions

  constructor(ended: Signal, options: ConnectionOptions) {
    this.#ended = ended
    this.#options = options
    this.drained = ended.until(() => this.open.size === 0)
  }

  admits(clientHost: string): boolean {
    const { maxConnections, maxConnectionsPerIp } = this.#options
    return (
      !this.isDraining && this.open.size < maxConnections && (this.#perHost.get(clientHost) ?? 0) < maxConnectionsPerIp
    )
  }

  add(connection: OpenConnection): void {
    const { clientHost } = connection.info
    this.open.add(connection)
    this.#perHost.set(clientHost, (this.#perHost.get(clientHost) ?? 0) + 1)
  }

  remove(connection: OpenConnection): void {
    const { clientHost, onEnd } = connection.info
    this.open.delete(connection)
    const left = (this.#perHost.get(clientHost) ?? 1) - 1
    if (left === 0) this.#perHost.delete(clientHost)
    else this.#perHost.set(clientHost, left)
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
