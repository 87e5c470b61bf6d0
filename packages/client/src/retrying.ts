import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isRetriable } from "./ClientError.ts"
import type { ClientError } from "./ClientError.ts"

const FIRST_DELAY_MS = 50
const LONGEST_DELAY_MS = 1000

/** Tries again, at growing intervals, what may succeed a little later; after `forMs` the last error is the answer. */
export const retrying = <A, E, R>(
  attempt: Effect.Effect<A, E | ClientError, R>,
  forMs: number,
  again: (error: ClientError) => boolean = isRetriable
): Effect.Effect<A, E | ClientError, R> =>
  Effect.gen(function* () {
    const until = (yield* Clock.currentTimeMillis) + forMs
    for (let delay = FIRST_DELAY_MS; ; delay = Math.min(2 * delay, LONGEST_DELAY_MS)) {
      const outcome = yield* Effect.result(attempt)
      if (outcome._tag === "Success") return outcome.success
      const error = outcome.failure
      const now = yield* Clock.currentTimeMillis
      if (!isClientError(error) || !again(error) || now + delay > until) return yield* Effect.fail(error)
      yield* Effect.sleep(delay)
    }
  })

const TAGS: ReadonlySet<string> = new Set<ClientError["_tag"]>([
  "BrokerUnreachable",
  "ConnectionLost",
  "AnswerTimedOut",
  "UnsupportedApi",
  "BadAnswer",
  "Refused"
])

const isClientError = (error: unknown): error is ClientError =>
  typeof error === "object" && error !== null && "_tag" in error && TAGS.has(String(error._tag))
