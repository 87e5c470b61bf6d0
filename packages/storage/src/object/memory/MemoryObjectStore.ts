import * as Effect from "effect/Effect"
import { LISTED, ofObject } from "../../port/ObjectName.ts"
import { ObjectExists, ObjectMissing, ObjectStoreRefused, ObjectStoreUnavailable } from "../../port/ObjectStore.ts"
import type { GrowingObject, ObjectStore } from "../../port/ObjectStore.ts"

/** What a store in memory holds. It outlives the store: a process that crashes loses none of it. */
export class MemoryObjects {
  readonly objects = new Map<string, Uint8Array>()
  /** How often each name was replaced by its tag: no two states have one tag. */
  readonly states = new Map<string, number>()
  bytes = 0
}

export interface MemoryObjectOptions {
  /** Bytes of objects beyond which a put is refused for now. */
  readonly maxBytes: number
}

const joined = (chunks: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0))
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}

/** Sets or takes away, and counts. */
const change = (data: MemoryObjects, name: string, value: Uint8Array | undefined): void => {
  data.bytes += (value?.byteLength ?? 0) - (data.objects.get(name)?.byteLength ?? 0)
  if (value === undefined) data.objects.delete(name)
  else data.objects.set(name, value)
}

type HasRoom = (bytes: number) => Effect.Effect<void, ObjectStoreUnavailable>

const growing = (data: MemoryObjects, hasRoom: HasRoom, name: string): GrowingObject => ({
  append: (chunks) =>
    Effect.suspend(() => {
      const before = data.objects.get(name) ?? new Uint8Array()
      const value = joined([before, ...chunks])
      return Effect.map(hasRoom(value.byteLength - before.byteLength), () => change(data, name, value))
    }),
  close: Effect.void
})

/** A store without a disk, for tests and simulations. Each call happens at once. */
export const makeMemoryObjectStore = (data: MemoryObjects, { maxBytes }: MemoryObjectOptions): ObjectStore => {
  const tagOf = (name: string): string | undefined =>
    data.objects.has(name) ? String(data.states.get(name) ?? 0) : undefined
  const hasRoom: HasRoom = (bytes) =>
    data.bytes + bytes <= maxBytes
      ? Effect.void
      : Effect.fail(new ObjectStoreUnavailable({ message: `memory holds ${maxBytes} bytes of objects`, sent: false }))

  return {
    name: "memory:",
    isLocal: true,
    probe: Effect.void,
    put: (name, chunks) =>
      ofObject(
        name,
        Effect.suspend((): Effect.Effect<void, ObjectExists | ObjectStoreUnavailable> => {
          if (data.objects.has(name)) return Effect.fail(new ObjectExists({ name }))
          const value = joined(chunks)
          return Effect.map(hasRoom(value.byteLength), () => change(data, name, value))
        })
      ),
    grow: (name) =>
      ofObject(
        name,
        Effect.suspend((): Effect.Effect<GrowingObject, ObjectExists> => {
          if (data.objects.has(name)) return Effect.fail(new ObjectExists({ name }))
          change(data, name, new Uint8Array())
          return Effect.succeed(growing(data, hasRoom, name))
        })
      ),
    get: (name, from, to) =>
      ofObject(
        name,
        Effect.suspend((): Effect.Effect<Uint8Array, ObjectMissing | ObjectStoreRefused> => {
          const value = data.objects.get(name)
          if (value === undefined) return Effect.fail(new ObjectMissing({ name }))
          return to <= value.byteLength
            ? Effect.succeed(value.slice(from, to))
            : Effect.fail(
                new ObjectStoreRefused({ message: `object ${name} ends at ${value.byteLength}, before ${to}` })
              )
        })
      ),
    list: (prefix, after) =>
      Effect.sync(() =>
        Array.from(data.objects, ([name, { byteLength: bytes }]) => ({ name, bytes }))
          .filter(({ name }) => name.startsWith(prefix) && (after === undefined || name > after))
          .sort((a, b) => (a.name < b.name ? -1 : 1))
          .slice(0, LISTED)
      ),
    remove: (name) =>
      ofObject(
        name,
        Effect.sync(() => change(data, name, undefined))
      ),
    readTagged: (name) =>
      ofObject(
        name,
        Effect.sync(() => {
          const value = data.objects.get(name)
          return value && { value: value.slice(), tag: tagOf(name)! }
        })
      ),
    replaceTagged: (name, tag, value) =>
      ofObject(
        name,
        Effect.suspend(() => {
          if (tagOf(name) !== tag) return Effect.succeed(false)
          return Effect.map(hasRoom(value.byteLength), () => {
            change(data, name, value.slice())
            data.states.set(name, (data.states.get(name) ?? 0) + 1)
            return true
          })
        })
      )
  }
}
