import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { SmallS3 } from "../../../storage/test/object/s3/SmallS3.ts"
import type { SmallS3Options } from "../../../storage/test/object/s3/SmallS3.ts"
import { defaultSettings } from "../../src/config/Settings.ts"
import type { Settings } from "../../src/config/Settings.ts"
import { objectStoreOf } from "../../src/objects/openObjectStore.ts"

const key = { objectS3AccessKeyId: "key", objectS3SecretAccessKey: Redacted.make("very secret") }

const small = (options?: SmallS3Options) =>
  Effect.acquireRelease(
    Effect.promise(() => SmallS3.start(options)),
    (server) => Effect.promise(() => server.stop())
  )

/** The store's name, or why there is none. */
const opened = (settings: Partial<Settings>) =>
  Effect.gen(function* () {
    return (yield* ObjectStore)?.name
  }).pipe(
    Effect.provide(objectStoreOf({ ...defaultSettings, ...settings })),
    Effect.catch(({ message }) => Effect.succeed(message))
  )

describe("the object store of the settings", () => {
  it.live("is S3 by its URL, and probed", () =>
    Effect.gen(function* () {
      const server = yield* small()
      assert.strictEqual(yield* opened({ objectStore: server.url("a"), ...key }), "s3://tusk/a")
      assert.isAbove(server.requests.length, 5)
      assert.strictEqual(server.objects.size, 0)
    })
  )

  it.live("is refused if it ignores conditions, by the name of what it ignores", () =>
    Effect.gen(function* () {
      const server = yield* small({ ignores: ["If-None-Match"] })
      assert.match(
        (yield* opened({ objectStore: server.url("a"), ...key }))!,
        /^Invalid value s3:.* for configuration tusk\.object\.store: the object store s3:\/\/tusk\/a cannot be used: it ignores If-None-Match/
      )
    })
  )

  it.live("has a key and its secret, and none of both in its URL", () =>
    Effect.gen(function* () {
      const half = yield* opened({ objectStore: "s3://tusk?region=a", objectS3AccessKeyId: "key" })
      assert.include(half!, "tusk.object.s3.access.key.id and tusk.object.s3.secret.access.key are given together")
      const told = yield* opened({ objectStore: "s3://key:hidden@tusk?region=a", ...key })
      assert.include(told!, "keys are given by tusk.object.s3.access.key.id")
      assert.notInclude(told!, "hidden")
    })
  )

  it.live("is of a kind that there is", () =>
    Effect.gen(function* () {
      for (const objectStore of ["gs://bucket", "bucket", "/var/lib"]) {
        assert.include((yield* opened({ objectStore }))!, "Must be a URL that begins with file:// or s3://")
      }
      assert.include((yield* opened({ objectStore: "s3://Tusk?region=a" }))!, "a bucket that cannot be, Tusk")
      assert.include((yield* opened({ objectStore: "file:objects" }))!, "it is to be file:///, and a whole path")
      assert.include((yield* opened({ objectStore: "file:///tusk#1" }))!, "written %3F and %23")
    })
  )
})
