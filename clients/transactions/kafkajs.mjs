// Transactions of kafkajs: what comes of each scenario, a line `name <tab> outcome` each.
import process from "node:process"
import kafkajs from "kafkajs"

const { Kafka, logLevel, Partitioners } = kafkajs
const [bootstrap, topic] = process.argv.slice(2)
const kafka = new Kafka({ brokers: [bootstrap], logLevel: logLevel.NOTHING, retry: { retries: 3 } })

const producer = async (transactionalId, transactionTimeout = 60_000) => {
  const made = kafka.producer({
    transactionalId,
    transactionTimeout,
    maxInFlightRequests: 1,
    idempotent: true,
    createPartitioner: Partitioners.DefaultPartitioner
  })
  await made.connect()
  return made
}

const send = (transaction, key, ...partitions) =>
  transaction.send({ topic, messages: partitions.map((partition) => ({ key, value: `v${partition}`, partition })) })

/** What is there under a key once a reader has come to the end that it has now. */
const read = async (key, readUncommitted = false) => {
  const consumer = kafka.consumer({
    groupId: `${key}-${readUncommitted}-${Date.now()}`,
    readUncommitted,
    maxWaitTimeInMs: 50
  })
  const found = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  let last = Date.now()
  await consumer.run({
    eachMessage: async ({ message }) => {
      last = Date.now()
      if (String(message.key) === key) found.push(String(message.value))
    }
  })
  while (Date.now() - last < 1500) await new Promise((resolve) => setTimeout(resolve, 50))
  await consumer.disconnect()
  return found.toSorted().join()
}

const outcomeOf = (work) =>
  work.then(
    () => "done",
    (error) => error.type ?? error.name
  )

const scenarios = {
  abort: async (id) => {
    const made = await producer(id)
    const first = await made.transaction()
    await send(first, id, 0, 1)
    await first.abort()
    const second = await made.transaction()
    await send(second, id, 1, 2)
    await second.commit()
    await made.disconnect()
    return `${await read(id)} ${await read(id, true)}`
  },
  commit: async (id) => {
    const made = await producer(id)
    const transaction = await made.transaction()
    await send(transaction, id, 0, 1, 2)
    const before = await read(id)
    await transaction.commit()
    await made.disconnect()
    return `[${before}] ${await read(id)}`
  },
  fencing: async (id) => {
    const [first, second] = [await producer(id), await producer(id)]
    const old = await first.transaction()
    await send(old, id, 0)
    const next = await second.transaction()
    await send(next, id, 1)
    const late = await outcomeOf(send(old, id, 2))
    const end = await outcomeOf(old.commit())
    await next.commit()
    await Promise.all([first, second].map((made) => made.disconnect()))
    return `${late} ${end} ${await read(id)}`
  },
  offsets: async (id) => {
    const made = await producer(id)
    const admin = kafka.admin()
    await admin.connect()
    const outcomes = []
    for (const commits of [true, false]) {
      const transaction = await made.transaction()
      await send(transaction, id, 1)
      const topics = [{ topic, partitions: [{ partition: 0, offset: commits ? "7" : "9" }] }]
      await transaction.sendOffsets({ consumerGroupId: `${id}-group`, topics })
      await (commits ? transaction.commit() : transaction.abort())
      const [found] = await admin.fetchOffsets({ groupId: `${id}-group`, topics: [topic] })
      outcomes.push(found.partitions.find(({ partition }) => partition === 0)?.offset)
    }
    await admin.disconnect()
    await made.disconnect()
    return `${outcomes.join()} ${await read(id)}`
  },
  timeout: async (id) => {
    const made = await producer(id, 1000)
    const transaction = await made.transaction()
    await send(transaction, id, 0)
    // Several times as long as brokers look for what is open too long.
    await new Promise((resolve) => setTimeout(resolve, 4000))
    const end = await outcomeOf(transaction.commit())
    await made.disconnect()
    return `${end} [${await read(id)}]`
  }
}

for (const [name, run] of Object.entries(scenarios)) {
  const outcome = await run(`${topic}-${name}`).catch((error) => `failed: ${error.type ?? error.message}`)
  console.log(`${name}\t${outcome}`)
}
process.exit(0)
