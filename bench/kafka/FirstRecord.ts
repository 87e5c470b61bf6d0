import { Admin, Consumer, Producer, stringDeserializers, stringSerializers } from "@platformatic/kafka"
import kafkajs from "kafkajs"

/**
 * Creates a topic, produces one record and consumes it in a group that is new, with kafkajs and its defaults;
 * resolves with the milliseconds until the record came.
 */
export const firstRecordKafkajs = async (bootstrap: string, name: string): Promise<number> => {
  const began = performance.now()
  const kafka = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.ERROR })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: name, numPartitions: 1 }] })
  const producer = kafka.producer()
  await producer.connect()
  await producer.send({ topic: name, messages: [{ key: "key", value: "value" }] })
  const consumer = kafka.consumer({ groupId: `${name}-group` })
  await consumer.connect()
  await consumer.subscribe({ topic: name, fromBeginning: true })
  const arrived = Promise.withResolvers<number>()
  await consumer.run({ eachMessage: async () => arrived.resolve(performance.now() - began) })
  const elapsed = await arrived.promise
  await Promise.all([admin.disconnect(), producer.disconnect(), consumer.disconnect()])
  return elapsed
}

/** The same with @platformatic/kafka and its defaults. */
export const firstRecordPlatformatic = async (bootstrap: string, name: string): Promise<number> => {
  const began = performance.now()
  const client = { clientId: "first-record", bootstrapBrokers: [bootstrap] }
  const admin = new Admin(client)
  await admin.createTopics({ topics: [name], partitions: 1, replicas: 1 })
  const producer = new Producer({ ...client, serializers: stringSerializers })
  await producer.send({ messages: [{ topic: name, key: "key", value: "value" }] })
  const consumer = new Consumer({ ...client, groupId: `${name}-group`, deserializers: stringDeserializers })
  const stream = await consumer.consume({ topics: [name], mode: "earliest" })
  const arrived = Promise.withResolvers<number>()
  stream.once("data", () => arrived.resolve(performance.now() - began))
  const elapsed = await arrived.promise
  await stream.close()
  await Promise.all([admin.close(), producer.close(), consumer.close()])
  return elapsed
}
