import { afterAll, inject } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomBytes } from "node:crypto"
import { connect } from "../../src/pg/connection/connect.ts"
import type { PgConnection } from "../../src/pg/connection/PgConnection.ts"
import { install } from "../../src/pg/schema/Migrations.ts"
import { resolveOptions } from "../../src/pg/options/PgOptions.ts"
import type { PgOptions } from "../../src/pg/options/PgOptions.ts"
import type { Store } from "../../src/port/Store.ts"
import { openStore } from "./Stores.ts"

declare module "vitest" {
  interface ProvidedContext {
    /** `postgres://…` of a superuser of the server that `postgres.setup.ts` started. */
    readonly postgresUrl: string
  }
}

/** A database of its own in the server that `postgres.setup.ts` started, for one test file. */
export class TestDatabase {
  readonly name = `tusk_${randomBytes(6).toString("hex")}`
  private created = false

  constructor() {
    afterAll(async () => {
      if (!this.created) return
      await Effect.runPromise(
        Effect.scoped(
          Effect.flatMap(this.psql("postgres"), (admin) =>
            admin.query(`drop database if exists ${this.name} with (force)`)
          )
        )
      )
    })
  }

  /** Options for this database, quiet about the test server's settings and quick to give up on a lock. */
  options(more: Partial<PgOptions> = {}): PgOptions {
    return {
      url: inject("postgresUrl"),
      database: this.name,
      unsafeDurability: "ignore",
      lockWaitMs: 300,
      ...more
    }
  }

  /** A session beside the store's, as a person or another program has one. */
  psql(database = this.name, more: Partial<PgOptions> = {}): Effect.Effect<PgConnection, unknown, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.suspend(() => connect(resolveOptions(this.options({ database, ...more })), "psql")),
      (connection) => Effect.sync(() => connection.leave())
    )
  }

  /** The database, there and without schemas. */
  readonly empty: Effect.Effect<void, unknown> = Effect.gen({ self: this }, function* () {
    if (!this.created) {
      const admin = yield* this.psql("postgres")
      yield* admin.query(`create database ${this.name}`)
      this.created = true
    }
    const here = yield* this.psql()
    const schemas = yield* here.query(
      "select quote_ident(nspname) from pg_namespace where nspname !~ '^pg_|^information_schema$'"
    )
    yield* here.query([...schemas.map(([name]) => `drop schema ${name} cascade`), "create schema public"].join("; "))
  }).pipe(Effect.scoped)

  /** One more broker's store over the database. */
  open(more: Partial<PgOptions> = {}): Effect.Effect<Store["Service"], unknown, Scope.Scope> {
    return Effect.suspend(() => openStore(this.options(more)))
  }

  /** The schema as an installer leaves it, without a broker; an older one if a version says so. */
  install(version?: number, more: Partial<PgOptions> = {}): Effect.Effect<void, unknown> {
    return Effect.suspend(() => {
      const target = resolveOptions(this.options(more))
      const open = connect(target, "installer")
      return Effect.flatMap(
        Effect.acquireRelease(open, (connection) => Effect.sync(() => connection.leave())),
        (connection) => install(connection, target, open, { version })
      )
    }).pipe(Effect.scoped)
  }
}
