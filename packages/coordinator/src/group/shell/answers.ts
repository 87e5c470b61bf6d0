import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import { refusalOf } from "../machine/commonKind.ts"
import type { Refusable } from "../machine/commonKind.ts"

/** Fails with the refusal, if the answer is one. */
export const unlessRefused = (answer: Refusable): Effect.Effect<void, KafkaError> => {
  const error = refusalOf(answer)
  return error === null ? Effect.void : Effect.fail(error)
}

/** For an answer that is not the one that was asked for: it is a refusal, or a bug. */
export const unexpected = (answer: Refusable): Effect.Effect<never, KafkaError> => {
  const error = refusalOf(answer)
  return error === null ? Effect.die(new Error(`answered with ${answer._tag}`)) : Effect.fail(error)
}
