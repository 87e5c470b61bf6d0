import type { InternalTopicInfo } from "@tusk/coordinator/group/streams/Topology"
import { errorMessage } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { isKafkaError } from "@tusk/storage/log/Log"
import { Recurring } from "@tusk/storage/Recurring"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AutoTopics } from "./AutoTopics.ts"
import { TopicAdmin } from "./TopicAdmin.ts"

export interface NotCreated {
  readonly name: string
  readonly reason: string
}

/** Topics that a Kafka Streams application keeps for itself, made for it (KIP-1071). */
export class InternalTopics extends Context.Service<
  InternalTopics,
  {
    /** Makes those that are not there; tells which could not be made. */
    readonly create: (topics: ReadonlyArray<InternalTopicInfo>) => Effect.Effect<ReadonlyArray<NotCreated>>
  }
>()("@tusk/server/topics/InternalTopics") {
  static readonly layer = Layer.effect(
    InternalTopics,
    Effect.gen(function* () {
      const autoTopics = yield* AutoTopics
      const admin = yield* TopicAdmin
      const trouble = new Recurring("topics")

      const make = Effect.fnUntraced(function* (wish: InternalTopicInfo) {
        const topic = admin.check({
          name: wish.name,
          numPartitions: wish.partitions,
          replicationFactor: wish.replicationFactor > 0 ? wish.replicationFactor : -1,
          assignments: [],
          configs: wish.topicConfigs.map(({ key, value }) => ({ name: key, value }))
        })
        if (isKafkaError(topic)) return yield* Effect.fail(topic)
        yield* autoTopics.create(topic)
      })

      const attempt = (wish: InternalTopicInfo): Effect.Effect<ReadonlyArray<NotCreated>> =>
        make(wish).pipe(
          Effect.as([]),
          Effect.catch((error: KafkaError) =>
            // another member's heartbeat was faster
            error._tag === "TopicAlreadyExists"
              ? Effect.succeed([])
              : Effect.as(trouble.seen(`internal topic ${wish.name} is not created: ${error._tag}`), [
                  { name: wish.name, reason: errorMessage(error) ?? error._tag }
                ])
          )
        )

      return InternalTopics.of({
        create: (wishes) => Effect.map(Effect.forEach(wishes, attempt, { concurrency: 16 }), (failed) => failed.flat())
      })
    })
  )
}
