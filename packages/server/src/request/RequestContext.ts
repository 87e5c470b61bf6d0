import type { ConnectionInfo } from "./ConnectionInfo.ts"
import type { Operation, ResourceType } from "./Operations.ts"

/** A request, as its handler may know it. A class, as there is one for each request: what all share is on the prototype. */
export class RequestContext {
  readonly apiVersion: number
  readonly clientId: string
  readonly correlationId: number
  readonly connection: ConnectionInfo
  #throttleTimeMs = 0
  #mutesMs = 0

  constructor(apiVersion: number, clientId: string, correlationId: number, connection: ConnectionInfo) {
    this.apiVersion = apiVersion
    this.clientId = clientId
    this.correlationId = correlationId
    this.connection = connection
  }

  /** The user that asks: `User:<name>`. */
  get principal(): string {
    return this.connection.identity.principal
  }

  /** Whether the principal may do the operation on this resource. A refusal is logged. */
  may(operation: Operation, resourceType: ResourceType, name: string): boolean {
    const { authorizer, clientHost, identity } = this.connection
    return authorizer.allows(identity, clientHost, operation, resourceType, name)
  }

  /** The same for what is only left out of an answer: a refusal is not logged. */
  mayQuietly(operation: Operation, resourceType: ResourceType, name: string): boolean {
    const { authorizer, clientHost, identity } = this.connection
    return authorizer.allowsQuietly(identity, clientHost, operation, resourceType, name)
  }

  /** Whether it may do the operation on any resource of the type (KIP-679). */
  maySomewhere(operation: Operation, resourceType: ResourceType): boolean {
    const { authorizer, clientHost, identity } = this.connection
    return authorizer.allowsSomewhere(identity, clientHost, operation, resourceType)
  }

  /** The client is to send nothing more for so many milliseconds; the longest such time is what its answer tells. */
  throttle(forMs: number): void {
    if (forMs > this.#throttleTimeMs) this.#throttleTimeMs = forMs
  }

  /** As `throttle`, and nothing more is read from its connection for so long, once this request is answered (KIP-219). */
  mute(forMs: number): void {
    this.throttle(forMs)
    if (forMs > this.#mutesMs) this.#mutesMs = forMs
  }

  /** For how long its connection is mute after it, in milliseconds. */
  get mutesMs(): number {
    return this.#mutesMs
  }

  /** The name of the user that asks. */
  get user(): string {
    return this.principal.slice(this.principal.indexOf(":") + 1)
  }

  /** What the answer tells, in milliseconds. */
  get throttleTimeMs(): number {
    return this.#throttleTimeMs
  }
}
