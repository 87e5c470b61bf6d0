import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError } from "../CliError.ts"

/** Of every command that works on the database itself. */
export const databaseFlags = {
  databaseUrl: Flag.String("database-url").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("postgres://user:password@host:port/database [TUSK_DATABASE_URL, DATABASE_URL, PGHOST]"),
    Flag.optional
  ),
  schema: Flag.String("schema").pipe(
    Flag.withMetavar("NAME"),
    Flag.withDescription("where in that database the cluster lies [TUSK_SCHEMA] (kafka)"),
    Flag.optional
  )
}

/** The schema; undefined: the default. */
export const schemaOf = (flags: { readonly schema: Option.Option<string> }): string | undefined =>
  Option.getOrUndefined(flags.schema) ?? (process.env["TUSK_SCHEMA"] || undefined)

/** The URL; undefined if libpq's variables name the server. */
export const databaseUrl = (flags: {
  readonly databaseUrl: Option.Option<string>
}): Effect.Effect<string | undefined, CliError> => {
  const { DATABASE_URL, PGDATABASE, PGHOST, TUSK_DATABASE_URL } = process.env
  const found = [Option.getOrUndefined(flags.databaseUrl), TUSK_DATABASE_URL, DATABASE_URL].find(
    (each) => each !== undefined && each !== ""
  )
  if (found !== undefined || PGHOST !== undefined || PGDATABASE !== undefined) return Effect.succeed(found)
  const hint = "for the embedded one: postgres://postgres@localhost/postgres?host=DATA-DIR/run, while Tusk runs"
  return Effect.fail(new CliError({ message: `give --database-url (${hint})` }))
}
