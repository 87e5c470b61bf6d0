import * as Effect from "effect/Effect"
import { note } from "../terminal/Printing.ts"

/**
 * Does the same for many, one after the other. What came of it goes to `print`, also if some failed; then each failure is a
 * line, and the last one is the command's own.
 */
export const each = <A, B, E extends { readonly message: string }, R, E2, R2>(
  items: ReadonlyArray<A>,
  run: (item: A) => Effect.Effect<B, E, R>,
  print: (done: ReadonlyArray<B>) => Effect.Effect<void, E2, R2>
) =>
  Effect.gen(function* () {
    const [done, failures] = yield* Effect.partition(items, run)
    if (done.length > 0) yield* print(done)
    const last = failures.at(-1)
    for (const { message } of failures.slice(0, -1)) yield* note(`tusk: ${message}`)
    if (last !== undefined) return yield* Effect.fail(last)
  })
