import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import type { Active } from "../../commit/Active.ts"
import type { ObjectExists, ObjectStoreError } from "../../port/ObjectStore.ts"
import { StoreUnavailable } from "../../port/StoreError.ts"
import type { StoreError } from "../../port/StoreError.ts"
import { Recurring } from "../../Recurring.ts"
import { anotherReign } from "./naming.ts"

/** How long a put is tried, and between two tries: at first, and at most. */
const TRIED_MS = 30_000
const FIRST_WAIT_MS = 100
const LONGEST_WAIT_MS = 2000

/** Tries until it has worked: not for too long, and not in another reign. It is told whether a try before may have worked unheard. */
export type Trying = <A>(
  attempt: (wasSent: boolean) => Effect.Effect<A, ObjectExists | ObjectStoreError>,
  reign: number
) => Effect.Effect<A, StoreError>

export const makeTrying = (active: Pick<Active["Service"], "nowMs" | "reign">, store: string): Trying => {
  const trouble = new Recurring("objects")
  return Effect.fnUntraced(function* <A>(
    attempt: (wasSent: boolean) => Effect.Effect<A, ObjectExists | ObjectStoreError>,
    reign: number
  ) {
    const askedAtMs = active.nowMs()
    let wasSent: boolean = false
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)) {
      const tried: Result.Result<A, ObjectExists | ObjectStoreError> = yield* Effect.result(attempt(wasSent))
      if (active.reign() !== reign) return yield* anotherReign()
      const tookMs = active.nowMs() - askedAtMs
      if (Result.isSuccess(tried)) {
        yield* trouble.over(`objects are put into ${store} again`)
        return tried.success
      }
      const error: ObjectExists | ObjectStoreError = tried.failure
      yield* trouble.seen(`an object cannot be put into ${store}: ${error.message}`)
      if (error._tag !== "ObjectStoreUnavailable" || tookMs + waitMs > TRIED_MS) return yield* unavailable(error)
      wasSent ||= error.sent
      yield* Effect.sleep(waitMs)
    }
  })
}

const unavailable = (error: ObjectExists | ObjectStoreError) =>
  new StoreUnavailable({ message: `an object cannot be stored: ${error.message}`, cause: error })
