// kafkajs behind the command line that every program of the matrix speaks (clients/README.md).
import process from "node:process"
import kafkajs from "kafkajs"

const { Kafka, logLevel } = kafkajs
const [command, bootstrap, topic, ...rest] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.WARN })

const withAdmin = async (use) => {
  const admin = kafka.admin()
  await admin.connect()
  const result = await use(admin)
  await admin.disconnect()
  console.log(JSON.stringify(result))
}

const total = (list) => list.reduce((sum, one) => sum + Number(one.offset), 0)

const commands = {
  create: (partitions) =>
    withAdmin(async (admin) => ({
      created: await admin.createTopics({ topics: [{ topic, numPartitions: Number(partitions) }] })
    })),
  produce: async (from, count) => {
    const producer = kafka.producer()
    await producer.connect()
    for (let next = Number(from); next < Number(from) + Number(count); next += 500) {
      const length = Math.min(500, Number(from) + Number(count) - next)
      const messages = Array.from({ length }, (_, i) => ({
        key: `key-${(next + i) % 100}`,
        value: `value-${next + i}`
      }))
      await producer.send({ topic, messages })
    }
    await producer.disconnect()
    console.log(JSON.stringify({ produced: Number(count) }))
  },
  consume: async (groupId) => {
    const consumer = kafka.consumer({ groupId })
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
      console.log(`# assigned ${(payload.memberAssignment[topic] ?? []).toSorted().join(",")}`)
    )
    consumer.on(consumer.events.REBALANCING, () => console.log("# assigned "))
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    process.once("SIGTERM", async () => {
      await consumer.disconnect()
      // A rebalance that the other member's leaving began may go on in here, and would keep the process.
      process.exit(0)
    })
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        process.stdout.write(`${partition}\t${message.offset}\t${message.key}\t${message.value}\n`)
      }
    })
  },
  admin: (groupId) =>
    withAdmin(async (admin) => {
      const metadata = await admin.fetchTopicMetadata({ topics: [topic] })
      const ends = await admin.fetchTopicOffsets(topic)
      const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
      const { groups } = await admin.describeGroups([groupId])
      await admin.deleteGroups([groupId])
      await admin.deleteTopics({ topics: [topic] })
      return {
        partitions: metadata.topics[0].partitions.length,
        end: total(ends),
        committed: total(offsets.partitions),
        state: groups[0].state
      }
    })
}

await commands[command](...rest)
