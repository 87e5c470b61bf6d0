import * as MemoryStore from "@tusk/storage/memory/MemoryStore"
import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import type { ClusterState, Store, Told, Unit } from "@tusk/storage/Store"
import { Fenced, OutcomeUnknown, StoreUnavailable } from "@tusk/storage/StoreError"
import type { StoreError } from "@tusk/storage/StoreError"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import type { Faults } from "./Faults.ts"
import type { View, World } from "./World.ts"
import { ownBytes, tell } from "./units.ts"

export const MAX_BYTES = 1 << 30

/** A commit on its way. When its session ends it has happened or never will. */
interface Sent {
  readonly units: ReadonlyArray<Unit>
  fate: "open" | "stored" | "never"
  /** The broker has been told, and knows. */
  isKnown: boolean
}

/** What a session needs of the world around it. */
export interface SessionWorld {
  readonly world: World
  readonly faults: Faults
  /** In which the database's own time runs. */
  readonly view: View
  /** A commit of this broker is stored. */
  readonly stored: (broker: View, units: ReadonlyArray<Unit>) => void
  /** Something of what a broker has in memory may have to be forgotten. */
  readonly upset: () => void
  readonly ended: (session: Session) => void
}

const gone = () => new Fenced({ message: "the session is gone" })
const unknown = () => new OutcomeUnknown({ message: "the connection was lost" })

/** A broker's session with the database, and with it the cluster's lock: what is asked over it takes its time, or fails. */
export class Session {
  readonly view: View
  readonly state: ClusterState
  isAlive = true
  #last: Sent | undefined
  readonly #memory: Store["Service"]
  readonly #around: SessionWorld
  readonly #watchers = new Set<(lost: Effect.Effect<Fenced>) => void>()

  constructor(around: SessionWorld, view: View, data: MemoryData, told: Told) {
    this.#around = around
    this.view = view
    this.#memory = MemoryStore.make(data, { maxBytes: MAX_BYTES })
    this.state = Effect.runSync(Effect.orDie(Scope.provide(this.#memory.acquire(told), Scope.makeUnsafe())))
  }

  /** The commit of which the broker does not know what became. */
  get open(): Sent | undefined {
    return this.#last?.isKnown === false ? this.#last : undefined
  }

  /** What was sent is decided, and nothing more is taken. */
  end(): void {
    if (!this.isAlive) return
    if (this.#last?.fate === "open") this.#decide(this.#last, this.#around.world.chance.below(2) === 0)
    this.isAlive = false
    this.#around.ended(this)
    const afterMs = this.#around.faults.lostAfterMs()
    if (afterMs !== undefined) this.#later(afterMs, () => this.#tellWatchers())
  }

  #tellWatchers(): void {
    for (const resume of this.#watchers) resume(Effect.succeed(gone()))
    this.#watchers.clear()
  }

  #decide(sent: Sent, store: boolean): Exit.Exit<void, StoreError> {
    if (sent.fate !== "open") return sent.fate === "stored" ? Exit.void : Exit.fail(unknown())
    const exit = store ? Effect.runSyncExit(this.#memory.commit(sent.units)) : Exit.fail(unknown())
    sent.fate = exit._tag === "Success" ? "stored" : "never"
    if (sent.fate === "stored") this.#around.stored(this.view, sent.units)
    if (store) this.#around.world.log(`database: ${this.view.name} commits ${tell(sent.units)}: ${exit._tag}`)
    return exit
  }

  /** In the database, and then in the broker, if that still lives. */
  #later(delayMs: number, inBroker: () => void): void {
    this.#around.view.after(delayMs, () => this.view.post(inBroker))
  }

  /** Does something in the database after a while, and tells the broker. */
  after<A, E>(delayMs: number, act: () => Exit.Exit<A, E>): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      this.#around.view.after(delayMs, () => {
        const exit = act()
        this.view.post(() => resume(exit))
      })
    })
  }

  readonly lost: Effect.Effect<Fenced> = Effect.callback<Fenced>((resume) => {
    this.#watchers.add(resume)
    return Effect.sync(() => void this.#watchers.delete(resume))
  })

  readonly ping: Effect.Effect<void, StoreError> = Effect.suspend(() =>
    this.after(1, () => (this.isAlive ? Exit.void : Exit.fail(gone())))
  )

  readonly heartbeat: Effect.Effect<void, StoreError> = Effect.suspend(() =>
    this.after(this.#around.faults.between(1, 3), () => (this.isAlive ? Exit.void : Exit.fail(gone())))
  )

  commit(units: ReadonlyArray<Unit>): Effect.Effect<void, StoreError> {
    const { faults, upset, view, world } = this.#around
    if (!this.isAlive) return this.after(1, () => Exit.fail(gone()))
    const fate = faults.ofCommit()
    const delay = fate === "stalled" ? faults.between(200, 9000) : faults.between(1, 6)
    if (fate !== "stored") {
      upset()
      world.log(`database: commit of ${this.view.name} is ${fate}`)
    }
    const sent: Sent = { units: ownBytes(units), fate: "open", isKnown: false }
    this.#last = sent
    const known = <A, E>(exit: Exit.Exit<A, E>): Exit.Exit<A, E> => {
      sent.isKnown = true
      return exit
    }
    switch (fate) {
      case "stored":
      case "stalled":
        return this.after(delay, () => {
          const exit = this.#decide(sent, true)
          return exit._tag === "Success" ? known(exit) : exit
        })
      case "refused":
        sent.fate = "never"
        return this.after(delay, () => known(Exit.fail(new StoreUnavailable({ message: "refused" }))))
      case "fenced":
        sent.fate = "never"
        this.end()
        return this.after(delay, () => known(Exit.fail(gone())))
      case "storedUnheard":
        return this.after(delay, () => {
          this.#decide(sent, true)
          this.end()
          return Exit.fail(unknown())
        })
      case "storedLater":
        // Until then the lock is held by a session that nobody talks to.
        view.after(faults.between(100, 4000), () => {
          this.#decide(sent, true)
          this.end()
        })
        return this.after(delay, () => Exit.fail(unknown()))
      case "neverStored":
        return this.after(delay, () => {
          this.#decide(sent, false)
          this.end()
          return Exit.fail(unknown())
        })
    }
  }
}
