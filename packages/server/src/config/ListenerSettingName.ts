import { brokerConfigs } from "./BrokerConfigs.ts"
import type { BrokerConfig } from "./BrokerConfigs.ts"

/** A setting of one listener, or of one mechanism of it (KIP-103, KIP-86), taken apart. */
export interface ListenerSettingName {
  /** In lower case. */
  readonly listener: string
  /** In lower case. */
  readonly mechanism: string | undefined
  /** The setting, as all listeners have it. */
  readonly definition: BrokerConfig
}

export const LISTENER_PREFIX = "listener.name."

const FORM = /^listener\.name\.([^.]+)\.(.+)$/i

/** `listener.name.<listener>.` and what stands behind it. */
export const splitListenerName = (name: string): readonly [listener: string, rest: string] | undefined => {
  const parts = FORM.exec(name)
  return parts === null ? undefined : [parts[1]!.toLowerCase(), parts[2]!]
}

/** Undefined: no setting has this name. */
export const listenerSettingName = (name: string): ListenerSettingName | undefined => {
  const [listener, rest] = splitListenerName(name) ?? []
  if (listener === undefined || rest === undefined) return undefined
  const whole = brokerConfigs().get(rest)
  if (whole !== undefined) return { listener, mechanism: undefined, definition: whole }
  const dot = rest.indexOf(".")
  const definition = dot < 1 ? undefined : brokerConfigs().get(rest.slice(dot + 1))
  // A plug-in's own class is a mechanism's, too, though it means nothing here.
  return definition === undefined || !(definition.idle || definition.perListener === "mechanism")
    ? undefined
    : { listener, mechanism: rest.slice(0, dot).toLowerCase(), definition }
}

/** The one way to write it. */
export const canonicalName = ({ definition, listener, mechanism }: ListenerSettingName): string =>
  `${LISTENER_PREFIX}${listener}.${mechanism === undefined ? "" : `${mechanism}.`}${definition.name}`
