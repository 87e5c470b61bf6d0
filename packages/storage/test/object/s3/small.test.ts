import * as Effect from "effect/Effect"
import { objectStoreSuite } from "../../../src/testing/objectStoreSuite.ts"
import { smallS3, storeAt } from "./S3Stores.ts"

objectStoreSuite("S3, a small server", {
  place: Effect.map(smallS3(), (small) => storeAt(small.url("a/b")))
})
