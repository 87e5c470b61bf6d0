import { LISTENER_PREFIX, listenerSettingName, splitListenerName } from "./ListenerSettingName.ts"
import type { Settings } from "./Settings.ts"
import { settingDefinitions } from "./SettingDefinitions.ts"
import type { SettingDefinition } from "./SettingKinds.ts"

/**
 * The settings as they hold for one listener, or for one mechanism of it: what was said of the mechanism, else of the
 * listener, else of all. Cheap, but made anew: a room asks once, not for each connection.
 */
export const settingsOf = (settings: Settings, listener: string, mechanism?: string): Settings => {
  const prefix = `${LISTENER_PREFIX}${listener.toLowerCase()}.`
  const { given } = settings
  const own = Object.entries<SettingDefinition>(settingDefinitions).flatMap(([key, { name, perListener, read }]) => {
    if (perListener === undefined) return []
    const ofMechanism = mechanism === undefined ? undefined : given.get(`${prefix}${mechanism.toLowerCase()}.${name}`)
    const entry = ofMechanism ?? given.get(`${prefix}${name}`)
    return entry === undefined ? [] : [[key, read(entry.value)] as const]
  })
  return own.length === 0 ? settings : { ...settings, ...(Object.fromEntries(own) as Partial<Settings>) }
}

/** Settings of listeners that are not there, a line for each. */
export const strangeListeners = ({ given }: Settings, listeners: ReadonlyArray<string>): ReadonlyArray<string> => {
  const known = new Set(listeners.map((name) => name.toLowerCase()))
  return Array.from(given.keys()).flatMap((name) => {
    const [listener] = splitListenerName(name) ?? []
    return listener === undefined || known.has(listener) || listenerSettingName(name)?.definition.idle !== false
      ? []
      : [`${name} has no effect: there is no listener named ${listener.toUpperCase()}`]
  })
}
