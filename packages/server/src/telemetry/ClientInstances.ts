import type { ClientAttributes, Subscription } from "../config/ClientMetrics.ts"
import type { ConnectionInfo } from "../request/ConnectionInfo.ts"
import type { RequestContext } from "../request/RequestContext.ts"
import { ClientInstance } from "./ClientInstance.ts"

/** A client that is not heard of for so long, or for three intervals, is forgotten. */
const LEAST_EXPIRY_MS = 60_000

/** The clients that are known: those heard of last at the end, so that the first are the first to be forgotten. */
export class ClientInstances {
  readonly #most: number
  readonly #subscriptions: () => ReadonlyArray<Subscription>
  readonly #instances = new Map<string, ClientInstance>()
  /** The client that each connection spoke for last. */
  readonly #speaking = new WeakMap<ConnectionInfo, { id: string }>()

  constructor(most: number, subscriptions: () => ReadonlyArray<Subscription>) {
    this.#most = most
    this.#subscriptions = subscriptions
  }

  /** A client as it is known, or anew if it is not, or a subscription has changed. */
  heard(id: string, context: RequestContext, nowMs: number): ClientInstance {
    const subscriptions = this.#subscriptions()
    const known = this.#instances.get(id)
    this.#instances.delete(id)
    this.#makeRoom(nowMs)
    const isUpToDate = known?.subscriptions === subscriptions && known.expiresAtMs > nowMs
    const instance = isUpToDate
      ? known
      : new ClientInstance(id, known?.client ?? attributesOf(id, context), subscriptions)
    instance.expiresAtMs = nowMs + Math.max(LEAST_EXPIRY_MS, 3 * instance.intervalMs)
    this.#instances.set(id, instance)
    this.#noteConnection(id, context.connection)
    return instance
  }

  #makeRoom(nowMs: number): void {
    for (const [id, { expiresAtMs }] of this.#instances) {
      if (expiresAtMs > nowMs && this.#instances.size < this.#most) break
      this.#instances.delete(id)
    }
  }

  /** As in Kafka a client is forgotten with its connection. */
  #noteConnection(id: string, connection: ConnectionInfo): void {
    const known = this.#speaking.get(connection)
    if (known !== undefined) {
      known.id = id
      return
    }
    const spoken = { id }
    this.#speaking.set(connection, spoken)
    connection.onEnd.add(() => void this.#instances.delete(spoken.id))
  }
}

/** So much of each attribute is known; a legal topic name is no longer. */
const MOST_CHARACTERS = 255

/** A copy, so that what is long is not kept for its beginning. */
const cut = (text: string): string =>
  text.length <= MOST_CHARACTERS ? text : Buffer.from(text.slice(0, MOST_CHARACTERS)).toString()

const attributesOf = (id: string, { clientId, connection }: RequestContext): ClientAttributes => ({
  client_instance_id: id,
  client_id: cut(clientId),
  client_software_name: cut(connection.clientSoftwareName),
  client_software_version: cut(connection.clientSoftwareVersion),
  client_source_address: connection.clientHost,
  client_source_port: connection.clientPort === undefined ? undefined : String(connection.clientPort)
})
