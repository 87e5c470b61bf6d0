/** A real server of S3, once `npm run test:objects` has built it. */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { existsSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { vi } from "vitest"
import { KEY, Versitygw } from "../../../../../clients/objects/Versitygw.ts"
import { s3Store } from "../../../src/object/s3/S3Store.ts"
import { objectStoreSuite } from "../../../src/testing/objectStoreSuite.ts"

const file = fileURLToPath(new URL("../../../../../.cache/bin/objects/versitygw", import.meta.url))

const key = { accessKeyId: KEY.id, secretAccessKey: Redacted.make(KEY.secret) }

const place = Effect.gen(function* () {
  const server = yield* Effect.acquireRelease(
    Effect.promise(() => Versitygw.start(file)),
    (it) => Effect.promise(() => it.stop())
  )
  return s3Store({ url: server.url("a/b"), key })
})

// A thousand objects take it seconds.
vi.setConfig({ testTimeout: 60_000 })

if (existsSync(file)) objectStoreSuite("S3, versitygw", { place })
else describe("S3, versitygw", () => it.skip("is not built: npm run test:objects does so, with Go", () => {}))
