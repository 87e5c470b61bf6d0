/** Whether a store does what all rests on: some that speak S3 take no notice of the conditions of a put. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import { ObjectStoreRefused } from "../../port/ObjectStore.ts"
import type { ObjectStore, ObjectStoreError } from "../../port/ObjectStore.ts"

const VALUE = new TextEncoder().encode("what Tusk puts, to see what this store does\n")
/** An ETag that no object has: MD5 of nothing that was put. */
const WRONG_TAG = `"${"0".repeat(32)}"`

const refuse = (store: ObjectStore, what: string): Effect.Effect<never, ObjectStoreRefused> =>
  Effect.fail(new ObjectStoreRefused({ message: `the object store ${store.name} cannot be used: ${what}` }))

const PREFIX = "probe-"
const DAY_MS = 86_400_000

/** `probe-<time in ms, base 36>-<chance>`: none has the name of another, and it says how old it is. */
const newName = Effect.gen(function* () {
  const chance = yield* Random.nextIntBetween(0, 36 ** 6 - 1)
  return `${PREFIX}${(yield* Clock.currentTimeMillis).toString(36)}-${chance.toString(36)}`
})

/** Objects of probes that could not take theirs away any more. A young one may be of a probe that runs now. */
const removeOld = Effect.fnUntraced(function* (store: ObjectStore): Effect.fn.Return<void, ObjectStoreError> {
  const now = yield* Clock.currentTimeMillis
  for (const { name } of yield* store.list(PREFIX, undefined)) {
    const time = /^probe-([0-9a-z]{8,9})-[0-9a-z]+$/.exec(name)?.[1]
    if (time !== undefined && Number.parseInt(time, 36) < now - DAY_MS) yield* store.remove(name)
  }
})

/** Puts an object, tries what is not to succeed, reads, lists and removes it. */
export const probe = Effect.fnUntraced(function* (store: ObjectStore): Effect.fn.Return<void, ObjectStoreError> {
  const name = yield* newName
  const put = store.put(name, [VALUE.subarray(0, 10), VALUE.subarray(10)])
  yield* Effect.catchTag(put, "ObjectExists", () => refuse(store, `it has an object ${name} before it is put`))
  yield* Effect.ensuring(conditions(store, name, put), Effect.ignore(store.remove(name)))
  const left = yield* store.list(name, undefined)
  if (left.length > 0) yield* refuse(store, "it lists an object that was removed")
  yield* removeOld(store)
})

const conditions = Effect.fnUntraced(function* (
  store: ObjectStore,
  name: string,
  put: ReturnType<ObjectStore["put"]>
): Effect.fn.Return<void, ObjectStoreError> {
  const isPutTwice = yield* put.pipe(
    Effect.as(true),
    Effect.catchTag("ObjectExists", () => Effect.succeed(false))
  )
  if (isPutTwice) yield* refuse(store, "it ignores If-None-Match, and puts an object in the place of another")
  const found = yield* store.readTagged(name)
  if (found === undefined) return yield* refuse(store, "an object that was put is not there")
  if (yield* store.replaceTagged(name, WRONG_TAG, VALUE)) {
    yield* refuse(store, "it ignores If-Match, and replaces an object that has another ETag")
  }
  if (!(yield* store.replaceTagged(name, found.tag, VALUE))) {
    yield* refuse(store, "it does not replace an object by If-Match with the ETag that it gave")
  }
  const range = yield* Effect.catchTag(store.get(name, 5, 20), "ObjectMissing", () =>
    refuse(store, "an object that was put is not there")
  )
  if (Buffer.compare(range, VALUE.subarray(5, 20)) !== 0) yield* refuse(store, "it answers a Range with other bytes")
  const [listed] = yield* store.list(name, undefined)
  if (listed?.name !== name || listed.bytes !== VALUE.length) {
    yield* refuse(store, "its list does not tell of an object that was put")
  }
  yield* store.remove(name)
})
