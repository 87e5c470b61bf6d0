// @platformatic/kafka behind the steps of the matrix of security (clients/README.md).
import { readFileSync } from "node:fs"
import { createInterface } from "node:readline"
import process from "node:process"
import { Consumer, MessagesStreamModes, Producer, stringDeserializers, stringSerializers } from "@platformatic/kafka"

const config = JSON.parse(process.argv[2])
const { bootstrap, certificate, ca, group, key, mechanism, password, timeoutMs, token, topic, user } = config
const file = (path) => readFileSync(path, "utf8")
const login = mechanism === "OAUTHBEARER" ? { token } : { username: user, password }
const security =
  mechanism === "mTLS"
    ? { tls: { ca: [file(ca)], cert: file(certificate), key: file(key) } }
    : { sasl: { mechanism, ...login } }
const client = { clientId: "matrix", bootstrapBrokers: [bootstrap], retries: 1, retryDelay: 200, ...security }

const causes = (error) =>
  error === undefined || error === null
    ? []
    : [error, ...causes(error.cause), ...(error.errors ?? []).flatMap((one) => causes(one))]
const tell = (step, error) => {
  const all = causes(error)
  const words = all.flatMap(({ apiId, code }) => [code, apiId]).filter((word) => word !== undefined)
  console.log(JSON.stringify({ step, error: words.join(" "), said: all.map(({ message }) => message).join(" <- ") }))
}

let producer
const produce = async () => {
  producer ??= new Producer({ ...client, serializers: stringSerializers })
  await producer.send({ messages: [{ topic, value: "hello" }] })
}

let seen = 0
let failure
let wake = () => {}
let stream
const consume = async () => {
  if (stream === undefined) {
    const consumer = new Consumer({ ...client, groupId: group, deserializers: stringDeserializers, maxWaitTime: 500 })
    stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST })
    stream.on("data", () => {
      seen++
      wake()
    })
    stream.on("error", (error) => {
      failure = error
      wake()
    })
  }
  while (seen === 0 && failure === undefined) await new Promise((resolve) => (wake = resolve))
  seen = 0
  if (failure !== undefined) throw failure
}

const late = () => Object.assign(new Error("no outcome in time"), { code: "Timeout" })
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
