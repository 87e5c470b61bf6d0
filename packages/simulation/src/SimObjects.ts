import { makeMemoryObjectStore, MemoryObjects } from "@tusk/storage/object/memory/MemoryObjectStore"
import { ObjectStoreUnavailable } from "@tusk/storage/port/ObjectStore"
import type { GrowingObject, ObjectExists, ObjectStore, ObjectStoreError } from "@tusk/storage/port/ObjectStore"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type { CallFate, ObjectFaults } from "./ObjectFaults.ts"
import type { View, World } from "./World.ts"

/** Who looks at what happens in the object store. */
export interface ObjectWatch {
  /** A broker asks for it, whatever comes of it. */
  readonly puts: (broker: string, name: string, bytes: Uint8Array) => void
  /** It is carried out now. */
  readonly stores: (name: string, bytes: Uint8Array) => void
  /** To an object that grows: what it was asked with, and what is carried out. */
  readonly appends: (name: string, asked: Uint8Array, bytes: Uint8Array) => void
  readonly removes: (broker: string, name: string, nowMs: number) => void
  /** A request that was in order may be told that it failed, until so much later. */
  readonly troubled: (forMs: number) => void
}

/** One call: `what` in a few words, and what it does once it is carried out. */
interface Call<A, E> {
  readonly what: string
  readonly kind: "read" | "change"
  readonly act: () => Exit.Exit<A, E>
}

/** Has a call carried out, or not, for one broker. */
type Ask = <A, E>(
  what: string,
  kind: Call<A, E>["kind"],
  act: () => Effect.Effect<A, E>
) => Effect.Effect<A, E | ObjectStoreError>

/** Whose the objects are is looked at again so long after it could not be read: until then none is read or written. */
const OWNER_MS = 3500

/** For how long a failure shows in what else is asked. */
const lastsMs = ({ what }: { readonly what: string }): number => (what.includes("/owner ") ? OWNER_MS : 0)

const MAX_BYTES = 1 << 30

const lost = (message: string, sent: boolean) => Exit.fail(new ObjectStoreUnavailable({ message, sent }))

/** What every broker of the world keeps its objects in; it outlives them all, and failovers of the database, too. */
export class SimObjects {
  readonly data = new MemoryObjects()
  /** The same without any fault, for whoever looks after it. */
  readonly memory = makeMemoryObjectStore(this.data, { maxBytes: MAX_BYTES })
  readonly #isLocal: boolean
  /** Until then nobody reaches it. */
  #awayUntilMs = -Infinity
  readonly #world: World
  readonly #view: View
  readonly #faults: ObjectFaults
  readonly #watch: ObjectWatch

  constructor(world: World, faults: ObjectFaults, isLocal: boolean, watch: ObjectWatch) {
    this.#world = world
    this.#view = world.view("objects")
    this.#faults = faults
    this.#isLocal = isLocal
    this.#watch = watch
  }

  /** Nobody reaches it for so long. */
  loseFor(forMs: number): void {
    this.#world.log(`objects: nobody reaches the store for ${forMs} ms`)
    this.#awayUntilMs = this.#world.nowMs + forMs
    this.#watch.troubled(forMs)
  }

  heal(): void {
    this.#awayUntilMs = -Infinity
    this.#faults.heal()
  }

  /** As one broker's process reaches it: what it has asked for happens also if it is dead by then. */
  storeOf(broker: View): ObjectStore {
    const { memory } = this
    const ask: Ask = <A, E>(what: string, kind: Call<A, E>["kind"], act: () => Effect.Effect<A, E>) =>
      this.#ask<A, E>(broker, { what: `${what} of ${broker.name}`, kind, act: () => Effect.runSyncExit(act()) })
    return {
      name: "simulated",
      isLocal: this.#isLocal,
      probe: Effect.void,
      put: (name, chunks) =>
        Effect.suspend(() => {
          const bytes = Buffer.concat(chunks)
          this.#watch.puts(broker.name, name, bytes)
          return ask(`put ${name}`, "change", () =>
            Effect.tap(memory.put(name, chunks), () =>
              Effect.sync(() => this.#watch.stores(name, Buffer.concat(chunks)))
            )
          )
        }),
      grow: this.#isLocal ? (name) => this.#grow(broker, ask, name) : undefined,
      get: (name, from, to) => ask(`get ${name} ${from}-${to}`, "read", () => memory.get(name, from, to)),
      list: (prefix, after) => ask("list", "read", () => memory.list(prefix, after)),
      remove: (name) =>
        ask(`remove ${name}`, "change", () =>
          Effect.andThen(
            Effect.sync(() => this.#watch.removes(broker.name, name, this.#world.nowMs)),
            memory.remove(name)
          )
        ),
      readTagged: (name) => ask(`read ${name}`, "read", () => memory.readTagged(name)),
      replaceTagged: (name, tag, value) =>
        ask(`replace ${name}`, "change", () => memory.replaceTagged(name, tag, value))
    }
  }

  #grow(broker: View, ask: Ask, name: string): Effect.Effect<GrowingObject, ObjectExists | ObjectStoreError> {
    this.#watch.puts(broker.name, name, new Uint8Array())
    const grow = ask(`grow ${name}`, "change", () =>
      Effect.tap(this.memory.grow!(name), () => Effect.sync(() => this.#watch.stores(name, new Uint8Array())))
    )
    return Effect.map(grow, ({ append, close }) => ({
      append: (chunks) =>
        Effect.suspend(() => {
          const asked = Buffer.concat(chunks)
          let isTold = false
          const appended = ask(`append to ${name}`, "change", () => {
            // What happens after it was told to have failed is nobody's.
            if (!isTold) this.#watch.appends(name, asked, Buffer.concat(chunks))
            return append(chunks)
          })
          return Effect.onExit(appended, () => Effect.sync(() => void (isTold = true)))
        }),
      close
    }))
  }

  #ask<A, E>(broker: View, call: Call<A, E>): Effect.Effect<A, E | ObjectStoreError> {
    return Effect.callback<A, E | ObjectStoreError>((resume) => {
      const tell = (afterMs: number, exit: Exit.Exit<A, E | ObjectStoreError>) =>
        void this.#view.after(afterMs, () => broker.post(() => resume(exit)))
      const awayMs = this.#awayUntilMs - this.#world.nowMs
      if (awayMs > 0) {
        const afterMs = this.#faults.awayMs()
        this.#watch.troubled(Math.max(awayMs, afterMs) + lastsMs(call))
        return tell(afterMs, lost("the object store is away", false))
      }
      this.#carryOut(call, this.#faults.of(call.kind), tell)
    })
  }

  #carryOut<A, E>(
    call: Call<A, E>,
    fate: CallFate,
    tell: (afterMs: number, exit: Exit.Exit<A, E | ObjectStoreError>) => void
  ): void {
    const { act, what } = call
    const takesMs = this.#faults.callMs(fate)
    if (fate === "right") return void this.#view.after(takesMs, () => tell(0, act()))
    this.#world.log(`objects: ${what} is ${fate}`)
    if (fate === "slow") {
      this.#watch.troubled(takesMs)
      return void this.#view.after(takesMs, () => tell(0, act()))
    }
    const toldMs = this.#faults.errorMs()
    this.#watch.troubled(toldMs + lastsMs(call))
    tell(toldMs, lost(`the call is ${fate}`, fate !== "refused"))
    if (fate === "refused" || fate === "failed" || fate === "half") return
    const happen = () => {
      this.#world.log(`objects: ${what} happens`)
      act()
    }
    this.#view.after(fate === "late" ? toldMs + takesMs : Math.min(takesMs, toldMs), happen)
  }
}
