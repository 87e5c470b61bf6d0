/** Where what takes the place of batches goes, by their topics' configs. */
import { HasSecondTier, KeptInObjects } from "@tusk/storage/log/rewriting/placing"
import { Topics } from "@tusk/storage/topics/Topics"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { TopicConfig } from "../config/TopicConfigs.ts"
import { TopicSettings } from "./TopicSettings.ts"

const ofTopicOf = (which: (config: TopicConfig) => boolean) =>
  Effect.gen(function* () {
    const settings = yield* TopicSettings
    const { ofPartition } = yield* Topics
    return (partitionId: number) => {
      const found = ofPartition(partitionId)
      return found !== undefined && which(settings.of(found.topic.name))
    }
  })

/** Whose batches go into objects, also those that take the place of others: all, or those that have moved before. */
export const keptInObjects = Layer.merge(
  Layer.effect(
    KeptInObjects,
    ofTopicOf(({ inObjects }) => inObjects)
  ),
  Layer.effect(
    HasSecondTier,
    ofTopicOf(({ tiered }) => tiered)
  )
)
