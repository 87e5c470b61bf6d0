/** A broker's store in a process of its own: takes the lock, appends for ever, prints each offset once it is stored. */
import * as Effect from "effect/Effect"
import { NOTHING_TOLD } from "../../src/counters.ts"
import * as PgStore from "../../src/pg/PgStore.ts"
import type { PgOptions } from "../../src/pg/PgOptions.ts"
import { Store } from "../../src/Store.ts"
import { append, topic } from "./Appends.ts"

const options = JSON.parse(process.argv[2]!) as PgOptions

Effect.gen(function* () {
  const store = yield* Store
  yield* store.acquire(NOTHING_TOLD)
  yield* store.commit([topic])
  for (let offset = 0n; ; offset++) {
    yield* store.commit([[append(offset, 50_000)]])
    process.stdout.write(`${offset}\n`)
  }
}).pipe(Effect.scoped, Effect.provide(PgStore.layer(options)), Effect.runPromise)
