import { GroupAuthorizationFailed, TopicAuthorizationFailed } from "@tusk/protocol/KafkaError"
import type { KafkaError } from "@tusk/protocol/KafkaError"
import { permits } from "../request/authorizing.ts"
import type { RequestContext } from "../request/RequestContext.ts"

/**
 * Why a principal may not be a member of a group, or not with these topics: GROUP_AUTHORIZATION_FAILED,
 * TOPIC_AUTHORIZATION_FAILED if it may not describe one of them, be it there or not. Without a message, as from Apache Kafka.
 */
export const memberRefusal = (
  context: RequestContext,
  groupId: string,
  topics: Iterable<string> | null
): KafkaError | undefined => {
  if (!context.may("read", "group", groupId)) return new GroupAuthorizationFailed()
  const mayDescribe = permits(context, "describe", "topic")
  for (const topic of topics ?? []) if (!mayDescribe(topic)) return new TopicAuthorizationFailed()
  return undefined
}
