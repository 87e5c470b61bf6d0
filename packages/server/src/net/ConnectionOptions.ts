import * as Context from "effect/Context"
import { connectionDefaults } from "../config/connectionDefaults.ts"

/** Limits of connections; times in milliseconds. */
export interface ConnectionOptions {
  /** `socket.request.max.bytes` */
  readonly maxRequestBytes: number
  /** `sasl.server.max.receive.size`: of a client that is not authenticated. */
  readonly maxLoginBytes: number
  /** `tusk.authentication.timeout.ms` */
  readonly maxLoginMs: number
  /** `connections.max.idle.ms` */
  readonly maxIdleMs: number
  /** From the first byte of a request to its last. */
  readonly maxRequestMs: number
  /** A client that takes none of its answer for longer is cut off. */
  readonly maxWriteStallMs: number
  /** Requests of one connection that are worked on at a time. */
  readonly maxInFlight: number
  /** `max.connections` */
  readonly maxConnections: number
  /** `max.connections.per.ip` */
  readonly maxConnectionsPerIp: number
  /** `max.connections.per.ip.overrides`, by address as sockets tell it. */
  readonly perIpOverrides: ReadonlyMap<string, number>
  /** `max.connection.creation.rate`, a second. */
  readonly maxCreationRate: number
}

export const ConnectionOptions = Context.Reference<ConnectionOptions>("@tusk/server/ConnectionOptions", {
  defaultValue: () => ({ ...connectionDefaults, perIpOverrides: new Map() })
})
