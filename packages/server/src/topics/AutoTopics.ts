import type { KafkaError } from "@tusk/protocol/KafkaError"
import { InvalidTopicException, UnknownTopicOrPartition } from "@tusk/protocol/KafkaError"
import { Topics } from "@tusk/storage/topics/Topics"
import type { NewTopic, Topic } from "@tusk/storage/topics/Topics"
import * as Context from "effect/Context"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import { BrokerSettings } from "../config/BrokerSettings.ts"
import { collidingName, invalidTopicName, isInternalTopic } from "./TopicNames.ts"

const NO_CONFIGS: ReadonlyMap<string, string> = new Map()

/** Makes topics, some of them because a client named them (`auto.create.topics.enable`). */
export class AutoTopics extends Context.Service<
  AutoTopics,
  {
    /** The topic, made if there is none and it may be. Requests that ask while it is being made wait for it. */
    readonly ensure: (name: string) => Effect.Effect<Topic, KafkaError>
    /** Fails if there is such a topic, or one with a name that collides. Goes on if the client that waits goes away. */
    readonly create: (topic: NewTopic) => Effect.Effect<Topic, KafkaError>
    /** Of another topic the name would collide with, there or being made; or undefined. */
    readonly collision: (name: string) => string | undefined
  }
>()("@tusk/server/topics/AutoTopics") {
  static readonly layer = Layer.effect(
    AutoTopics,
    Effect.gen(function* () {
      const topics = yield* Topics
      const settings = yield* BrokerSettings
      const scope = yield* Effect.scope
      const making = new Map<string, Deferred.Deferred<Topic, KafkaError>>()

      /** Names of topics on their way, as often as they are: what is decided at their turn is only whether they are there. */
      const coming: Array<string> = []

      const collision = (name: string): string | undefined => {
        const folded = collidingName(name)
        if (folded === name && !name.includes("_")) return undefined
        const collides = (other: string): boolean => other !== name && collidingName(other) === folded
        return coming.find(collides) ?? topics.all().find((topic) => collides(topic.name))?.name
      }

      const create = (topic: NewTopic): Effect.Effect<Topic, KafkaError> => {
        const { name } = topic
        const created = Effect.suspend(() => {
          const other = collision(name)
          if (other !== undefined) return Effect.fail(collides(name, other))
          coming.push(name)
          return Effect.ensuring(
            topics.create(topic),
            Effect.sync(() => coming.splice(coming.indexOf(name), 1))
          )
        })
        return Effect.flatMap(Effect.forkIn(created, scope, { startImmediately: true }), Fiber.join)
      }

      /** Goes on if the client that named it first goes away: others may wait for it. */
      const make = (name: string): Effect.Effect<Topic, KafkaError> => {
        const done = Deferred.makeUnsafe<Topic, KafkaError>()
        making.set(name, done)
        const made = create({ name, partitions: settings.numPartitions, configs: NO_CONFIGS }).pipe(
          Effect.catchTag("TopicAlreadyExists", (error) => {
            const topic = topics.byName(name)
            return topic === undefined ? Effect.fail(error) : Effect.succeed(topic)
          }),
          Effect.onExit((exit) => {
            making.delete(name)
            return Deferred.done(done, exit)
          })
        )
        return Effect.andThen(
          Effect.forkIn(Effect.ignore(made), scope, { startImmediately: true }),
          Deferred.await(done)
        )
      }

      const ensure = (name: string): Effect.Effect<Topic, KafkaError> =>
        Effect.suspend(() => {
          const topic = topics.byName(name)
          if (topic !== undefined) return Effect.succeed(topic)
          const invalid = invalidTopicName(name)
          if (invalid !== undefined) return Effect.fail(invalid)
          if (!settings.autoCreateTopicsEnable || isInternalTopic(name)) {
            return Effect.fail(new UnknownTopicOrPartition())
          }
          const other = collision(name)
          if (other !== undefined) return Effect.fail(collides(name, other))
          const underWay = making.get(name)
          return underWay === undefined ? make(name) : Deferred.await(underWay)
        })

      return AutoTopics.of({ ensure, create, collision })
    })
  )
}

export const collides = (name: string, other: string): KafkaError =>
  new InvalidTopicException({ message: `Topic '${name}' collides with existing topic: ${other}` })
