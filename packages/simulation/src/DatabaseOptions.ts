import type { StoredAcl } from "@tusk/storage/port/Security"
import type { Unit } from "@tusk/storage/port/Write"
import type { Lost, Server } from "./Server.ts"
import type { SideFaults } from "./SideFaults.ts"

/** What a database is like, and who hears of what happens in it. */
export interface DatabaseOptions {
  /** `tusk.failover.offset.leap`: no failover loses more offsets of a partition. */
  readonly failoverLeap: number
  /** Whether a failover may lose a commit. */
  readonly mayMiss: (units: ReadonlyArray<Unit>) => boolean
  /** A topic of which no partition can ever be loaded. */
  readonly isBroken: (topic: string) => boolean
  readonly violate: (invariant: string, text: string) => void
  /** Of sessions beside the one that commits; undefined: there are none. */
  readonly sideFaults: SideFaults | undefined
  /** Records are kept as rows; keys are erased. */
  readonly follows: boolean
  readonly erases: boolean
  /** What is too old by its commit is refused: see `tusk.storage`. */
  readonly hasObjects: boolean
  /** What lies in the object store, by name. */
  readonly stored: ReadonlyMap<string, Uint8Array>
  /** A commit is about to happen. */
  readonly onCommit: (server: Server, units: ReadonlyArray<Unit>) => void
  /** What is stored of ACLs is this from now on. */
  readonly onAcls: (rows: ReadonlyArray<StoredAcl>) => void
  /** A broker has the lock, and reads all that is stored. */
  readonly onReign: () => void
  /** Another server has taken over, and lacks this. */
  readonly onFailover: (lost: Lost) => void
}
