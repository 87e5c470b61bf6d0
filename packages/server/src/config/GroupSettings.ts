import { GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import type { GroupResourceConfig } from "@tusk/coordinator/group/machine/GroupConfigs"
import { BROKER_RESOURCE, Configs, GROUP_RESOURCE } from "@tusk/storage/topics/Configs"
import type { ConfigOverrides } from "@tusk/storage/topics/Configs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "./BrokerSettings.ts"
import { groupConfig } from "./GroupConfigs.ts"

/** Gives coordinators what a group goes by, from settings and overrides; worked out once for each change. */
export const layer = Layer.effect(
  GroupConfigs,
  Effect.gen(function* () {
    const configs = yield* Configs
    const settings = yield* BrokerSettings
    /** Good for one state of the brokers' own overrides. Groups without overrides share one entry. */
    let known = new WeakMap<ConfigOverrides, GroupResourceConfig>()
    let ofBroker: ConfigOverrides | undefined
    let ofCluster: ConfigOverrides | undefined
    return (groupId: string) => {
      const broker = configs.of(BROKER_RESOURCE, String(settings.nodeId))
      const cluster = configs.of(BROKER_RESOURCE, "")
      if (broker !== ofBroker || cluster !== ofCluster) {
        known = new WeakMap()
        ofBroker = broker
        ofCluster = cluster
      }
      const overrides = configs.of(GROUP_RESOURCE, groupId)
      let config = known.get(overrides)
      if (config === undefined) known.set(overrides, (config = groupConfig(overrides, settings, { broker, cluster })))
      return config
    }
  })
)
