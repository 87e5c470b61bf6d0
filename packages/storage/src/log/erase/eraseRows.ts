import type { KafkaError } from "@tusk/protocol/KafkaError"
import * as Effect from "effect/Effect"
import type { ErasurePass, Erasures } from "../../port/Erasures.ts"
import type { StoreError } from "../../port/StoreError.ts"
import type { SqlSide } from "../../port/Store.ts"
import type { Follower } from "../follower/Follower.ts"

/**
 * Takes away what is kept elsewhere in the database of a partition's records of a pass's keys, below an offset; undefined: all,
 * as its topic is deleted. The log has none of them any more: what followers read from then on is without them. A text: what
 * has to be waited for.
 */
export type EraseRows = (
  pass: ErasurePass,
  partitionId: number,
  below: bigint | undefined
) => Effect.Effect<string | undefined, KafkaError | StoreError>

const EVERYTHING = (1n << 63n) - 1n

export const makeEraseRows = (
  erasures: Pick<Erasures, "rows">,
  { materialised, unpacked }: Pick<SqlSide, "materialised" | "unpacked">,
  follower: Pick<Follower["Service"], "erase">
): EraseRows =>
  Effect.fnUntraced(function* (pass, partitionId, below) {
    if (unpacked === undefined) return undefined
    // A step that was read before is stored by then, and none that is read later has what is gone.
    const at = (yield* unpacked.position(partitionId))?.nextOffset
    if (at !== undefined && (below === undefined || at < below)) return `kafka.unpacked has come to offset ${at}`
    let from: bigint | undefined = 0n
    while (from !== undefined) from = yield* erasures.rows(pass, { partitionId, from, below: below ?? EVERYTHING })
    // A key each: where there is no table, thousands of them cost nothing.
    const tables = materialised === undefined ? [] : yield* materialised.all
    for (const { key } of tables.length === 0 ? [] : pass.requests) {
      // What Postgres says of it may name the key.
      const stands = yield* Effect.match(follower.erase({ partitionId, key, below: below ?? EVERYTHING }), {
        onFailure: () => true,
        onSuccess: () => false
      })
      if (stands) return "a table that is materialised of it stands: see kafka.materialised"
    }
    return undefined
  })
