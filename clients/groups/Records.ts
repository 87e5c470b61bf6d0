import kafkajs from "kafkajs"

/** Timestamp of the first record of each partition; the next ones follow a minute apart. */
export const FIRST_TIMESTAMP = Date.UTC(2026, 0, 1)

export interface Producing {
  /** Appends `count` records, each once, to each of the partitions 0 to `partitions` - 1, numbered from `from` on. */
  readonly send: (partitions: number, count: number, from: number) => Promise<void>
  readonly stop: () => Promise<void>
}

export const startProducing = async (bootstrap: string, topic: string): Promise<Producing> => {
  const kafka = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  await producer.connect()
  return {
    send: async (partitions, count, from) => {
      const messages = Array.from({ length: partitions * count }, (_, i) => {
        const number = from + Math.floor(i / partitions)
        const timestamp = `${FIRST_TIMESTAMP + number * 60_000}`
        return { partition: i % partitions, key: `${i % partitions}`, value: `${number}`, timestamp }
      })
      await producer.send({ topic, acks: -1, messages })
    },
    stop: () => producer.disconnect()
  }
}

/** As `Producing.send`, with a producer of its own. */
export const produce = async (
  bootstrap: string,
  topic: string,
  partitions: number,
  count: number,
  from = 0
): Promise<void> => {
  const producing = await startProducing(bootstrap, topic)
  try {
    await producing.send(partitions, count, from)
  } finally {
    await producing.stop()
  }
}
