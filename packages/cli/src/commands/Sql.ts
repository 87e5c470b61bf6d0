import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { makeSqlRoles } from "@tusk/storage/pg/schema/SqlRoles"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import { CliError } from "../CliError.ts"
import { Streams } from "../terminal/Streams.ts"
import { databaseFlags, databaseUrl, schemaOf } from "./DatabaseFlags.ts"

const roles = Command.make(
  "roles",
  databaseFlags,
  Effect.fn(function* (flags) {
    const url = yield* databaseUrl(flags)
    const target = resolveOptions({ url, schema: schemaOf(flags), environment: process.env })
    const connection = yield* Effect.acquireRelease(connect(target, "tusk/sql"), (each) =>
      Effect.sync(() => each.leave())
    )
    const { refused, statements } = yield* makeSqlRoles(connection)
    const { stdout } = yield* Streams
    yield* stdout.write(statements.map((each) => `${each};\n`).join(""))
    if (refused === undefined) return
    return yield* new CliError({
      message: `${refused}; nothing was done: have the statements above run by who may`
    })
  }, Effect.scoped)
).pipe(
  Command.withDescription("Makes the group roles kafka_producer, kafka_consumer and kafka_admin, or prints how to")
)

/** `tusk sql roles`. */
export const sqlCommand = Command.make("sql").pipe(
  Command.withDescription("Roles of Postgres for kafka.produce and the like"),
  Command.withSubcommands([roles])
)
