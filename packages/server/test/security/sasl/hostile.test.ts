import { assert, describe, it } from "@effect/vitest"
import { ApiVersions } from "@tusk/protocol/messages/ApiVersions"
import { AlterUserScramCredentials } from "@tusk/protocol/messages/AlterUserScramCredentials"
import { DescribeUserScramCredentials } from "@tusk/protocol/messages/DescribeUserScramCredentials"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import { requestFrame } from "../../WireClient.ts"
import type { WireClient } from "../../WireClient.ts"
import {
  clientFinal,
  connectSasl,
  makeUser,
  plainLogin,
  plainToken,
  rawFrame,
  scramLogin,
  startSaslBroker,
  upsertion
} from "./SaslBroker.ts"

const QUICK = { "connection.failed.authentication.delay.ms": 0 }

const length = (bytes: number): Buffer => {
  const frame = Buffer.alloc(4)
  frame.writeInt32BE(bytes)
  return frame
}

/** The same numbers each time: what fails once fails again. */
const chance = (seed: number) => {
  let state = seed
  return (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

const isServed = async (client: WireClient) =>
  assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)

/** Metadata is answered with brokers to whoever is let in, and only to them. */
const neverServed = (client: WireClient, what: string) => {
  for (const frame of client.frames) assert.notInclude(frame.toString("latin1"), "127.0.0.1", what)
}

const withBroker = async (settings: object, use: (broker: BrokerUnderTest) => Promise<void>) => {
  const broker = await startSaslBroker({ ...QUICK, ...settings })
  try {
    await use(broker)
  } finally {
    await broker[Symbol.asyncDispose]()
  }
}

describe("a hostile client", () => {
  it("that changes bytes of a login is let in by none of them", () =>
    withBroker({}, async (broker) => {
      await makeUser(broker, upsertion("carol", "SCRAM-SHA-256", "carol-secret"))
      const below = chance(7)
      const parts = [
        requestFrame(ApiVersions, 0, {}, 1),
        requestFrame(SaslHandshake, 1, { mechanism: "SCRAM-SHA-256" }, 2),
        requestFrame(SaslAuthenticate, 1, { authBytes: Buffer.from("n,,n=carol,r=abcdefgh") }, 3),
        requestFrame(SaslAuthenticate, 1, { authBytes: plainToken("alice", "wrong") }, 4),
        requestFrame(SaslHandshake, 0, { mechanism: "PLAIN" }, 5),
        rawFrame(plainToken("alice", "wrong"))
      ]
      for (let i = 0; i < 400; i++) {
        const client = await connectSasl(broker)
        const chosen = Array.from({ length: 1 + below(5) }, () => Buffer.from(parts[below(parts.length)]!))
        for (const frame of chosen) {
          for (let flips = below(4); flips > 0; flips--) frame[4 + below(frame.byteLength - 4)] = below(256)
        }
        client.sendBytes(Buffer.concat([...chosen, requestFrame(Metadata, 12, { topics: [] }, 9)]))
        client.socket.end()
        await client.closed
        neverServed(client, `attempt ${i}`)
      }
      await isServed(await broker.connect())
      assert.deepStrictEqual(
        broker.log.filter(({ level }) => level === "Error"),
        []
      )
    }))

  it("that announces more than a login needs is cut off", () =>
    withBroker({}, async (broker) => {
      for (const bytes of [524_289, 0x7fffffff, -1, 0]) {
        const client = await connectSasl(broker)
        client.sendBytes(length(bytes))
        await client.closed
        const raw = await connectSasl(broker)
        await raw.call(SaslHandshake, 0, { mechanism: "PLAIN" })
        raw.sendBytes(length(bytes))
        await raw.closed
      }
      const client = await connectSasl(broker)
      const { errorCode } = await plainLogin(client, "alice", "x".repeat(500_000))
      assert.strictEqual(errorCode, 58)
    }))

  it("that sends the last message of another login is refused", () =>
    withBroker({}, async (broker) => {
      await makeUser(broker, upsertion("carol", "SCRAM-SHA-256", "carol-secret"))
      const first = "n,,n=carol,r=always-the-same"
      const begin = async () => {
        const client = await connectSasl(broker)
        await client.call(SaslHandshake, 1, { mechanism: "SCRAM-SHA-256" })
        const { authBytes } = await client.call(SaslAuthenticate, 1, { authBytes: Buffer.from(first) })
        return { client, serverFirst: String(Buffer.from(authBytes)) }
      }
      const heard = await begin()
      const { message } = clientFinal("SCRAM-SHA-256", "carol-secret", first, heard.serverFirst)
      const { client } = await begin()
      const replayed = await client.call(SaslAuthenticate, 1, { authBytes: Buffer.from(message) })
      assert.strictEqual(replayed.errorCode, 58)
      const right = await heard.client.call(SaslAuthenticate, 1, { authBytes: Buffer.from(message) })
      assert.strictEqual(right.errorCode, 0)
    }))

  it("that is slow gives way to others", () =>
    withBroker({ "tusk.max.pending.logins": 20 }, async (broker) => {
      const slow = await Promise.all(Array.from({ length: 60 }, () => connectSasl(broker)))
      await Promise.all(slow.slice(0, 40).map(({ closed }) => closed))
      const client = await connectSasl(broker)
      assert.strictEqual((await plainLogin(client, "alice", "alice-secret")).errorCode, 0)
      await isServed(client)
    }))

  it("that says nothing is closed in time, one that is authenticated is not", () =>
    withBroker({ "tusk.authentication.timeout.ms": 100 }, async (broker) => {
      const client = await connectSasl(broker)
      await plainLogin(client, "alice", "alice-secret")
      const silent = await connectSasl(broker)
      await silent.call(SaslHandshake, 1, { mechanism: "PLAIN" })
      await silent.closed
      await isServed(client)
    }))
})

describe("users", () => {
  it("that are taken away stay on the connections that they have, and get no other", () =>
    withBroker({}, async (broker) => {
      await makeUser(broker, upsertion("dora", "SCRAM-SHA-512", "secret", 5000))
      const client = await connectSasl(broker)
      assert.strictEqual((await scramLogin(client, "SCRAM-SHA-512", "dora", "secret")).last.errorCode, 0)
      const described = await client.call(DescribeUserScramCredentials, 0, { users: null })
      assert.deepStrictEqual(described.results, [
        { user: "dora", errorCode: 0, errorMessage: "", credentialInfos: [{ mechanism: 2, iterations: 5000 }] }
      ])
      const deletions = [{ name: "dora", mechanism: 2 }]
      const { results } = await client.call(AlterUserScramCredentials, 0, { deletions })
      assert.deepStrictEqual(results, [{ user: "dora", errorCode: 0, errorMessage: null }])
      await isServed(client)
      const again = await connectSasl(broker)
      assert.strictEqual((await scramLogin(again, "SCRAM-SHA-512", "dora", "secret")).last.errorCode, 58)
    }))

  it("are altered with the checks and words of KIP-554", () =>
    withBroker({}, async (broker) => {
      const client = await broker.connect()
      const good = upsertion("good", "SCRAM-SHA-256", "x")
      const { results } = await client.call(AlterUserScramCredentials, 0, {
        deletions: [
          { name: "nobody", mechanism: 1 },
          { name: "", mechanism: 1 }
        ],
        upsertions: [
          good,
          { ...good, name: "few", iterations: 4095 },
          { ...good, name: "many", iterations: 16_385 },
          { ...good, name: "strange", mechanism: 3 },
          { ...good, name: "twice" },
          { ...good, name: "twice", mechanism: 2 }
        ]
      })
      const told = Object.fromEntries(
        results.map(({ errorCode, errorMessage, user }) => [user, [errorCode, errorMessage]])
      )
      assert.deepStrictEqual(told, {
        good: [0, null],
        nobody: [91, "Attempt to delete a user credential that does not exist"],
        "": [93, "Username must not be empty"],
        few: [93, "Too few iterations"],
        many: [93, "Too many iterations"],
        strange: [33, "Unknown SCRAM mechanism"],
        twice: [92, "A user credential cannot be altered twice in the same request"]
      })
    }))

  it("of a listener without an authorizer may do everything, which is told at the start", () =>
    withBroker({}, async (broker) => {
      assert.include(
        broker.log.map(({ text }) => text),
        "listener SASL: whoever logs in may do everything, as authorizer.class.name is not set"
      )
    }))
})
