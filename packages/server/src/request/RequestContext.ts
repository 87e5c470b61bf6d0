import type { ConnectionInfo } from "./ConnectionInfo.ts"
import type { Operation, ResourceType } from "./Operations.ts"

/** A request, as its handler may know it. A class, as there is one for each request: what all share is on the prototype. */
export class RequestContext {
  readonly apiVersion: number
  readonly clientId: string
  readonly correlationId: number
  readonly connection: ConnectionInfo
  #throttleTimeMs = 0

  constructor(apiVersion: number, clientId: string, correlationId: number, connection: ConnectionInfo) {
    this.apiVersion = apiVersion
    this.clientId = clientId
    this.correlationId = correlationId
    this.connection = connection
  }

  /** The user that asks: `User:<name>`. */
  get principal(): string {
    return this.connection.principal
  }

  /** Those of the names on which the principal may do the operation: all of them, as no client has to authenticate. */
  authorized(_operation: Operation, _resourceType: ResourceType, names: ReadonlyArray<string>): ReadonlyArray<string> {
    return names
  }

  /** The client is to send nothing more for so many milliseconds; the longest such time is what its answer tells. */
  throttle(forMs: number): void {
    if (forMs > this.#throttleTimeMs) this.#throttleTimeMs = forMs
  }

  /** What the answer tells, in milliseconds. */
  get throttleTimeMs(): number {
    return this.#throttleTimeMs
  }
}
