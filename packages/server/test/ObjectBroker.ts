/** Brokers whose topics lie in objects: in memory, of which a test decides what a put comes to. */
import { make } from "@tusk/storage/memory/MemoryStore"
import type { MemoryData } from "@tusk/storage/memory/MemoryStore"
import { makeMemoryObjectStore, MemoryObjects } from "@tusk/storage/object/memory/MemoryObjectStore"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { Store } from "@tusk/storage/port/Store"
import { makeSignal } from "@tusk/storage/Signal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { Settings } from "../src/config/Settings.ts"
import { startBroker } from "./BrokerUnderTest.ts"
import { newData } from "./Stores.ts"

type Put = ReturnType<ObjectStore["put"]>

export class ObjectsUnderTest {
  readonly data = new MemoryObjects()
  readonly store: ObjectStore
  /** What becomes of a put, or of an append, in the place of it. */
  instead: ((put: Put) => Put) | undefined
  /** Puts and appends that were asked for. */
  puts = 0
  readonly #changed = makeSignal()
  #isHeld = false
  #waiting = 0

  constructor({ grows = false } = {}) {
    const memory = makeMemoryObjectStore(this.data, { maxBytes: 1 << 26 })
    const held = Effect.suspend(() => {
      this.#waiting++
      this.#changed.notify()
      return this.#changed.until(() => !this.#isHeld)
    })
    const putting = (put: Put): Put =>
      Effect.suspend(() => {
        this.puts++
        return Effect.andThen(
          this.#isHeld ? held : Effect.void,
          Effect.suspend(() => (this.instead === undefined ? put : this.instead(put)))
        )
      })
    this.store = {
      ...memory,
      put: (name, chunks) => putting(memory.put(name, chunks)),
      grow: grows
        ? (name) =>
            Effect.map(memory.grow!(name), ({ append, close }) => ({
              append: (chunks) => putting(append(chunks)) as ReturnType<typeof append>,
              close
            }))
        : undefined
    }
  }

  /** Puts and appends wait while they are held. */
  hold(hold: boolean): void {
    this.#isHeld = hold
    this.#changed.notify()
  }

  /** Returns once so many puts have come while they were held. */
  readonly waiting = (count: number): Promise<void> =>
    Effect.runPromise(this.#changed.until(() => this.#waiting >= count))

  /** Objects of batches. */
  get names(): ReadonlyArray<string> {
    return Array.from(this.data.objects.keys()).filter((name) => !name.endsWith("/owner"))
  }
}

/** A broker that keeps no batch in memory, so that each is read from where it lies. */
export const startObjectBroker = (
  objects: ObjectsUnderTest | undefined,
  data: MemoryData = newData(),
  settings: Partial<Settings> = {}
) =>
  startBroker(
    { tailCacheBytes: 0, readAheadBytes: 0, ...settings },
    {
      store: Layer.succeed(Store, make(data, { maxBytes: 1 << 26 })),
      ...(objects === undefined ? {} : { objects: objects.store })
    }
  )
