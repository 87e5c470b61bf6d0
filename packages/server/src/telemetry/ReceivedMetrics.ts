/** The newest metrics of a client that it pushed (KIP-714). */
export interface ClientMetrics {
  readonly clientInstanceId: string
  /** Milliseconds since 1970. */
  readonly receivedAtMs: number
  /**
   * An OTLP `ExportMetricsServiceRequest`: may be sent on as it is, and several of them are one if their bytes are joined.
   * Each of its resources has the attributes of KIP-714 that say which client it is: `client_instance_id`, `client_id`,
   * `client_software_name`, `client_software_version`, `client_source_address`.
   */
  readonly otlp: Uint8Array
}

interface Kept extends ClientMetrics {
  /** Nobody is told of them later. */
  readonly expiresAtMs: number
}

/** The newest of each client, in order of their coming; the oldest go first if there are too many. Times are one clock's. */
export class ReceivedMetrics {
  readonly #mostClients: number
  readonly #mostBytes: number
  readonly #kept = new Map<string, Kept>()
  #bytes = 0

  constructor(mostClients: number, mostBytes: number) {
    this.#mostClients = mostClients
    this.#mostBytes = mostBytes
  }

  keep(metrics: ClientMetrics, expiresAtMs: number): void {
    this.#drop(metrics.clientInstanceId)
    this.#kept.set(metrics.clientInstanceId, { ...metrics, expiresAtMs })
    this.#bytes += metrics.otlp.byteLength
    for (const id of this.#kept.keys()) {
      if (this.#kept.size <= this.#mostClients && this.#bytes <= this.#mostBytes) break
      this.#drop(id)
    }
  }

  /** What is in memory now. */
  get held(): { readonly clients: number; readonly bytes: number } {
    return { clients: this.#kept.size, bytes: this.#bytes }
  }

  latest(nowMs: number): ReadonlyArray<ClientMetrics> {
    for (const [id, { expiresAtMs }] of this.#kept) if (expiresAtMs <= nowMs) this.#drop(id)
    return Array.from(this.#kept.values(), ({ clientInstanceId, otlp, receivedAtMs }) => ({
      clientInstanceId,
      receivedAtMs,
      otlp
    }))
  }

  #drop(id: string): void {
    this.#bytes -= this.#kept.get(id)?.otlp.byteLength ?? 0
    this.#kept.delete(id)
  }
}
