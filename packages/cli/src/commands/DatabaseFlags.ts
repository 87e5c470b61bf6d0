import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError } from "../CliError.ts"
import { readSecret } from "../Files.ts"

/** Of every command that works on the database itself. */
export const databaseFlags = {
  databaseUrl: Flag.String("database-url").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription(
      "postgres://user:password@host:port/database [TUSK_DATABASE_URL, TUSK_DATABASE_URL_FILE, DATABASE_URL, PGHOST]"
    ),
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

const isGiven = (text: string | undefined): text is string => text !== undefined && text !== ""

/** The URL; undefined if libpq's variables name the server. */
export const databaseUrl = (flags: {
  readonly databaseUrl: Option.Option<string>
}): Effect.Effect<string | undefined, CliError> => {
  const { DATABASE_URL, PGDATABASE, PGHOST, TUSK_DATABASE_URL, TUSK_DATABASE_URL_FILE } = process.env
  const given = [Option.getOrUndefined(flags.databaseUrl), TUSK_DATABASE_URL].find(isGiven)
  const secret =
    given === undefined && isGiven(TUSK_DATABASE_URL_FILE)
      ? readSecret(TUSK_DATABASE_URL_FILE, "TUSK_DATABASE_URL_FILE")
      : undefined
  if (secret instanceof CliError) return Effect.fail(secret)
  const found = [given, secret, DATABASE_URL].find(isGiven)
  if (found !== undefined || PGHOST !== undefined || PGDATABASE !== undefined) return Effect.succeed(found)
  const hint = "for the embedded one: postgres://postgres@localhost/postgres?host=DATA-DIR/run, while Tusk runs"
  return Effect.fail(new CliError({ message: `give --database-url (${hint})` }))
}
