import { errorInfo } from "@tusk/protocol/KafkaError"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { Handler } from "../request/Handler.ts"
import type { RequestContext } from "../request/RequestContext.ts"

/** The part of requests, 0 to 1, that are spans of the tracer around the broker. It costs more than all other counting: 0. */
export const RequestSpans = Context.Reference<number>("@tusk/server/observe/RequestSpans", {
  defaultValue: () => 0
})

interface Asked {
  readonly handler: Handler
  readonly request: unknown
  readonly context: RequestContext
  readonly errorCode: number
}

/** A span from when a request begins to when its answer is ready, with what it asks and the error of its answer. */
export const spanOf = <A>(asked: Asked, answering: Effect.Effect<A>): Effect.Effect<A> => {
  const { context, handler, request } = asked
  const { topicIds = [], topics = [] } = handler.resources(request)
  return Effect.useSpan(
    handler.api.name,
    {
      kind: "server",
      root: true,
      attributes: {
        "messaging.system": "kafka",
        "messaging.client.id": context.clientId,
        "kafka.api.version": context.apiVersion,
        "kafka.topics": topics.length + topicIds.length,
        "client.address": context.connection.clientHost
      }
    },
    (span) =>
      Effect.tap(Effect.withParentSpan(answering, span), () =>
        Effect.sync(() => {
          if (asked.errorCode === 0) return
          span.attribute("error.type", errorInfo(asked.errorCode)?.name ?? String(asked.errorCode))
        })
      )
  )
}
