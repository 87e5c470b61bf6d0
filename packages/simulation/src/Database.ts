import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { readsOf } from "@tusk/storage/memory/memoryReads"
import { SILENCE_LIMIT_MS } from "@tusk/storage/Active"
import { NOTHING_TOLD } from "@tusk/storage/counters"
import { Store } from "@tusk/storage/Store"
import type { ClusterState, Told, Unit } from "@tusk/storage/Store"
import { Fenced, LockHeld, StoreUnavailable } from "@tusk/storage/StoreError"
import type { StoreError } from "@tusk/storage/StoreError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Faults } from "./Faults.ts"
import { MAX_BYTES, Session } from "./Session.ts"
import type { SessionWorld } from "./Session.ts"
import type { View, World } from "./World.ts"

/** An answer that was right when it left may be so long on its way. */
const LONGEST_WAY_MS = 4100

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
  readonly #around: SessionWorld
  /** By broker: when it got the lock, and when it lost it. */
  readonly #held = new Map<string, { readonly sinceMs: number; untilMs: number }>()
  /** By broker: its commit of unknown outcome. */
  readonly #open = new Map<string, { readonly fate: "open" | "stored" | "never" }>()
  /** Whose commit was the last. */
  #writer = ""

  constructor(world: World, faults: Faults) {
    this.#world = world
    this.#faults = faults
    this.#view = world.view("database")
    this.#around = {
      world,
      faults,
      view: this.#view,
      stored: ({ name }) => {
        this.#writer = name
      },
      upset: () => {
        this.losses++
      },
      ended: (session) => this.#ended(session)
    }
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
    this.#session?.end()
  }

  /** The broker is dead: the database finds out some time later. */
  abandoned(view: View, delayMs: number): void {
    const session = this.#session
    if (session?.view === view) this.#view.after(delayMs, () => session.end())
  }

  /** What no database would do: for broken brokers. */
  applyUnfenced(units: ReadonlyArray<Unit>): Exit.Exit<void, StoreError> {
    const { data } = this
    const { holder } = data
    const memory = MemoryStore.make(data, { maxBytes: MAX_BYTES })
    const scope = Scope.makeUnsafe()
    data.holder = undefined
    const { epoch } = data
    Effect.runSync(Effect.orDie(Scope.provide(memory.acquire(NOTHING_TOLD), scope)))
    const exit = Effect.runSyncExit(memory.commit(units))
    data.epoch = epoch
    data.holder = holder
    return exit
  }

  #ended(session: Session): void {
    const { name } = session.view
    if (session.open !== undefined) this.#open.set(name, session.open)
    this.losses++
    this.data.holder = undefined
    this.#held.get(name)!.untilMs = this.#world.nowMs
    if (this.#session === session) this.#session = undefined
    this.#world.log(`database: session of ${name} ended`)
  }

  #acquire(view: View, told: Told): Effect.Effect<readonly [Session, ClusterState], LockHeld> {
    return Effect.suspend(() => {
      const { name } = view
      const old = this.#session
      if (old !== undefined && old.view !== view) return Effect.fail(new LockHeld({ holder: old.view.name }))
      old?.end()
      const session = new Session(this.#around, view, this.data, told)
      this.#session = session
      this.#held.set(name, { sinceMs: this.#world.nowMs, untilMs: Infinity })
      const unknownCommitStored = this.#lookUp(name)
      const state = { ...session.state, unknownCommitStored }
      const found =
        unknownCommitStored === undefined ? "" : `, its last commit is ${unknownCommitStored ? "" : "not "}stored`
      this.#world.log(`database: ${name} has the lock, epoch ${state.epoch}${found}`)
      return Effect.succeed([session, state] as const)
    })
  }

  /** Whether the commit of unknown outcome is stored; undefined where there is none, or others have written since. */
  #lookUp(broker: string): boolean | undefined {
    const open = this.#open.get(broker)
    this.#open.delete(broker)
    if (open === undefined || (this.#writer !== broker && this.#writer !== "")) return undefined
    return open.fate === "stored"
  }

  /** The store of one broker's process. */
  storeOf(view: View): Store["Service"] {
    let own: Session | undefined
    const noSession = Effect.fail(new StoreUnavailable({ message: "there is no session" }))
    const reads = readsOf(this.data)
    const read = <A>(effect: Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
      Effect.suspend(() => {
        const fails = this.#faults.ofRead()
        return this.#after(view, this.#faults.between(0, 2), (): Exit.Exit<A, StoreError> => {
          if (fails) return Exit.fail(new StoreUnavailable({ message: "a read failed" }))
          if (own?.isAlive !== true) return Exit.fail(new Fenced({ message: "this server is not the writer's" }))
          return Effect.runSyncExit(effect)
        })
      })
    const use = <A>(ask: (session: Session) => Effect.Effect<A, StoreError>): Effect.Effect<A, StoreError> =>
      Effect.suspend(() => (own === undefined ? noSession : ask(own)))
    return Store.of({
      name: "simulated",
      acquire: (told) =>
        Effect.acquireRelease(
          Effect.flatMap(
            this.#after(view, this.#faults.between(1, 5), () => Exit.void),
            () =>
              Effect.map(this.#acquire(view, told), ([session, state]) => {
                own = session
                return [session, state] as const
              })
          ),
          ([session]) => Effect.sync(() => session.end())
        ).pipe(Effect.map(([, state]) => state)),
      lost: Effect.suspend(() => own?.lost ?? Effect.never),
      commit: (units) => use((session) => session.commit(units)),
      ping: use((session) => session.ping),
      heartbeat: use((session) => session.heartbeat),
      read: (requests, maxBytes) => read(reads.read(requests, maxBytes)),
      loadPartitions: (ids) => read(reads.loadPartitions(ids)),
      sizeOf: (id) => read(reads.sizeOf(id)),
      findByTimestamp: (id, timestamp) => read(reads.findByTimestamp(id, timestamp)),
      sizes: (id, from, limit) => read(reads.sizes(id, from, limit)),
      loadOffsets: read(reads.loadOffsets),
      loadGroups: read(reads.loadGroups)
    })
  }

  #after<A, E>(view: View, delayMs: number, act: () => Exit.Exit<A, E>): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      this.#view.after(delayMs, () => {
        const exit = act()
        view.post(() => resume(exit))
      })
    })
  }
}
