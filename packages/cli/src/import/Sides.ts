import { KafkaClient } from "@tusk/client/KafkaClient"
import * as Effect from "effect/Effect"

/** The cluster that is imported from, and the one that is imported into. */
export interface Sides {
  readonly source: KafkaClient["Service"]
  readonly target: KafkaClient["Service"]
}

/** The same at one of them. */
export const at = <A, E, R>(
  client: KafkaClient["Service"],
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, Exclude<R, KafkaClient>> => Effect.provideService(effect, KafkaClient, client)
