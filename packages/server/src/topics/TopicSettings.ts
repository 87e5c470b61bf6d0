import { BROKER_RESOURCE, Configs, TOPIC_RESOURCE } from "@tusk/storage/topics/Configs"
import type { ConfigOverrides } from "@tusk/storage/topics/Configs"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { topicConfig } from "../config/TopicConfigs.ts"
import type { TopicConfig } from "../config/TopicConfigs.ts"

/** A topic's configs as typed values, worked out once for each change. */
export class TopicSettings extends Context.Service<TopicSettings, { readonly of: (topic: string) => TopicConfig }>()(
  "@tusk/server/topics/TopicSettings"
) {
  static readonly layer = Layer.effect(
    TopicSettings,
    Effect.gen(function* () {
      const configs = yield* Configs
      const settings = yield* BrokerSettings
      /** Good for one state of the brokers' own overrides. */
      let known = new WeakMap<ConfigOverrides, TopicConfig>()
      let ofBroker: ConfigOverrides | undefined
      let ofCluster: ConfigOverrides | undefined
      return TopicSettings.of({
        of: (topic) => {
          const broker = configs.of(BROKER_RESOURCE, String(settings.nodeId))
          const cluster = configs.of(BROKER_RESOURCE, "")
          if (broker !== ofBroker || cluster !== ofCluster) {
            known = new WeakMap()
            ofBroker = broker
            ofCluster = cluster
          }
          const overrides = configs.of(TOPIC_RESOURCE, topic)
          let config = known.get(overrides)
          if (config === undefined)
            known.set(overrides, (config = topicConfig(overrides, settings, { broker, cluster })))
          return config
        }
      })
    })
  )
}
