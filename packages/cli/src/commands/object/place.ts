import { defaultSettings } from "@tusk/server/config/Settings"
import { openObjectStore } from "@tusk/server/objects/openObjectStore"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { clusterIdentity } from "@tusk/storage/pg/PgStore/serverIdentity"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { CliError } from "../../CliError.ts"
import { databaseFlags, databaseUrl, schemaOf } from "../DatabaseFlags.ts"

export const objectStoreFlag = Flag.String("object-store").pipe(
  Flag.withMetavar("URL"),
  Flag.withDescription("tusk.object.store of the broker: file:///path or s3://bucket/prefix [TUSK_OBJECT_STORE]"),
  Flag.optional
)

/** Of a command that looks at a database and its objects. */
export const placeFlags = { ...databaseFlags, objectStore: objectStoreFlag }

/** What the flag says, or the variable; undefined: neither does. */
export const objectStoreUrl = (flag: Option.Option<string>): string | undefined =>
  Option.getOrUndefined(flag) ?? (process.env["TUSK_OBJECT_STORE"] || undefined)

const asCliError = (error: { readonly message: string }) => new CliError({ message: error.message })

/** The database with its cluster, and the store of its objects, for as long as the scope is open. */
export const openPlace = Effect.fnUntraced(function* (flags: {
  readonly databaseUrl: Option.Option<string>
  readonly schema: Option.Option<string>
  readonly objectStore: Option.Option<string>
}) {
  const storeUrl = objectStoreUrl(flags.objectStore)
  if (storeUrl === undefined) return yield* new CliError({ message: "give --object-store" })
  const url = yield* databaseUrl(flags)
  const target = yield* Effect.try({
    try: () => resolveOptions({ url, schema: schemaOf(flags), environment: process.env }),
    catch: (error) => asCliError(error as Error)
  })
  const connection = yield* Effect.acquireRelease(connect(target, "tusk/object"), (each) =>
    Effect.sync(() => each.leave())
  )
  const cluster = yield* clusterIdentity(connection)
  if (cluster === undefined) return yield* new CliError({ message: "the database holds no cluster" })
  const store = yield* Effect.mapError(openObjectStore(storeUrl, defaultSettings), asCliError)
  return { connection, store, ...cluster }
})
