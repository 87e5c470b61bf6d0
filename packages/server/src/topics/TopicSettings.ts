import { Configs, TOPIC_RESOURCE } from "@tusk/storage/topics/Configs"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { perResource } from "../config/perResource.ts"
import { topicConfig } from "../config/TopicConfigs.ts"
import type { TopicConfig } from "../config/TopicConfigs.ts"

/** A topic's configs as typed values. */
export class TopicSettings extends Context.Service<TopicSettings, { readonly of: (topic: string) => TopicConfig }>()(
  "@tusk/server/topics/TopicSettings"
) {
  static readonly layer = Layer.effect(
    TopicSettings,
    Effect.gen(function* () {
      return TopicSettings.of({
        of: perResource(yield* Configs, yield* BrokerSettings, TOPIC_RESOURCE, topicConfig)
      })
    })
  )
}
