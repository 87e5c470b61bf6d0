import { groupIdError } from "@tusk/coordinator/group/machine/Ids"
import { InvalidRequest } from "@tusk/protocol/KafkaError"
import { GROUP_RESOURCE } from "@tusk/storage/topics/Configs"
import type { Configs } from "@tusk/storage/topics/Configs"
import { brokerValues } from "./BrokerResource.ts"
import { DEFAULT_SOURCE, GROUP_SOURCE } from "./ConfigValues.ts"
import type { BrokerOverrides, ConfigValue, Overrides } from "./ConfigValues.ts"
import { allGroupConfigs } from "./GroupConfigDefinitions.ts"
import type { GroupConfigDefinition } from "./GroupConfigDefinitions.ts"
import { groupConfigDefinition, unknownGroupConfig, validateGroupConfigs } from "./GroupConfigs.ts"
import { groupSettingDefinitions } from "./GroupSettingDefinitions.ts"
import { brokerOverrides } from "./perResource.ts"
import { configEntry } from "./ResourceKind.ts"
import type { ResourceKind } from "./ResourceKind.ts"
import type { Settings } from "./Settings.ts"

/** Every value that a group's config has somewhere, the one that holds first. */
const groupValues = (
  { defaultValue, name, setting }: GroupConfigDefinition,
  overrides: Overrides,
  settings: Settings,
  brokers: BrokerOverrides
): ReadonlyArray<ConfigValue> => {
  const own = overrides.get(name)
  return [
    ...(own === undefined ? [] : [{ name, value: own, source: GROUP_SOURCE }]),
    ...(setting === undefined
      ? [{ name, value: defaultValue, source: DEFAULT_SOURCE }]
      : brokerValues(groupSettingDefinitions[setting], settings, brokers))
  ]
}

/** Groups by their ids; a group need not exist to have configs. */
export const groupResource = (configs: Configs["Service"], settings: Settings): ResourceKind => {
  const idError = (groupId: string) => groupIdError(groupId, settings.groupIdMaxBytes) ?? undefined
  return {
    names: () => configs.names(GROUP_RESOURCE),
    describe: (groupId) => {
      const wrong = groupId === "" ? new InvalidRequest({ message: "Group name must not be empty" }) : idError(groupId)
      if (wrong !== undefined) return wrong
      const overrides = configs.of(GROUP_RESOURCE, groupId)
      const brokers = brokerOverrides(configs, settings)
      return allGroupConfigs.map((definition) =>
        configEntry(definition, groupValues(definition, overrides, settings, brokers))
      )
    },
    changes: {
      misplaced: (groupId) =>
        groupId === "" ? new InvalidRequest({ message: "Default group resources are not allowed." }) : idError(groupId),
      check: (overrides) => validateGroupConfigs(overrides, settings, brokerOverrides(configs, settings)),
      alterContext: (_, overrides) => ({
        definition: groupConfigDefinition,
        unknown: unknownGroupConfig,
        current: (name) =>
          groupValues(groupConfigDefinition(name)!, overrides, settings, brokerOverrides(configs, settings))[0]!.value
      })
    }
  }
}
