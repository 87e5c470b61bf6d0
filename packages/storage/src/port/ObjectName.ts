import * as Effect from "effect/Effect"
import { ObjectStoreRefused } from "./ObjectStore.ts"

const LONGEST = 512
const CHARACTERS = /^[A-Za-z0-9_.-]+(?:\/[A-Za-z0-9_.-]+)*$/
const IS_STEP = /(?:^|\/)\.{1,2}(?:\/|$)/

/** Whether every store takes an object of this name: no step to a folder above, nothing that a URL or a path needs escaped. */
const isObjectName = (name: string): boolean => name.length <= LONGEST && CHARACTERS.test(name) && !IS_STEP.test(name)

/** Runs what names an object, if a store may take that name. */
export const ofObject = <A, E>(name: string, effect: Effect.Effect<A, E>): Effect.Effect<A, E | ObjectStoreRefused> =>
  isObjectName(name)
    ? effect
    : Effect.fail(new ObjectStoreRefused({ message: `${JSON.stringify(name.slice(0, 80))} is no name of an object` }))

/** How many objects one answer of `list` tells at most. */
export const LISTED = 1000
