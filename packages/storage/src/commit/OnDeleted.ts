import * as Effect from "effect/Effect"
import { join } from "./Participant.ts"
import type { Participant } from "./Participant.ts"

/** What a service that keeps something of a thing does when that is deleted. */
export interface OnDeleted<in A> {
  /**
   * What belongs to the same commit: asked for when that is put together, of the thing as it is then. It needs no
   * `prepare`, for which it is too late.
   */
  readonly joined?: (gone: A) => Participant<unknown>
  /** Runs once the deletion is stored, and before the caller that wanted it is answered. */
  readonly after?: (gone: A) => Effect.Effect<void>
}

/** The hooks that are told of a deletion, in order of registration. */
export interface DeletionHooks<in out A> {
  readonly onDeleted: (hook: OnDeleted<A>) => void
  readonly joined: (gone: A) => Participant<unknown>
  readonly after: (gone: A) => Effect.Effect<void>
}

export const makeDeletionHooks = <A>(): DeletionHooks<A> => {
  const hooks: Array<OnDeleted<A>> = []
  return {
    onDeleted: (hook) => {
      hooks.push(hook)
    },
    joined: (gone) => join(...hooks.flatMap(({ joined }) => (joined === undefined ? [] : [joined(gone)]))),
    after: (gone) => Effect.forEach(hooks, ({ after }) => after?.(gone) ?? Effect.void, { discard: true })
  }
}
