import type { KafkaError } from "@tusk/protocol/KafkaError"

interface CommonEvents<Tick, Delete> {
  readonly Tick: () => Tick
  readonly Delete: (fields: { readonly waiter: number }) => Delete
}

/** Every machine can refuse what it is asked. */
export type Refusable = { readonly _tag: string } | { readonly _tag: "Refused"; readonly error: KafkaError }

/** Null: the answer is no refusal. */
export const refusalOf = (answer: Refusable): KafkaError | null =>
  answer._tag === "Refused" && "error" in answer ? answer.error : null

/** What all kinds say alike, as every machine has a tick, a deletion and a refusal. */
export const commonKind = <Tick, Delete>(events: CommonEvents<Tick, Delete>) => ({
  tick: events.Tick(),
  remove: (waiter: number): Delete => events.Delete({ waiter }),
  refusal: refusalOf
})
