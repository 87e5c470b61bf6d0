import { ObjectStore } from "@tusk/storage/port/ObjectStore"
import type { ObjectStoreError } from "@tusk/storage/port/ObjectStore"
import { ObjectStoreRefused } from "@tusk/storage/port/ObjectStore"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { settingDefinitions } from "../config/SettingDefinitions.ts"
import { SettingsError } from "../config/Settings.ts"
import type { Settings } from "../config/Settings.ts"
import { probed } from "./probed.ts"

/** Opens the store of a URL; asks nothing of it. */
type Open = (url: string, settings: Settings) => Effect.Effect<ObjectStore, ObjectStoreRefused, Scope.Scope>

const refused = (message: string) => new ObjectStoreRefused({ message })

const openFolder: Open = (text) =>
  Effect.gen(function* () {
    const url = new URL(text)
    if (url.host !== "") return yield* refused("it names a host")
    // A URL knows no path from here, and would cut a name at such characters: the folder would be another one.
    if (!/^file:\/\//i.test(text)) return yield* refused("it is to be file:///, and a whole path")
    if (url.search !== "" || url.hash !== "") return yield* refused("? and # of a path are written %3F and %23")
    const path = yield* Effect.try({
      try: () => decodeURIComponent(url.pathname),
      catch: (cause) => refused(String(cause))
    })
    const { makeFileObjectStore } = yield* Effect.promise(() => import("@tusk/storage/object/file/FileObjectStore"))
    return yield* makeFileObjectStore({ path })
  })

const { logStorage, objectS3AccessKeyId, objectS3SecretAccessKey, objectStore } = settingDefinitions

const openS3: Open = (url, settings) =>
  Effect.gen(function* () {
    const { objectS3AccessKeyId: accessKeyId, objectS3SecretAccessKey: secretAccessKey } = settings
    if ((accessKeyId === undefined) !== (secretAccessKey === undefined)) {
      return yield* refused(
        `${objectS3AccessKeyId.name} and ${objectS3SecretAccessKey.name} are given together, or neither`
      )
    }
    const { s3Store } = yield* Effect.promise(() => import("@tusk/storage/object/s3/S3Store"))
    const isGiven = accessKeyId !== undefined && secretAccessKey !== undefined
    return yield* s3Store({ url, key: isGiven ? { accessKeyId, secretAccessKey } : undefined })
  })

/** By the scheme of their URLs. The code of each is loaded when a URL asks for it. */
const KINDS: ReadonlyMap<string, Open> = new Map([
  ["file:", openFolder],
  ["s3:", openS3]
])

/** What stands before an @ may be a secret, which is not repeated. */
const shown = (value: string): string => value.replace(/\/\/[^/?#]*@/, "//…@")

const wrong = (value: string) => (error: ObjectStoreError) =>
  new SettingsError({
    message: `Invalid value ${shown(value)} for configuration ${objectStore.name}: ${error.message}`
  })

/** The store of a value of `tusk.object.store`; nothing is asked of it. */
export const openObjectStore = (
  value: string,
  settings: Settings
): Effect.Effect<ObjectStore, SettingsError, Scope.Scope> =>
  Effect.suspend(() => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    const kind = url === undefined ? undefined : KINDS.get(url.protocol)
    if (kind !== undefined) return kind(value, settings)
    const schemes = Array.from(KINDS.keys(), (scheme) => `${scheme}//`).join(" or ")
    return Effect.fail(refused(`Must be a URL that begins with ${schemes}`))
  }).pipe(Effect.mapError(wrong(value)))

const open = (value: string, settings: Settings): Effect.Effect<ObjectStore, SettingsError, Scope.Scope> =>
  Effect.flatMap(openObjectStore(value, settings), (store) => Effect.mapError(probed(store), wrong(value)))

/**
 * `ObjectStore` as the settings have it, else as it is given. One that does not keep to its conditions is refused; one that
 * cannot be asked now is asked before it is first written to.
 */
export const objectStoreOf = (settings: Settings): Layer.Layer<never, SettingsError> =>
  Layer.effect(
    ObjectStore,
    Effect.gen(function* () {
      const store =
        settings.objectStore === undefined ? yield* ObjectStore : yield* open(settings.objectStore, settings)
      if (settings.logStorage === "object" && store === undefined) {
        return yield* new SettingsError({ message: `${logStorage.name}=object needs a store: ${objectStore.name}` })
      }
      return store
    })
  )
