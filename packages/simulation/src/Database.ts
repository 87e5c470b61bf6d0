import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { SILENCE_LIMIT_MS } from "@tusk/storage/Active"
import { Store } from "@tusk/storage/Store"
import type { ClusterState, Unit } from "@tusk/storage/Store"
import { Fenced, LockHeld, OutcomeUnknown, StoreUnavailable } from "@tusk/storage/StoreError"
import type { StoreError } from "@tusk/storage/StoreError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Faults } from "./Faults.ts"
import type { View, World } from "./World.ts"

const MAX_BYTES = 1 << 30
/** An answer that was right when it left may be so long on its way. */
const LONGEST_WAY_MS = 4100

/** A broker's session with the database, and with it the cluster's lock. */
interface Session {
  readonly view: View
  readonly memory: Store["Service"]
  isAlive: boolean
  /** Commits that were sent: when the session ends, each has happened or never will. */
  readonly pending: Set<ReadonlyArray<Unit>>
  /** One thing after the other goes over a connection: until when it is taken. */
  busyUntilMs: number
}

/** What every broker of the world keeps its data in; it outlives them all. Its commits fail as those of a database may. */
export class Database {
  readonly data = new MemoryData("SimulatedClusterAAAAAA")
  /** How often a broker could not know what was stored, or that something was not: what it knew besides is gone then. */
  losses = 0
  /** Who holds the lock. */
  #session: Session | undefined
  readonly #world: World
  readonly #faults: Faults
  readonly #view: View
  /** By broker: when it got the lock, and when it lost it. */
  readonly #held = new Map<string, { readonly sinceMs: number; untilMs: number }>()

  constructor(world: World, faults: Faults) {
    this.#world = world
    this.#faults = faults
    this.#view = world.view("database")
  }

  /**
   * Whether what this broker tells from memory may be behind: it has lost the lock some time since `sinceMs`, and not yet
   * so long ago that it has to know.
   */
  mayBeBehind(broker: string, sinceMs: number): boolean {
    const held = this.#held.get(broker)
    if (held === undefined || held.sinceMs > sinceMs) return true
    return held.untilMs !== Infinity && this.#world.nowMs - held.untilMs < SILENCE_LIMIT_MS + LONGEST_WAY_MS
  }

  /** Ends the session of the broker that holds the lock, as a terminated backend would. */
  endSession(): void {
    if (this.#session !== undefined) this.#end(this.#session)
  }

  /** The broker is dead: the database finds out some time later. */
  abandoned(view: View, delayMs: number): void {
    const session = this.#session
    if (session?.view === view) this.#view.after(delayMs, () => this.#end(session))
  }

  /** What no database would do: for broken brokers. */
  applyUnfenced(units: ReadonlyArray<Unit>): Exit.Exit<void, StoreError> {
    const { data } = this
    const { holder } = data
    const memory = MemoryStore.make(data, { maxBytes: MAX_BYTES })
    const scope = Scope.makeUnsafe()
    data.holder = undefined
    const { epoch } = data
    Effect.runSync(Effect.orDie(Scope.provide(memory.acquire, scope)))
    const exit = Effect.runSyncExit(memory.commit(units))
    data.epoch = epoch
    data.holder = holder
    return exit
  }

  #end(session: Session): void {
    if (!session.isAlive) return
    for (const units of session.pending) {
      if (this.#world.chance.below(2) === 0) this.#apply(session, units)
    }
    session.pending.clear()
    session.isAlive = false
    this.losses++
    this.data.holder = undefined
    this.#held.get(session.view.name)!.untilMs = this.#world.nowMs
    if (this.#session === session) this.#session = undefined
    this.#world.log(`database: session of ${session.view.name} ended`)
  }

  #apply(session: Session, units: ReadonlyArray<Unit>): Exit.Exit<void, StoreError> {
    const exit = Effect.runSyncExit(session.memory.commit(units))
    this.#world.log(`database: ${session.view.name} commits ${tell(units)}: ${exit._tag}`)
    return exit
  }

  #acquire(view: View): Effect.Effect<readonly [Session, ClusterState], LockHeld> {
    return Effect.suspend(() => {
      const old = this.#session
      if (old !== undefined && old.view !== view) return Effect.fail(new LockHeld({ holder: old.view.name }))
      if (old !== undefined) this.#end(old)
      const memory = MemoryStore.make(this.data, { maxBytes: MAX_BYTES })
      const state = Effect.runSync(Effect.orDie(Scope.provide(memory.acquire, Scope.makeUnsafe())))
      const session: Session = { view, memory, isAlive: true, pending: new Set(), busyUntilMs: 0 }
      this.#session = session
      this.#held.set(view.name, { sinceMs: this.#world.nowMs, untilMs: Infinity })
      this.#world.log(`database: ${view.name} has the lock, epoch ${state.epoch}`)
      return Effect.succeed([session, state] as const)
    })
  }

