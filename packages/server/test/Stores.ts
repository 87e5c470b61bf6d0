/** Memory whose commits take as long as Postgres' do, or as a test says. */
import { make, MemoryData } from "@tusk/storage/memory/MemoryStore"
import { makeSignal } from "@tusk/storage/Signal"
import { Store } from "@tusk/storage/Store"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

export const newData = () => new MemoryData("AAAAAAAAAAAAAAAAAAAAAQ")
const OPTIONS = { maxBytes: 1 << 26 }

export const nextTurn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** Commits are answered in a later turn of the event loop. */
export const answersLater = (data = newData()) => {
  const memory = make(data, OPTIONS)
  return Layer.succeed(
    Store,
    Store.of({ ...memory, commit: (units) => Effect.andThen(Effect.promise(nextTurn), memory.commit(units)) })
  )
}

/** Commits wait while they are held. */
export const heldStore = (data = newData()) => {
  const memory = make(data, OPTIONS)
  const changed = makeSignal()
  let isHeld = false
  let waiting = 0
  const commit: (typeof memory)["commit"] = (units) =>
    Effect.suspend(() => {
      waiting++
      changed.notify()
      return Effect.andThen(
        changed.until(() => !isHeld),
        Effect.suspend(() => {
          waiting--
          return memory.commit(units)
        })
      )
    })
  return {
    store: Layer.succeed(Store, Store.of({ ...memory, commit })),
    hold: (hold: boolean) => {
      isHeld = hold
      changed.notify()
    },
    /** Returns once a commit is under way and held. */
    waiting: changed.until(() => waiting > 0)
  }
}
