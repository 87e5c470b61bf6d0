import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"
import * as PgStore from "../../src/pg/PgStore.ts"
import { Store } from "../../src/port/Store.ts"

/** One more broker's store. */
export const openStore = (options: PgOptions): Effect.Effect<Store["Service"], unknown, Scope.Scope> =>
  Effect.map(
    Effect.suspend(() => Layer.build(Layer.fresh(PgStore.layer(options)))),
    (context) => Context.get(context, Store)
  )

/** Ends the session that holds the cluster's lock. */
export const terminateWriter = (psql: PgConnection) =>
  psql.query(`select pg_terminate_backend(pid) from pg_locks
    where locktype = 'advisory' and granted and objid = 1 and objsubid = 2
      and database = (select oid from pg_database where datname = current_database())`)
