import type * as Effect from "effect/Effect"

/** The chunks of an answer's frame; none if the request wants no answer. Never fails. */
export type Framing = Effect.Effect<ReadonlyArray<Uint8Array>>

/** A concurrent request that has begun and holds up those behind it, until `placed` returns. */
export interface PlacingFrame {
  readonly placed: Effect.Effect<void>
  readonly answer: Framing
}

/** Begins a request. What is wrong with it is an answer too: it never throws. */
export type Begin = () => Framing | PlacingFrame

/** A request that was understood, ready to run. */
export interface Admitted {
  readonly concurrent: boolean
  /**
   * Set if it may not run at once, as this broker does not serve now or too much waits for a commit. Waits until it
   * may; nothing behind it on its connection comes before it. Tells what is to begin then: the request, or its refusal,
   * once `request.timeout.ms` is over; undefined if no client waits for the answer any more.
   */
  readonly ready: Effect.Effect<Begin | undefined> | undefined
  readonly begin: Begin
}

/** What runs at once, when all before it on its connection is answered. */
export const inTurn = (begin: Begin): Admitted => ({ concurrent: false, ready: undefined, begin })
