import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { grant, grantsTo, migrateSchema, missingSteps } from "@tusk/storage/pg/schema/MigrateSchema"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { note } from "../terminal/Printing.ts"
import { Streams } from "../terminal/Streams.ts"
import { databaseFlags, databaseUrl, schemaOf } from "./DatabaseFlags.ts"

/** What a role is called in what is printed, if nobody named one. */
const SOME_ROLE = "tusk"

const flags = {
  ...databaseFlags,
  dryRun: Flag.Boolean("dry-run").pipe(
    Flag.withDescription("print the steps, and change nothing"),
    Flag.withDefault(false)
  ),
  grantTo: Flag.String("grant-to").pipe(
    Flag.withMetavar("ROLE"),
    Flag.withDescription("give this role what a broker needs; without it the grants are printed"),
    Flag.optional
  )
}

/** `tusk migrate`: the schema is brought up to date by one role, so that the broker can run as another. */
export const migrateCommand = Command.make(
  "migrate",
  flags,
  Effect.fn(function* ({ dryRun, grantTo, ...database }) {
    const target = resolveOptions({
      url: yield* databaseUrl(database),
      schema: schemaOf(database),
      environment: process.env
    })
    const connection = yield* Effect.acquireRelease(connect(target, "tusk/migrate"), (each) =>
      Effect.sync(() => each.leave())
    )
    const { stdout } = yield* Streams
    const steps = yield* dryRun ? missingSteps(connection) : migrateSchema(connection, target)
    yield* stdout.write(steps.map((step) => `${step}\n`).join(""))
    if (steps.length === 0) yield* note("the schema is up to date")
    else yield* note(dryRun ? `${steps.length} steps are missing` : `${steps.length} steps are taken`)
    const role = Option.getOrUndefined(grantTo)
    const grants = yield* grantsTo(connection, role ?? SOME_ROLE)
    if (role === undefined || dryRun) {
      yield* note("for a broker that runs as a role of its own:")
      return yield* note(grants.map((each) => `  ${connection.inSchema(each)};`).join("\n"))
    }
    yield* grant(connection, grants)
    yield* note(`${role} may run the broker`)
  }, Effect.scoped)
).pipe(
  Command.withDescription("Brings the schema up to date, so that the broker can run as a role that does not own it")
)
