import { Kafka, logLevel } from "kafkajs"
import type { Consumer } from "kafkajs"
import type { TestBroker } from "../src/Tusk.ts"

/** A kafkajs client that asks again at once, and is silent. */
export const kafkajs = ({ bootstrapServers }: Pick<TestBroker, "bootstrapServers">, retries = 8): Kafka =>
  new Kafka({
    brokers: [bootstrapServers],
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 10, maxRetryTime: 50, retries }
  })

/** Gives `use` a producer. */
export const producing = async <A>(
  kafka: Pick<TestBroker, "bootstrapServers">,
  use: (send: (topic: string, ...values: ReadonlyArray<string>) => Promise<unknown>) => Promise<A>,
  retries = 5
): Promise<A> => {
  const producer = kafkajs(kafka, retries).producer()
  await producer.connect()
  try {
    return await use((topic, ...values) => producer.send({ topic, messages: values.map((value) => ({ value })) }))
  } finally {
    await producer.disconnect()
  }
}

/** A consumer that is in its group, and what it was given. */
export interface Consuming {
  readonly consumer: Consumer
  /** Resolves with the values once there are as many. */
  readonly values: (count: number) => Promise<ReadonlyArray<string>>
}

export const consuming = async (
  kafka: Pick<TestBroker, "bootstrapServers">,
  topic: string,
  options: { readonly groupId?: string; readonly sessionTimeout?: number } = {}
): Promise<Consuming> => {
  const { groupId = "g", sessionTimeout = 30_000 } = options
  const consumer = kafkajs(kafka).consumer({ groupId, sessionTimeout, heartbeatInterval: 200, maxWaitTimeInMs: 200 })
  const seen: Array<string> = []
  let told = () => {}
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  const joined = new Promise((resolve) => consumer.on(consumer.events.GROUP_JOIN, resolve))
  await consumer.run({
    eachMessage: async ({ message }) => {
      seen.push(String(message.value))
      told()
    }
  })
  await joined
  const values = (count: number) =>
    new Promise<ReadonlyArray<string>>((resolve) => {
      told = () => {
        if (seen.length >= count) resolve(seen.slice())
      }
      told()
    })
  return { consumer, values }
}
