import kafkajs from "kafkajs"

const VOCABULARY = Array.from({ length: 50 }, (_, i) => `word${i}`)

const WORDS_A_LINE = 7

/** What was put into the input topic, and what has to come out. */
export interface Words {
  /** So many lines of seven words each; resolves when they are acknowledged. */
  readonly write: (lines: number) => Promise<void>
  /** How often each word was written. */
  readonly written: ReadonlyMap<string, number>
  /** Words written so far. */
  readonly total: () => number
  /** The last count of each word in the output topic. */
  readonly counted: ReadonlyMap<string, number>
  /** Counts that did not follow on the one before, by word: 1 says that some were told twice. */
  readonly jumps: () => number
  /** Whether every word has the count it shall have. */
  readonly agree: () => boolean
  readonly stop: () => Promise<void>
}

/** Writes lines, and reads counts, with a client that knows nothing of streams. */
export const openWords = async (bootstrap: string, input: string, output: string): Promise<Words> => {
  const kafka = new kafkajs.Kafka({ brokers: [bootstrap], logLevel: kafkajs.logLevel.NOTHING })
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
  // When the broker goes it comes back as another member, and has to wait for the end of the first one's session.
  const patience = { sessionTimeout: 6000, rebalanceTimeout: 6000, heartbeatInterval: 1000 }
  const consumer = kafka.consumer({ groupId: `${output}-reader`, maxWaitTimeInMs: 100, ...patience })
  await producer.connect()
  await consumer.connect()
  await consumer.subscribe({ topics: [output], fromBeginning: true })
  const written = new Map<string, number>()
  const counted = new Map<string, number>()
  let jumps = 0
  await consumer.run({
    eachMessage: async ({ message }) => {
      const word = String(message.key)
      const count = Number(String(message.value))
      if (count !== (counted.get(word) ?? 0) + 1) jumps++
      counted.set(word, count)
    }
  })
  let lines = 0
  return {
    write: async (count) => {
      const messages = Array.from({ length: count }, () => {
        const line = lines++
        const words = Array.from(
          { length: WORDS_A_LINE },
          (_, i) => VOCABULARY[(line * 3 + i * i) % VOCABULARY.length]!
        )
        for (const word of words) written.set(word, (written.get(word) ?? 0) + 1)
        return { key: `${line}`, value: words.join(" ") }
      })
      await producer.send({ topic: input, acks: -1, messages })
    },
    written,
    total: () => lines * WORDS_A_LINE,
    counted,
    jumps: () => jumps,
    agree: () => {
      for (const [word, count] of written) if (counted.get(word) !== count) return false
      return counted.size === written.size
    },
    stop: async () => {
      await consumer.disconnect()
      await producer.disconnect()
    }
  }
}
