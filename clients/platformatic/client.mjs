// @platformatic/kafka behind the command line that every program of the matrix speaks (clients/README.md).
import process from "node:process"
import {
  Admin,
  Consumer,
  ListOffsetTimestamps,
  MessagesStreamFallbackModes,
  MessagesStreamModes,
  Producer,
  stringDeserializers,
  stringSerializers
} from "@platformatic/kafka"

const [command, bootstrap, topic, ...rest] = process.argv.slice(2)
const client = { clientId: "matrix", bootstrapBrokers: [bootstrap] }

const withAdmin = async (use) => {
  const admin = new Admin(client)
  const result = await use(admin)
  await admin.close()
  console.log(JSON.stringify(result))
}

const commands = {
  create: (partitions) =>
    withAdmin(async (admin) => {
      await admin.createTopics({ topics: [topic], partitions: Number(partitions), replicas: 1 })
      return { created: true }
    }),
  produce: async (from, count) => {
    const producer = new Producer({ ...client, serializers: stringSerializers })
    for (let next = Number(from); next < Number(from) + Number(count); next += 500) {
      const length = Math.min(500, Number(from) + Number(count) - next)
      const messages = Array.from({ length }, (_, i) => ({
        topic,
        key: `key-${(next + i) % 100}`,
        value: `value-${next + i}`
      }))
      await producer.send({ messages })
    }
    await producer.close()
    console.log(JSON.stringify({ produced: Number(count) }))
  },
  consume: async (groupId) => {
    const consumer = new Consumer({ ...client, groupId, deserializers: stringDeserializers })
    const assigned = () => {
      const own = (consumer.assignments ?? []).filter((one) => one.topic === topic).flatMap((one) => one.partitions)
      console.log(`# assigned ${own.toSorted().join(",")}`)
    }
    consumer.on("consumer:group:join", assigned)
    consumer.on("consumer:group:rebalance", () => console.log("# assigned "))
    let stream
    let stopping = false
    const stop = async () => {
      stopping = true
      await stream?.close()
      if (stream !== undefined) await consumer.close()
    }
    process.once("SIGTERM", stop)
    stream = await consumer.consume({
      topics: [topic],
      mode: MessagesStreamModes.COMMITTED,
      fallbackMode: MessagesStreamFallbackModes.EARLIEST
    })
    stream.on("data", ({ partition, offset, key, value }) => {
      process.stdout.write(`${partition}\t${offset}\t${key}\t${value}\n`)
    })
    if (stopping) await stop()
  },
  admin: (groupId) =>
    withAdmin(async (admin) => {
      const metadata = await admin.metadata({ topics: [topic] })
      const count = metadata.topics.get(topic).partitions.length
      const indexes = Array.from({ length: count }, (_, i) => i)
      const partitions = indexes.map((partitionIndex) => ({ partitionIndex, timestamp: ListOffsetTimestamps.LATEST }))
      const ends = await admin.listOffsets({ topics: [{ name: topic, partitions }] })
      const [group] = await admin.listConsumerGroupOffsets({
        groups: [{ groupId, topics: [{ name: topic, partitionIndexes: indexes }] }]
      })
      const described = await admin.describeGroups({ groups: [groupId] })
      await admin.deleteGroups({ groups: [groupId] })
      await admin.deleteTopics({ topics: [topic] })
      const sum = (list, pick) => list.reduce((all, one) => all + Number(pick(one)), 0)
      return {
        partitions: count,
        end: sum(ends[0].partitions, (one) => one.offset),
        committed: sum(group.topics[0].partitions, (one) => one.committedOffset),
        state: described.get(groupId).state
      }
    })
}

await commands[command](...rest)
