import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { make, MemoryData } from "../src/memory/MemoryStore.ts"
import { Store } from "../src/port/Store.ts"
import type { StoredClaim } from "../src/port/StateLoader.ts"
import type { Unit, Write } from "../src/port/Write.ts"
import { StoreRefused } from "../src/port/StoreError.ts"
import type { StoreError, StoreUnavailable } from "../src/port/StoreError.ts"

/** What is to become of the next commit: stored or not, and the error told. */
export interface Fault {
  readonly stored: boolean
  readonly error: StoreError
}

const MAX_BYTES = 1 << 28
const REFUSED = Effect.fail(new StoreRefused({ message: "refused" }))

/** A memory store; its commits can be held back, looked at and made to fail. */
export class FaultyStore {
  data = new MemoryData("AAAAAAAAAAAAAAAAAAAAAQ")
  /** The units of each commit that was asked for. */
  readonly commits: Array<ReadonlyArray<Unit>> = []
  /** Faults of the coming commits; undefined entries are none. */
  readonly faults: Array<Fault | undefined> = []
  /** What the next take-over finds of a commit of unknown outcome. */
  unknownCommitStored: boolean | undefined = undefined
  /** What groups consume in SQL. */
  claims: ReadonlyArray<StoredClaim> = []
  inFlight = 0
  mostInFlight = 0
  /** Runs inside each commit, before it is stored. */
  hold: Effect.Effect<void> = Effect.void
  /** Runs inside each commit, once it is stored. */
  after: Effect.Effect<void> = Effect.void
  /** Whether the store refuses these, whenever it is asked. */
  refuse: (units: ReadonlyArray<Unit>) => boolean = () => false
  /** Writes of a commit that come to nothing. */
  passOver: (write: Write) => boolean = () => false
  /** Runs before the lock is taken. */
  beforeAcquire: Effect.Effect<void, StoreUnavailable> = Effect.void
  /** Runs once before the next read of batches, or behind the next look for one by its time. */
  duringRead: Effect.Effect<void> = Effect.void
  /** Runs once behind the next read of batches. */
  afterRead: Effect.Effect<void> = Effect.void
  /** Runs inside each load of partitions. */
  holdLoad: Effect.Effect<void> = Effect.void

  readonly #once = Effect.suspend(() => {
    const { duringRead } = this
    this.duringRead = Effect.void
    return duringRead
  })
  readonly #onceRead = Effect.suspend(() => {
    const { afterRead } = this
    this.afterRead = Effect.void
    return afterRead
  })
  #memory = make(this.data, { maxBytes: MAX_BYTES })

  /** Another server takes over, with what it has. */
  becomes(data: MemoryData): void {
    this.data = data
    this.#memory = make(data, { maxBytes: MAX_BYTES })
  }

  readonly store = Store.of({
    name: "faulty",
    outbox: undefined,
    acquire: (told) =>
      Effect.suspend(() => this.beforeAcquire).pipe(
        Effect.andThen(Effect.suspend(() => this.#memory.acquire(told))),
        Effect.map((state) => ({ ...state, unknownCommitStored: this.unknownCommitStored }))
      ),
    lost: Effect.suspend(() => this.#memory.lost),
    ping: Effect.suspend(() => this.#memory.ping),
    heartbeat: Effect.suspend(() => this.#memory.heartbeat),
    read: (requests, maxBytes) =>
      Effect.andThen(
        this.#once,
        Effect.tap(
          Effect.suspend(() => this.#memory.read(requests, maxBytes)),
          () => this.#onceRead
        )
      ),
    loadPartitions: (partitionIds) =>
      Effect.andThen(
        Effect.suspend(() => this.holdLoad),
        Effect.suspend(() => this.#memory.loadPartitions(partitionIds))
      ),
    abortedTransactions: (partitionId, from, to) =>
      Effect.tap(
        Effect.suspend(() => this.#memory.abortedTransactions(partitionId, from, to)),
        () => this.#once
      ),
    loadTransactionalIds: Effect.suspend(() => this.#memory.loadTransactionalIds),
    sizeOf: (partitionId) => this.#memory.sizeOf(partitionId),
    findByTimestamp: (partitionId, timestamp) =>
      Effect.tap(
        Effect.suspend(() => this.#memory.findByTimestamp(partitionId, timestamp)),
        () => this.#once
      ),
    merges: {
      mergeable: (which, limit) => this.#memory.merges.mergeable(which, limit),
      uses: (after, which, limit) => this.#memory.merges.uses(after, which, limit),
      batchesIn: (objectIds, limit) => this.#memory.merges.batchesIn(objectIds, limit),
      bytesOf: (batches) => this.#memory.merges.bytesOf(batches)
    },
    sizes: (partitionId, from, limit) => this.#memory.sizes(partitionId, from, limit),
    loadOffsets: Effect.suspend(() => this.#memory.loadOffsets),
    loadClaims: Effect.sync(() => this.claims),
    loadGroups: Effect.suspend(() => this.#memory.loadGroups),
    objects: this.#memory.objects!,
    commit: (units) => Effect.suspend(() => this.#commit(units))
  })

  #sifted(units: ReadonlyArray<Unit>): ReadonlyArray<Unit> {
    return units.map((unit) => unit.filter((write) => !this.passOver(write)))
  }

  #commit(units: ReadonlyArray<Unit>): Effect.Effect<void, StoreError> {
    this.commits.push(units)
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
    const fault = this.faults.shift()
    this.unknownCommitStored = fault?.error._tag === "OutcomeUnknown" ? fault.stored : undefined
    const stores = fault === undefined || fault.stored
    return this.hold.pipe(
      Effect.andThen(
        Effect.suspend(() =>
          this.refuse(units) ? REFUSED : stores ? this.#memory.commit(this.#sifted(units)) : Effect.void
        )
      ),
      Effect.andThen(Effect.suspend(() => this.after)),
      Effect.andThen(fault === undefined ? Effect.void : Effect.fail(fault.error)),
      Effect.ensuring(Effect.sync(() => this.inFlight--))
    )
  }

  readonly layer = Layer.succeed(Store, this.store)
}
