import { parseSettings } from "@tusk/server/config/Settings"
import type { SettingEntry } from "@tusk/server/config/Settings"
import { openObjectStore } from "@tusk/server/objects/openObjectStore"
import { connect } from "@tusk/storage/pg/connection/connect"
import { resolveOptions } from "@tusk/storage/pg/options/PgOptions"
import { clusterIdentity } from "@tusk/storage/pg/PgStore/serverIdentity"
import type { ObjectStore } from "@tusk/storage/port/ObjectStore"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import { CliError } from "../../CliError.ts"
import { settingsOfEnvironment } from "../../Flags.ts"
import { readProperties } from "../../Given.ts"
import { databaseFlags, databaseUrl, schemaOf } from "../DatabaseFlags.ts"

/** Where objects lie, for commands that are no broker. */
export const objectStoreFlags = {
  objectStore: Flag.String("object-store").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("tusk.object.store of the broker: file:///path or s3://bucket/prefix [TUSK_OBJECT_STORE]"),
    Flag.optional
  ),
  config: Flag.String("config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription("the broker's file, for tusk.object.store, its keys and tusk.database.url [TUSK_CONFIG]"),
    Flag.optional
  )
}

type ObjectStoreFlags = Readonly<Record<keyof typeof objectStoreFlags, Option.Option<string>>>

/** Of a command that looks at a database and its objects. */
export const placeFlags = { ...databaseFlags, ...objectStoreFlags }

const asCliError = (error: { readonly message: string }) => new CliError({ message: error.message })

const propertiesOf = ({ config }: ObjectStoreFlags): Effect.Effect<ReadonlyArray<SettingEntry>, CliError> => {
  const file = Option.getOrUndefined(config) ?? (process.env["TUSK_CONFIG"] || undefined)
  const found = file === undefined ? [] : readProperties(file)
  return found instanceof CliError ? Effect.fail(found) : Effect.succeed(found)
}

/** Flags over environment over file, as a broker has it; undefined: none says where objects lie. */
export const openNamedStore = (
  flags: ObjectStoreFlags
): Effect.Effect<ObjectStore | undefined, CliError, Scope.Scope> =>
  Effect.gen(function* () {
    const entries = [...(yield* propertiesOf(flags)), ...settingsOfEnvironment(process.env)]
    const parsed = parseSettings(entries.filter(({ name }) => name.startsWith("tusk.object.")))
    if (Result.isFailure(parsed)) return yield* asCliError(parsed.failure)
    const { settings } = parsed.success
    const url = Option.getOrUndefined(flags.objectStore) ?? settings.objectStore
    if (url === undefined) return undefined
    return yield* Effect.mapError(openObjectStore(url, settings), asCliError)
  })

/** The database with its cluster, and the store of its objects, for as long as the scope is open. */
export const openPlace = Effect.fnUntraced(function* (
  flags: ObjectStoreFlags & { readonly databaseUrl: Option.Option<string>; readonly schema: Option.Option<string> }
) {
  const store = yield* openNamedStore(flags)
  if (store === undefined) return yield* new CliError({ message: "give --object-store" })
  const ofFile = (yield* propertiesOf(flags)).findLast(({ name }) => name === "tusk.database.url")?.value
  const url = yield* Effect.catch(databaseUrl(flags), (error) =>
    ofFile === undefined ? Effect.fail(error) : Effect.succeed(ofFile)
  )
  const target = yield* Effect.try({
    try: () => resolveOptions({ url, schema: schemaOf(flags), environment: process.env }),
    catch: (error) => asCliError(error as Error)
  })
  const connection = yield* Effect.acquireRelease(connect(target, "tusk/object"), (each) =>
    Effect.sync(() => each.leave())
  )
  const cluster = yield* clusterIdentity(connection)
  if (cluster === undefined) return yield* new CliError({ message: "the database holds no cluster" })
  return { connection, store, ...cluster }
})
