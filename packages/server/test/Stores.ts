/** Memory with commits that take as long as Postgres' do, or as a test says. */
import { make, MemoryData } from "@tusk/storage/memory/MemoryStore"
import { makeSignal } from "@tusk/storage/Signal"
import { Store } from "@tusk/storage/port/Store"
import type { Write } from "@tusk/storage/port/Write"
import { escapeText } from "../../storage/src/pg/PgStore/escapeText.ts"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

let made = 0

/** Of a cluster of its own: objects of several may lie in one store. */
export const newData = () => {
  const id = Buffer.alloc(16)
  id.writeUInt32BE(++made, 12)
  return new MemoryData(id.toString("base64url"))
}
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

/** What is wrong with a write for Postgres: a number that is no int8, a key that no index takes. */
const wrongWith = (value: unknown, path: string): ReadonlyArray<string> => {
  if (typeof value === "bigint" && BigInt.asIntN(64, value) !== value) return [`${path} is ${value}`]
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return []
  return Object.entries(value).flatMap(([name, each]) => wrongWith(each, `${path}.${name}`))
}
const KEYS = ["groupId", "memberId", "resourceName", "name"] as const
/** Of one index row, less its own headers. */
const MOST_KEY_BYTES = 2600
const keyTooLong = (write: Write): ReadonlyArray<string> => {
  const key = KEYS.map((name) => (name in write ? String(write[name as never] ?? "") : "")).join("")
  const bytes = Buffer.byteLength(escapeText(key))
  return bytes > MOST_KEY_BYTES ? [`${write._tag} has a key of ${bytes} bytes`] : []
}

/** Memory, and what Postgres would have refused. */
export const checkedStore = (data = newData()) => {
  const memory = make(data, OPTIONS)
  const refused: Array<string> = []
  const commit: (typeof memory)["commit"] = (units) =>
    Effect.suspend(() => {
      for (const write of units.flat()) refused.push(...wrongWith(write, write._tag), ...keyTooLong(write))
      return memory.commit(units)
    })
  return { store: Layer.succeed(Store, Store.of({ ...memory, commit })), refused }
}
