import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Resources } from "./Resources.ts"

/** A topic as a request or an answer names it. */
export interface NamedTopic {
  readonly name?: string
  readonly topicId?: string
}

/** What is done to one request on purpose. */
export interface RequestFault {
  /** Runs before anything else is done for the request. */
  readonly delay?: Effect.Effect<void>
  /** The connection ends before the request is handled, or after that and before it is answered. */
  readonly cut?: "before" | "after"
  /** What it is answered, of the topics that `isFor` says; of everything if there is no `isFor`. */
  readonly refusal?: { readonly error: KafkaError; readonly isFor?: (topic: NamedTopic) => boolean }
}

/** What is to be done to a request of that API, that names these resources; undefined: nothing. */
export type FaultOf = (api: string, resources: Resources) => RequestFault | undefined

/** Faults on purpose, for tests of clients. None by default: then nothing stands between dispatch and a handler. */
export const RequestFaults = Context.Reference<FaultOf | undefined>("@tusk/server/request/RequestFaults", {
  defaultValue: () => undefined
})
