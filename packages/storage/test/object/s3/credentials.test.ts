import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { afterEach, beforeEach, vi } from "vitest"
import { s3Store } from "../../../src/object/s3/S3Store.ts"
import { smallS3 } from "./S3Stores.ts"

describe("credentials that no setting gives", () => {
  beforeEach(() => {
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"]) {
      vi.stubEnv(name, undefined)
    }
    vi.stubEnv("AWS_EC2_METADATA_DISABLED", "true")
    vi.stubEnv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere/credentials")
    vi.stubEnv("AWS_CONFIG_FILE", "/nowhere/config")
  })
  afterEach(() => void vi.unstubAllEnvs())

  it.live("come from the environment, with their session", () =>
    Effect.gen(function* () {
      vi.stubEnv("AWS_ACCESS_KEY_ID", "key")
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", "very secret")
      vi.stubEnv("AWS_SESSION_TOKEN", "of this session")
      const small = yield* smallS3()
      const store = yield* s3Store({ url: small.url() })
      yield* store.put("a", [])
      yield* store.put("b", [])
      assert.strictEqual(small.heads[0]!["x-amz-security-token"], "of this session")
      assert.match(small.heads[1]!.authorization!, /Credential=key\//)
    })
  )

  it.live("are asked for again, if there are none", () =>
    Effect.gen(function* () {
      const small = yield* smallS3()
      const store = yield* s3Store({ url: small.url() })
      const error = yield* Effect.flip(store.put("a", []))
      assert.isTrue(error._tag === "ObjectStoreUnavailable" && !error.sent)
      assert.match(error.message, /^no credentials for the object store: /)
      assert.deepStrictEqual(small.requests, [])
      vi.stubEnv("AWS_ACCESS_KEY_ID", "key")
      vi.stubEnv("AWS_SECRET_ACCESS_KEY", "very secret")
      yield* store.put("a", [])
    })
  )
})
