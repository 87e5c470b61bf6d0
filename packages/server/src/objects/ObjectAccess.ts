import { CachedObjects } from "@tusk/storage/object/cache/CachedObjects"
import { counted } from "@tusk/storage/log/objects/counted"
import { ObjectReader } from "@tusk/storage/log/objects/ObjectReader"
import { incarnationLayer, objectsLayer } from "@tusk/storage/log/objects/Objects"
import { objectWriterLayer } from "@tusk/storage/log/objects/ObjectWriter"
import { Owner } from "@tusk/storage/log/objects/Owner"
import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { pointed } from "@tusk/storage/port/pointed"
import { Store } from "@tusk/storage/port/Store"
import { Counts } from "@tusk/storage/StorageCounts"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"

/** How objects are read: see `ObjectReaderOptions`, and blocks of the cache. */
const READS = { maxGapBytes: 64 * 1024, maxRangeBytes: 8 * 1024 * 1024, maxRanges: 16 }
const BLOCK_BYTES = 1024 * 1024

/** Ranges are read by way of memory and a disk, if the store is far away: of an object that is removed these keep nothing. */
const cached = Effect.fnUntraced(function* (store: ObjectStore) {
  const { objectCacheBytes, objectCacheDiskBytes, objectCachePath } = yield* BrokerSettings
  if (store.isLocal || objectCacheBytes === 0) return store
  const disk =
    objectCachePath === undefined
      ? undefined
      : yield* Effect.flatMap(
          Effect.promise(() => import("@tusk/storage/object/cache/DiskBlocks")),
          ({ DiskBlocks }) => DiskBlocks.make({ path: objectCachePath, maxBytes: objectCacheDiskBytes })
        ).pipe(Effect.catch(({ message }) => Effect.as(Effect.logWarning(message), undefined)))
  const options = { maxBytes: objectCacheBytes, blockBytes: BLOCK_BYTES, disk }
  const cache = new CachedObjects(store, yield* Effect.scope, options, yield* Counts)
  const remove: ObjectStore["remove"] = (name) =>
    Effect.tap(store.remove(name), () => Effect.sync(() => cache.forget(name)))
  return { ...store, get: cache.get, remove }
})

const countedObjects = Layer.effect(
  ObjectStore,
  Effect.gen(function* () {
    const store = yield* ObjectStore
    return store === undefined ? undefined : yield* cached(counted(store, yield* Counts))
  })
)

/** The store with a reader of pointers. */
const readable = Layer.effect(
  Store,
  Effect.gen(function* () {
    const store = yield* Store
    const objects = yield* ObjectStore
    if (objects === undefined) return store
    const { mayRead } = yield* Owner
    return pointed(store, new ObjectReader(objects, mayRead, { ...READS, isNear: objects.isLocal }))
  })
)

/** Below all that reads the store: `Store` reads what lies in objects, if there is an `ObjectStore`. */
export const objectAccess = readable.pipe(Layer.provideMerge(Owner.layer), Layer.provideMerge(countedObjects))

/** Below the Committer, which waits for what is put: how batches get into objects, once they are this database's. */
export const objectWriting = Layer.mergeAll(objectWriterLayer, Owner.claims).pipe(
  Layer.provideMerge(objectsLayer),
  Layer.provideMerge(incarnationLayer)
)
