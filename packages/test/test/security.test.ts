import { describe, expect, it } from "@effect/vitest"
import { Producer, stringSerializers } from "@platformatic/kafka"
import { Kafka, logLevel } from "kafkajs"
import type { SASLOptions } from "kafkajs"
import { Tusk } from "../src/Tusk.ts"
import type {
  AclOptions,
  ClientConfigs,
  ClientOptions,
  SecurityOptions,
  LoginMechanism,
  StartOptions,
  TestBroker,
  UserOptions
} from "../src/Tusk.ts"

const acls: ReadonlyArray<AclOptions> = [
  { principal: "User:alice", operation: ["write", "describe"], topic: "orders" },
  { principal: "User:bob", operation: "read", topic: "ord", prefixed: true },
  { principal: "User:bob", operation: "read", group: "*" },
  { principal: "User:bob", operation: "write", topic: "*" },
  { principal: "User:bob", operation: "write", topic: "orders", deny: true }
]
const secured = {
  topics: ["orders"],
  users: { alice: "secret", bob: 'b"\\b, =' },
  acls,
  superUsers: ["User:admin"],
  tls: "self-signed"
} as const satisfies StartOptions

const of = ({ kafkajs }: ClientConfigs, retries = 0): Kafka =>
  new Kafka({ ...kafkajs, logLevel: logLevel.NOTHING, retry: { initialRetryTime: 10, retries } })

const send = async (config: ClientConfigs, value: string, topic = "orders", retries = 0): Promise<void> => {
  const producer = of(config, retries).producer()
  await producer.connect()
  try {
    await producer.send({ topic, messages: [{ value }] })
  } finally {
    await producer.disconnect()
  }
}

const firstOf = async (config: ClientConfigs): Promise<string> => {
  const consumer = of(config, 5).consumer({ groupId: "g", maxWaitTimeInMs: 100 })
  await consumer.connect()
  await consumer.subscribe({ topic: "orders", fromBeginning: true })
  const first = Promise.withResolvers<string>()
  await consumer.run({ eachMessage: async ({ message }) => first.resolve(String(message.value)) })
  const value = await first.promise
  await consumer.disconnect()
  return value
}

const valuesOf = async (kafka: TestBroker) => (await kafka.records("orders")).map(({ valueText }) => valueText)

describe.each(["memory", "embedded"] as const)("secured clients, storage %s", { timeout: 60_000 }, (storage) => {
  it("get in by their passwords, do what rules allow, before a reset and after it", async () => {
    await using kafka = await Tusk.start({ storage, ...secured })
    expect(kafka.ca).toMatch(/^-----BEGIN CERTIFICATE-----/)
    const alice = kafka.client("alice")
    for (const round of ["1", "2"]) {
      await send(alice, round)
      expect(await firstOf(kafka.client("bob", { mechanism: "SCRAM-SHA-256" }))).toBe(round)
      await expect(send(kafka.client("bob"), "denied")).rejects.toThrow(/not authorized/i)
      await expect(send(alice, "elsewhere", "other")).rejects.toThrow(/not authorized|not host/i)
      expect(await kafka.produce("orders", [{ value: "inside" }])).toEqual([{ partition: 0, offset: 1n }])
      expect(await valuesOf(kafka)).toEqual([round, "inside"])
      await kafka.reset()
    }
  })

  it("are refused with a wrong password, also in manual time, and meet faults", async () => {
    await using kafka = await Tusk.start({ storage, ...secured, clock: "manual" })
    const config = kafka.client("alice")
    const wrong = { ...config.kafkajs, sasl: { ...config.kafkajs.sasl!, password: "wrong" } as SASLOptions }
    await expect(send({ ...config, kafkajs: wrong as ClientConfigs["kafkajs"] }, "x")).rejects.toThrow(
      /authentication/i
    )
    const fault = kafka.faults.fail({ api: "Produce", topic: "orders", error: "NOT_LEADER_OR_FOLLOWER", times: 1 })
    await send(config, "retried", "orders", 5)
    expect(fault.hits).toBe(1)
    await kafka.clock.advance("1 hour")
    await send(config, "later")
    expect(await valuesOf(kafka)).toEqual(["retried", "later"])
  })
})

