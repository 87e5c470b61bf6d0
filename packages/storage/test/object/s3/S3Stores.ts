import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type { HttpLimits } from "../../../src/object/s3/HttpExchange.ts"
import { s3Store } from "../../../src/object/s3/S3Store.ts"
import type { ObjectStore, ObjectStoreRefused } from "../../../src/port/ObjectStore.ts"
import { SmallS3 } from "./SmallS3.ts"
import type { SmallS3Options } from "./SmallS3.ts"

export const KEY = { accessKeyId: "key", secretAccessKey: Redacted.make("very secret") }

/** A server of its own, for as long as the scope lives. */
export const smallS3 = (options: SmallS3Options = {}): Effect.Effect<SmallS3, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(() => SmallS3.start(options)),
    (small) => Effect.promise(() => small.stop())
  )

export const storeAt = (
  url: string,
  limits: Partial<HttpLimits> = {},
  certificates?: ReadonlyArray<string>
): Effect.Effect<ObjectStore, ObjectStoreRefused, Scope.Scope> =>
  s3Store({ url, key: KEY, limits, ...(certificates === undefined ? {} : { certificates }) })
