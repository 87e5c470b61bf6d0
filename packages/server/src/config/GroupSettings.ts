import { GroupConfigs } from "@tusk/coordinator/group/machine/GroupConfigs"
import { Configs, GROUP_RESOURCE } from "@tusk/storage/topics/Configs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "./BrokerSettings.ts"
import { groupConfig } from "./GroupConfigs.ts"
import { perResource } from "./perResource.ts"

/** Gives coordinators what a group goes by, from settings and overrides. */
export const layer = Layer.effect(
  GroupConfigs,
  Effect.gen(function* () {
    return perResource(yield* Configs, yield* BrokerSettings, GROUP_RESOURCE, groupConfig)
  })
)
