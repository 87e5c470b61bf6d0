import type * as Fiber from "effect/Fiber"

/** The answer to a request, under way or done. */
export type Answer = Fiber.Fiber<ReadonlyArray<Uint8Array>>

/** An answer that was done and not on its way to the client at so many looks in a row. */
export interface Unsent {
  readonly answer: Answer
  readonly looks: number
}

/**
 * A look at the answers of one connection: the first of them, if it is done and no writer is sending it. Seen once,
 * that is but the moment before it is sent; the same answer at the next look means that its writer was not woken.
 */
export const lookAt = (
  before: Unsent | undefined,
  pending: ReadonlyArray<Answer>,
  isWriting: boolean
): Unsent | undefined => {
  const answer = pending[0]
  if (isWriting || answer?.pollUnsafe() === undefined) return undefined
  return { answer, looks: before?.answer === answer ? before.looks + 1 : 1 }
}

/** What is to be done about it: the writer is woken, and if that was of no use, the connection closed. */
export const remedy = (unsent: Unsent | undefined): "wake" | "close" | undefined =>
  unsent === undefined || unsent.looks < 2 ? undefined : unsent.looks === 2 ? "wake" : "close"
