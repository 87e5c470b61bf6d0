import * as Effect from "effect/Effect"
import { Active } from "../commit/Active.ts"
import { Committer } from "../commit/Committer.ts"
import type { StoredSecurity } from "../port/Security.ts"
import type { Kept } from "./Kept.ts"
import { KeptRows } from "./KeptRows.ts"
import type { RowKind } from "./KeptRows.ts"
import { SqlChanges } from "./SqlChanges.ts"

/** The service of one kind of rows: read at each take-over, and when SQL has changed them. */
export const makeKept = <Row>(
  rowsOf: (stored: StoredSecurity) => ReadonlyArray<Row>,
  kind: RowKind<Row>
): Effect.Effect<Kept<Row>, never, Active | Committer | SqlChanges> =>
  Effect.gen(function* () {
    const active = yield* Active
    const committer = yield* Committer
    const sqlChanges = yield* SqlChanges
    const kept = new KeptRows(kind, rowsOf(active.cluster))
    active.onTakeOver((cluster) => Effect.sync(() => kept.reload(rowsOf(cluster))))
    sqlChanges.onRead(() => {
      const read = kept.reading()
      return (stored) => read(stored === undefined ? undefined : rowsOf(stored))
    })
    return {
      current: () => kept.rows,
      keyOf: kind.keyOf,
      changing: (decide) => kept.changing(decide),
      change: (decide) => committer.submit(kept.changing(decide)),
      onChange: kept.onChange
    }
  })

/** Whether two runs of bytes are equal; what they are is no secret from who asks. */
export const sameBytes = (one: Uint8Array, other: Uint8Array): boolean => Buffer.compare(one, other) === 0
