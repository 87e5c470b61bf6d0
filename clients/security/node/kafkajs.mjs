// kafkajs behind the steps of the matrix of security (clients/README.md).
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import process from "node:process"
import kafkajs from "kafkajs"

const { Kafka, logLevel } = kafkajs
const config = JSON.parse(process.argv[2])
const { bootstrap, certificate, ca, group, key, mechanism, password, timeoutMs, token, topic, user } = config
const file = (path) => readFileSync(path, "utf8")
const login = mechanism === "OAUTHBEARER" ? { oauthBearerProvider: async () => ({ value: token }) } : {}
const security =
  mechanism === "mTLS"
    ? { ssl: { ca: [file(ca)], cert: file(certificate), key: file(key) } }
    : { sasl: { mechanism: mechanism.toLowerCase(), username: user, password, ...login } }
// It logs in anew that long before a session ends: its default of 10 s is more than such a session.
const kafka = new Kafka({
  brokers: [bootstrap],
  logLevel: logLevel.NOTHING,
  retry: { retries: 2 },
  reauthenticationThreshold: 1000,
  ...security
})

const causes = (error) => (error === undefined || error === null ? [] : [error, ...causes(error.cause)])
const tell = (step, error) => {
  const all = causes(error)
  const words = all.flatMap(({ name, type, code }) => [name, type, code]).filter((word) => word !== undefined)
  console.log(JSON.stringify({ step, error: words.join(" "), said: all.map(({ message }) => message).join(" <- ") }))
}

let producer
const produce = async () => {
  if (producer === undefined) {
    const made = kafka.producer()
    await made.connect()
    producer = made
  }
  await producer.send({ topic, messages: [{ value: "hello" }] })
}

let waiting = []
let seen = 0
let failure
const settle = () => {
  // What comes between two steps is the next one's.
  if (waiting.length === 0 || (seen === 0 && failure === undefined)) return
  for (const [resolve, reject] of waiting) {
    if (failure === undefined) resolve()
    else reject(failure)
  }
  waiting = []
  seen = 0
}
let consumer
const consume = async () => {
  if (consumer === undefined) {
    // A fetch waits for less than a session, and without a retry of the whole: the first failure is what is told.
    const made = kafka.consumer({
      groupId: group,
      maxWaitTimeInMs: 500,
      retry: { retries: 2, restartOnFailure: async () => false }
    })
    made.on(made.events.CRASH, ({ payload }) => {
      failure = payload.error
      settle()
    })
    await made.connect()
    await made.subscribe({ topic, fromBeginning: true })
    await made.run({
      eachMessage: async () => {
        seen++
        settle()
      }
    })
    consumer = made
  }
  await new Promise((resolve, reject) => {
    waiting.push([resolve, reject])
    settle()
  })
}

const late = () => {
  const error = new Error("no outcome in time")
  error.name = "Timeout"
  return error
}
for await (const step of createInterface(process.stdin)) {
  let timer
  const limit = new Promise((_, reject) => (timer = setTimeout(() => reject(late()), timeoutMs)))
  await Promise.race([step === "produce" ? produce() : consume(), limit]).then(
    () => tell(step),
    (error) => tell(step, error)
  )
  clearTimeout(timer)
}
process.exit()