  /** Does something in the database after a while, and tells the broker, if that still lives. */
  #after<A, E>(view: View, delayMs: number, act: () => Exit.Exit<A, E>): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      this.#view.after(delayMs, () => {
        const exit = act()
        view.post(() => resume(exit))
      })
    })
  }

  /** The store of one broker's process. */
  storeOf(view: View): Store["Service"] {
    const reader = MemoryStore.make(this.data, { maxBytes: MAX_BYTES })
    let own: Session | undefined
    const read = <A>(effect: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
      Effect.suspend(() => {
        const fails = this.#faults.ofRead()
        return this.#after(view, this.#faults.between(0, 2), () =>
          fails ? Exit.fail(new StoreUnavailable({ message: "a read failed" })) : Effect.runSyncExit(effect)
        )
      })
    return Store.of({
      name: "simulated",
      acquire: Effect.acquireRelease(
        Effect.flatMap(
          this.#after(view, this.#faults.between(1, 5), () => Exit.void),
          () =>
            Effect.map(this.#acquire(view), ([session, state]) => {
              own = session
              return [session, state] as const
            })
        ),
        ([session]) => Effect.sync(() => this.#end(session))
      ).pipe(Effect.map(([, state]) => state)),
      commit: (units) => Effect.suspend(() => this.#commit(view, own, units)),
      ping: Effect.suspend(() => {
        const session = own
        const wait = Math.max(1, (session?.busyUntilMs ?? 0) - this.#world.nowMs)
        return this.#after(view, wait, () =>
          session?.isAlive === true ? Exit.void : Exit.fail(new Fenced({ message: "the session is gone" }))
        )
      }),
      read: (requests, maxBytes) => read(reader.read(requests, maxBytes)),
      loadPartitions: (ids) => read(reader.loadPartitions(ids)),
      findByTimestamp: (id, timestamp) => read(reader.findByTimestamp(id, timestamp)),
      sizes: (id, from, limit) => read(reader.sizes(id, from, limit)),
      loadOffsets: read(reader.loadOffsets),
      loadGroups: read(reader.loadGroups)
    })
  }

  #commit(view: View, session: Session | undefined, units: ReadonlyArray<Unit>): Effect.Effect<void, StoreError> {
    const fenced = Exit.fail(new Fenced({ message: "the session is gone" }))
    const unknown = Exit.fail(new OutcomeUnknown({ message: "the connection was lost" }))
    if (session?.isAlive !== true) return this.#after(view, 1, () => fenced)
    const fate = this.#faults.ofCommit()
    const delay = fate === "stalled" ? this.#faults.between(200, 9000) : this.#faults.between(1, 6)
    session.busyUntilMs = this.#world.nowMs + delay
    if (fate !== "stored") this.losses++
    if (fate !== "stored") this.#world.log(`database: commit of ${view.name} is ${fate}`)
    switch (fate) {
      case "stored":
      case "stalled":
        session.pending.add(units)
        return this.#after(view, delay, () => {
          // Whoever ended the session has decided about it.
          if (!session.pending.delete(units)) return unknown
          return this.#apply(session, units)
        })
      case "refused":
        return this.#after(view, delay, () => Exit.fail(new StoreUnavailable({ message: "refused" })))
      case "fenced":
        this.#end(session)
        return this.#after(view, delay, () => fenced)
      case "storedUnheard":
        session.pending.add(units)
        return this.#after(view, delay, () => {
          if (session.pending.delete(units)) {
            this.#apply(session, units)
            this.#end(session)
          }
          return unknown
        })
      case "storedLater":
        session.pending.add(units)
        // Until then the lock is held by a session that nobody talks to.
        this.#view.after(this.#faults.between(100, 4000), () => {
          if (session.pending.delete(units)) this.#apply(session, units)
          this.#end(session)
        })
        return this.#after(view, delay, () => unknown)
      case "neverStored":
        return this.#after(view, delay, () => {
          this.#end(session)
          return unknown
        })
    }
  }
}

/** Units in a few words. */
const tell = (units: ReadonlyArray<Unit>): string => {
  const words: Array<string> = []
  for (const unit of units) {
    for (const write of unit) {
      if (write._tag === "Append") words.push(`${write.partitionId}@${write.baseOffset}-${write.lastOffset}`)
      else if (write._tag === "PutOffset") words.push(`${write.groupId}/${write.partitionId}=${write.metadata}`)
      else if (write._tag === "PutGroup")
        words.push(`${write.groupId}:${/"(?:generationId|groupEpoch)":(\d+)/.exec(write.value)?.[1]}`)
      else if (write._tag === "PutGroupMember")
        words.push(`${write.groupId}/${write.memberId}:${/"memberEpoch":(-?\d+)/.exec(write.value)?.[1]}`)
      else if (write._tag === "DeleteGroupMember") words.push(`${write.groupId}/${write.memberId} goes`)
      else words.push(write._tag)
    }
  }
  return words.join(" ")
}
