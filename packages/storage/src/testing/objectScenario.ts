import { assert } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import type { ObjectStore } from "../port/ObjectStore.ts"

/** Something that every object store does; `open` opens the same place once more. */
export type Scenario = (
  what: string,
  run: (
    store: ObjectStore,
    open: Effect.Effect<ObjectStore, unknown, Scope.Scope>
  ) => Effect.Effect<void, unknown, Scope.Scope>
) => void

/** Bytes that differ from each other and from those of another seed. */
export const bytesOf = (length: number, seed = 1): Uint8Array => {
  const bytes = new Uint8Array(length)
  for (let i = 0, state = seed; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[i] = state >>> 24
  }
  return bytes
}

export const chunked = (bytes: Uint8Array, size: number): ReadonlyArray<Uint8Array> =>
  Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))

export const assertSame = (found: Uint8Array, wanted: Uint8Array): void => {
  assert.strictEqual(found.byteLength, wanted.byteLength)
  assert.isTrue(Buffer.compare(found, wanted) === 0, "bytes differ")
}

export const tagOf = (exit: Exit.Exit<unknown, { readonly _tag: string }>): string =>
  Exit.isSuccess(exit)
    ? "Success"
    : exit.cause.reasons.map((reason) => (reason._tag === "Fail" ? reason.error._tag : reason._tag)).join()
