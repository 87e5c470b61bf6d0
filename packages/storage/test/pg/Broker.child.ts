/**
 * A broker's store in a process of its own: takes the lock, and then, as told, appends batches for ever and prints each
 * offset once it is stored, or prints a line and does nothing, or stores some batches once and prints what came of it.
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { NOTHING_TOLD } from "../../src/port/counters.ts"
import * as PgStore from "../../src/pg/PgStore.ts"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"
import { Store } from "../../src/port/Store.ts"
import { append, topic } from "./Appends.ts"

export type Orders =
  | { readonly _tag: "AppendForEver" }
  | { readonly _tag: "Idle" }
  | { readonly _tag: "AppendOnce"; readonly batches: number; readonly bytes: number }

const options = JSON.parse(process.argv[2]!) as PgOptions
const orders = JSON.parse(process.argv[3]!) as Orders

const say = (line: string) => process.stdout.write(`${line}\n`)

Effect.gen(function* () {
  const store = yield* Store
  yield* store.acquire(NOTHING_TOLD)
  yield* store.commit([topic])
  switch (orders._tag) {
    case "AppendForEver":
      for (let offset = 0n; ; offset++) {
        yield* store.commit([[append(offset, 50_000)]])
        say(`${offset}`)
      }
    case "Idle":
      say("idle")
      return yield* Effect.never
    case "AppendOnce": {
      say("appending")
      const units = Array.from({ length: orders.batches }, (_, i) => [append(BigInt(i), orders.bytes)])
      const result = yield* Effect.result(store.commit(units))
      say(Result.isSuccess(result) ? "stored" : result.failure._tag)
      return yield* Effect.never
    }
  }
}).pipe(Effect.scoped, Effect.provide(PgStore.layer(options)), Effect.runPromise)
