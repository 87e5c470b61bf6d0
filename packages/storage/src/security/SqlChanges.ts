import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { StoredSecurity } from "../port/Security.ts"

/** All rows are going to be read; what it returns is given them, or undefined if they could not be read. */
export type ReadHook = () => (stored: StoredSecurity | undefined) => void

/** Tells services what SQL sessions have changed of who may do what, who gets in and how much. */
export class SqlChanges extends Context.Service<
  SqlChanges,
  {
    readonly onRead: (hook: ReadHook) => void
  }
>()("@tusk/storage/security/SqlChanges") {
  static readonly layer: Layer.Layer<SqlChanges> = Layer.effect(
    SqlChanges,
    Effect.sync(() => {
      const hooks: Array<ReadHook> = []
      return SqlChanges.of({ onRead: (hook) => void hooks.push(hook) })
    })
  )
}