it.each<readonly [LoginMechanism, "self-signed" | undefined]>([
  ["PLAIN", undefined],
  ["SCRAM-SHA-256", undefined],
  ["SCRAM-SHA-512", "self-signed"]
])("@platformatic/kafka and kafkajs log in by %s, tls %s", async (mechanism, tls) => {
  const others: SecurityOptions = { users: secured.users, superUsers: ["User:bob"] }
  const options: ClientOptions = { mechanism }
  await using kafka = await Tusk.start({ ...others, tls, topics: ["orders"] })
  const config = kafka.client("bob", options)
  await send(config, "kafkajs")
  const producer = new Producer({ ...config.platformatic, clientId: "c", serializers: stringSerializers })
  await producer.send({ messages: [{ topic: "orders", value: "platformatic" }] })
  await producer.close()
  expect(await valuesOf(kafka)).toEqual(["kafkajs", "platformatic"])
})

it("has a config for each client", async () => {
  await using kafka = await Tusk.start({ users: [{ name: 'a"b', password: "\\" }], tls: "self-signed" })
  const { bootstrapServers, ca } = kafka
  expect(kafka.client('a"b')).toEqual({
    kafkajs: {
      brokers: [bootstrapServers],
      ssl: { ca: [ca] },
      sasl: { mechanism: "scram-sha-512", username: 'a"b', password: "\\" }
    },
    platformatic: {
      bootstrapBrokers: [bootstrapServers],
      tls: { ca },
      sasl: { mechanism: "SCRAM-SHA-512", username: 'a"b', password: "\\" }
    },
    librdkafka: {
      "bootstrap.servers": bootstrapServers,
      "security.protocol": "sasl_ssl",
      "ssl.ca.pem": ca,
      "sasl.mechanisms": "SCRAM-SHA-512",
      "sasl.username": 'a"b',
      "sasl.password": "\\"
    },
    java: {
      "bootstrap.servers": bootstrapServers,
      "security.protocol": "SASL_SSL",
      "ssl.truststore.type": "PEM",
      "ssl.truststore.certificates": ca,
      "sasl.mechanism": "SCRAM-SHA-512",
      "sasl.jaas.config": String.raw`org.apache.kafka.common.security.scram.ScramLoginModule required username="a\"b" password="\\";`
    }
  })
})

it("has configs without a login, and refuses users that there are none of", async () => {
  await using open = await Tusk.start({ topics: ["orders"] })
  expect(open.client().java).toEqual({ "bootstrap.servers": open.bootstrapServers, "security.protocol": "PLAINTEXT" })
  await send(open.client(), "open")
  expect(() => open.client("alice")).toThrow("client: the broker has no users, and asks for no login")
  const users: ReadonlyArray<UserOptions> = [{ name: "alice", password: "s", mechanism: "SCRAM-SHA-256" }]
  await using kafka = await Tusk.start({ topics: ["orders"], users })
  expect(kafka.client("alice").librdkafka["sasl.mechanisms"]).toBe("SCRAM-SHA-256")
  await send(kafka.client("alice", { mechanism: "PLAIN" }), "plain")
  expect(() => kafka.client("alic")).toThrow('client: user "alic" is not known; did you mean "alice"?')
  expect(() => kafka.client()).toThrow("client: the broker asks for a login, say as whom")
  expect(() => kafka.client("alice", { mechanism: "SCRAM-SHA-512" })).toThrow(
    "client: alice does not have SCRAM-SHA-512"
  )
  expect(() => kafka.client("alice", { mechanism: "GSSAPI" as never })).toThrow(
    'client: mechanism: GSSAPI is none of "PLAIN"'
  )
})

it("rules hold for whoever has not logged in, and TLS works without users", async () => {
  const anonymous: AclOptions = { principal: "User:ANONYMOUS", operation: "all", topic: "orders" }
  await using kafka = await Tusk.start({ topics: ["orders"], acls: [anonymous], tls: "self-signed" })
  await send(kafka.client(), "mine")
  await expect(send(kafka.client(), "not mine", "other")).rejects.toThrow(/not authorized|not host/i)
  expect(await valuesOf(kafka)).toEqual(["mine"])
})

it("starts as soon with many users", async () => {
  const users = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`user-${i}`, "secret"]))
  const times: Array<number> = []
  for (let i = 0; i < 5; i++) {
    const began = performance.now()
    await using kafka = await Tusk.start({ ...secured, users })
    times.push(performance.now() - began)
    expect(kafka.client("user-9").kafkajs.brokers).toHaveLength(1)
  }
  expect(Math.min(...times)).toBeLessThan(150)
})
