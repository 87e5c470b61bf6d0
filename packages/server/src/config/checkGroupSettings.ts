import { allGroupConfigs, sessionsAndHeartbeats } from "./GroupConfigDefinitions.ts"
import { groupSettingDefinitions } from "./GroupSettingDefinitions.ts"
import type { SettingValues } from "./SettingDefinitions.ts"

export const tooSmall = (name: string, bound: string): string => `${name} must be greater than or equal to ${bound}`
export const tooGreat = (name: string, bound: string): string => `${name} must be less than or equal to ${bound}`
export const notLonger = (name: string, other: string): string => `${name} must be greater than ${other}`

export const settingName = (key: keyof typeof groupSettingDefinitions): string => groupSettingDefinitions[key].name

/** What is wrong with the broker's settings for groups, taken together: the first thing found, in one line. */
export const checkGroupSettings = (settings: SettingValues): string | undefined => {
  for (const { greatest, least, setting } of allGroupConfigs) {
    if (setting === undefined) continue
    const value = settings[setting]
    if (least !== undefined && greatest !== undefined && settings[greatest] < settings[least])
      return tooSmall(settingName(greatest), settingName(least))
    if (least !== undefined && value < settings[least]) return tooSmall(settingName(setting), settingName(least))
    if (greatest !== undefined && value > settings[greatest])
      return tooGreat(settingName(setting), settingName(greatest))
  }
  for (const [session, heartbeat] of sessionsAndHeartbeats) {
    if (settings[session.setting] <= settings[heartbeat.setting])
      return notLonger(settingName(session.setting), settingName(heartbeat.setting))
  }
  if (!settings.groupCoordinatorRebalanceProtocols.includes("classic"))
    return `${settingName("groupCoordinatorRebalanceProtocols")} must hold classic`
  if (settings.groupConsumerAssignors.length === 0) return `${settingName("groupConsumerAssignors")} must name one`
  return undefined
}
