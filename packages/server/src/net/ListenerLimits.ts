import { settingsOf } from "../config/ListenerSettings.ts"
import type { Settings } from "../config/Settings.ts"

/** What holds for one listener, beside what holds for all. */
export interface ListenerLimits {
  /** `listener.name.<name>.max.connections` */
  readonly maxConnections: number
  /** `listener.name.<name>.max.connection.creation.rate` */
  readonly maxCreationRate: number
}

export type LimitsOf = (listener: string) => ListenerLimits

/** Works out each listener's limits once. */
export const listenerLimits = (settings: Settings): LimitsOf => {
  const known = new Map<string, ListenerLimits>()
  return (listener) => {
    let limits = known.get(listener)
    if (limits === undefined) {
      const { maxConnectionCreationRate: maxCreationRate, maxConnections } = settingsOf(settings, listener)
      known.set(listener, (limits = { maxConnections, maxCreationRate }))
    }
    return limits
  }
}
