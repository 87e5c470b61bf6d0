import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { makeSqlRoles } from "@tusk/storage/pg/schema/SqlRoles"
import * as Effect from "effect/Effect"
import { CliError } from "../CliError.ts"
import { readStartOptions } from "../StartOptions.ts"

/** `tusk sql roles`: makes the group roles kafka_producer, kafka_consumer and kafka_admin, or prints how to. */
export const sql = async (args: ReadonlyArray<string>): Promise<CliError | undefined> => {
  const [verb, ...rest] = args
  if (verb !== "roles") return new CliError({ message: "tusk sql: the one verb is roles" })
  const options = readStartOptions(rest, process.env)
  if (options instanceof CliError) return options
  const { storage } = options
  if (storage._tag !== "Postgres") {
    const hint = "for the embedded one: postgres://postgres@localhost/postgres?host=DATA-DIR/run, while Tusk runs"
    return new CliError({ message: `tusk sql roles: give --database-url (${hint})` })
  }
  try {
    return await Effect.runPromise(Effect.scoped(roles(storage.url)))
  } catch (error) {
    return new CliError({ message: (error as Error).message.split("\n")[0]! })
  }
}

const roles = (url: string | undefined) =>
  Effect.gen(function* () {
    const target = resolveOptions({ url, environment: process.env })
    const connection = yield* Effect.acquireRelease(connect(target, "tusk/sql"), (each) =>
      Effect.sync(() => each.leave())
    )
    const { refused, statements } = yield* makeSqlRoles(connection)
    process.stdout.write(statements.map((each) => `${each};\n`).join(""))
    return refused === undefined
      ? undefined
      : new CliError({ message: `${refused}; nothing was done: have the statements above run by who may` })
  })
