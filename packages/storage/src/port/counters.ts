import type { ServerIdentity, Told } from "./CommitStore.ts"

/** How far counters leap when acknowledged commits may be lost: farther than any that was given meanwhile. */
const EPOCH_LEAP = 1000
const ID_LEAP = 1_000_000

/** What a process has told before its first take-over. */
export const NOTHING_TOLD: Told = { epoch: 0, nextProducerId: 0n, nextPartitionId: 0 }

/** In a `ServerIdentity`: what a server does not say. */
export const UNKNOWN = "unknown"

/** The counters of a cluster as they are stored. */
export interface StoredCounters {
  readonly epoch: number
  readonly failoverEpoch: number
  readonly nextProducerId: bigint
  readonly nextPartitionId: number
  /** Of the take-over before; null: none has noted it yet. */
  readonly server: ServerIdentity | null
}

/** The counters of a new reign. */
export interface Counters {
  readonly epoch: number
  readonly failoverEpoch: number
  readonly nextProducerId: bigint
  readonly nextPartitionId: number
  readonly server: ServerIdentity
  readonly failover: { readonly from: ServerIdentity; readonly to: ServerIdentity } | undefined
}

/** Nothing is concluded from what one of the two does not say. */
const differs = (a: string, b: string): boolean => a !== b && a !== UNKNOWN && b !== UNKNOWN

/** Whether they are two servers, two histories of one, or two places in it. */
export const isAnotherServer = (a: ServerIdentity, b: ServerIdentity): boolean =>
  differs(a.systemIdentifier, b.systemIdentifier) || differs(a.timeline, b.timeline) || differs(a.place, b.place)

/** What is known of a server, though it does not say everything this time. */
export const noted = (stored: ServerIdentity | null, server: ServerIdentity): ServerIdentity => ({
  systemIdentifier:
    server.systemIdentifier === UNKNOWN ? (stored?.systemIdentifier ?? UNKNOWN) : server.systemIdentifier,
  timeline: server.timeline === UNKNOWN ? (stored?.timeline ?? UNKNOWN) : server.timeline,
  place: server.place === UNKNOWN ? (stored?.place ?? UNKNOWN) : server.place
})

/**
 * What a take-over raises. An asynchronous standby, a dump, a base backup or an earlier point in time lacks the newest
 * commits: epochs and ids given in them would be given again. So if the server, its timeline or the place of the data in it
 * is another one, counters leap; and none is ever below what this process told.
 */
export const nextCounters = (stored: StoredCounters, server: ServerIdentity, told: Told): Counters => {
  const failover =
    stored.server === null || !isAnotherServer(stored.server, server) ? undefined : { from: stored.server, to: server }
  const leap = failover === undefined ? 0 : 1
  const epoch = Math.max(stored.epoch, told.epoch) + 1 + leap * EPOCH_LEAP
  const producerIds = stored.nextProducerId + BigInt(leap * ID_LEAP)
  return {
    epoch,
    failoverEpoch: failover === undefined ? stored.failoverEpoch : epoch,
    nextProducerId: producerIds > told.nextProducerId ? producerIds : told.nextProducerId,
    nextPartitionId: Math.max(stored.nextPartitionId + leap * ID_LEAP, told.nextPartitionId),
    server: noted(stored.server, server),
    failover
  }
}
