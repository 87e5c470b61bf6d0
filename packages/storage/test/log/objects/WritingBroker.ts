/** An active broker over memory, and an object store of which a test decides what a put comes to. */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { objectDefaults } from "../../../src/defaults.ts"
import { Active } from "../../../src/commit/Active.ts"
import { Incarnation } from "../../../src/log/objects/CollectorOptions.ts"
import { ObjectOptions } from "../../../src/log/objects/ObjectOptions.ts"
import { Objects, objectsLayer } from "../../../src/log/objects/Objects.ts"
import { ObjectWriter, objectWriterLayer } from "../../../src/log/objects/ObjectWriter.ts"
import { Owner } from "../../../src/log/objects/Owner.ts"
import { makeMemoryObjectStore, MemoryObjects } from "../../../src/object/memory/MemoryObjectStore.ts"
import { ObjectStore } from "../../../src/port/ObjectStore.ts"
import { makeSignal } from "../../../src/Signal.ts"
import { FaultyStore } from "../../FaultyStore.ts"

type Put = ReturnType<ObjectStore["put"]>

export interface Broker {
  readonly active: Active["Service"]
  readonly faulty: FaultyStore
  readonly objects: Objects
  readonly writer: ObjectWriter
  readonly data: MemoryObjects
  /** Names and sizes of the puts and appends that were asked, in order. */
  readonly asked: Array<{ readonly name: string; readonly bytes: number }>
  /** Names of objects that grow no more. */
  readonly closed: Array<string>
  /** What becomes of a put, or of an append, in the place of it. */
  instead: (put: Put, name: string) => Put
  /** Returns once so many puts were asked. */
  readonly untilAsked: (count: number) => Effect.Effect<void>
}

export const startBroker = Effect.fnUntraced(function* (
  options: Partial<ObjectOptions> = {},
  { grows = false, isLocal = true } = {}
) {
  const faulty = new FaultyStore()
  const data = new MemoryObjects()
  const asked: Broker["asked"] = []
  const changed = makeSignal()
  const memory = makeMemoryObjectStore(data, { maxBytes: 1 << 26 })
  const closed: Array<string> = []
  const broker = { data, faulty, asked, closed, instead: (put: Put, _name: string): Put => put }
  const ask = (name: string, chunks: ReadonlyArray<Uint8Array>, put: Put): Put =>
    Effect.suspend(() => {
      asked.push({ name, bytes: chunks.reduce((sum, { byteLength }) => sum + byteLength, 0) })
      changed.notify()
      return broker.instead(put, name)
    })
  const store: ObjectStore = {
    ...memory,
    isLocal,
    put: (name, chunks) => ask(name, chunks, memory.put(name, chunks)),
    grow: grows
      ? (name) =>
          Effect.map(memory.grow!(name), ({ append, close }) => ({
            append: (chunks) => ask(name, chunks, append(chunks)) as ReturnType<typeof append>,
            close: Effect.andThen(
              close,
              Effect.sync(() => void broker.closed.push(name))
            )
          }))
      : undefined
  }
  const layer = objectWriterLayer.pipe(
    Layer.provideMerge(objectsLayer),
    Layer.provideMerge(Owner.claims),
    Layer.provideMerge(Active.layer),
    Layer.provideMerge(Owner.layer),
    Layer.provide(faulty.layer),
    Layer.provide(Layer.succeed(ObjectStore, store)),
    Layer.provide(Layer.succeed(Incarnation, "abcdefgh")),
    Layer.provide(Layer.succeed(ObjectOptions, { ...objectDefaults, maxBytes: 1000, uploads: 2, ...options }))
  )
  const context = yield* Layer.build(layer)
  return Object.assign(broker, {
    active: Context.get(context, Active),
    objects: Context.get(context, Objects),
    writer: Context.get(context, ObjectWriter),
    untilAsked: (count: number) => changed.until(() => asked.length >= count)
  })
})
