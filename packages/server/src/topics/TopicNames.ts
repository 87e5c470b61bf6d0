import { InvalidTopicException } from "@tusk/protocol/KafkaError"

const MAX_TOPIC_NAME_LENGTH = 249

/** What is wrong with a topic's name, as Kafka sees it; undefined if nothing is. */
export const invalidTopicName = (name: string): InvalidTopicException | undefined => {
  if (name === "") return new InvalidTopicException({ message: "Topic name is invalid: it is empty" })
  if (name === "." || name === "..")
    return new InvalidTopicException({ message: `Topic name is invalid: '${name}' is reserved` })
  if (name.length > MAX_TOPIC_NAME_LENGTH) {
    return new InvalidTopicException({
      message: `Topic name is invalid: ${name.length} characters are more than ${MAX_TOPIC_NAME_LENGTH}`
    })
  }
  if (!/^[a-zA-Z0-9._-]+$/.test(name)) {
    return new InvalidTopicException({
      message: "Topic name is invalid: only ASCII letters, digits, '.', '_' and '-' may stand in it"
    })
  }
  return undefined
}

/** Names that differ only in '.' and '_' would share a metric's name: Kafka refuses the second. */
export const collidingName = (name: string): string => name.replaceAll(".", "_")

/** Topics that Kafka's own brokers keep; a client may not create them. */
export const isInternalTopic = (name: string): boolean =>
  name === "__consumer_offsets" || name === "__transaction_state" || name === "__share_group_state"
