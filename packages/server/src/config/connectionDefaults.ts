/**
 * What connections go by if nothing else is set, times in milliseconds. The settings and `ConnectionOptions` take
 * their defaults from here, so that a number stands in one place.
 */
export const connectionDefaults = {
  maxRequestBytes: 104_857_600,
  maxLoginBytes: 524_288,
  maxLoginMs: 10_000,
  maxIdleMs: 600_000,
  maxRequestMs: 30_000,
  maxWriteStallMs: 60_000,
  maxInFlight: 5,
  maxConnections: 10_000,
  maxConnectionsPerIp: 10_000,
  /** A second. Each may begin with a handshake of TLS, which is this thread's work. */
  maxCreationRate: 500
}
