import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Metadata } from "@tusk/protocol/messages/Metadata"
import { SaslAuthenticate } from "@tusk/protocol/messages/SaslAuthenticate"
import { SaslHandshake } from "@tusk/protocol/messages/SaslHandshake"
import type { BrokerUnderTest } from "../../BrokerUnderTest.ts"
import { connectSasl, plainLogin, plainToken, startSaslBroker } from "./SaslBroker.ts"

describe("a login that has to be done again (KIP-368)", () => {
  let broker: BrokerUnderTest
  beforeAll(async () => {
    broker = await startSaslBroker({
      "connection.failed.authentication.delay.ms": 1,
      "listener.name.sasl.plain.connections.max.reauth.ms": 60_000
    })
  })
  afterAll(() => broker[Symbol.asyncDispose]())

  it("is told for how long it is good, and is done on the same connection", async () => {
    const client = await connectSasl(broker)
    assert.strictEqual((await plainLogin(client, "alice", "alice-secret")).sessionLifetimeMs, 60_000n)
    assert.strictEqual((await plainLogin(client, "alice", "alice-secret")).sessionLifetimeMs, 60_000n)
    assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
    // Sooner than a second after the one before.
    assert.strictEqual((await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })).errorCode, 34)
    assert.lengthOf((await client.call(Metadata, 12, { topics: [] })).brokers, 1)
  })

  it("may not change who it is", async () => {
    const client = await connectSasl(broker)
    await plainLogin(client, "alice", "alice-secret")
    const { errorCode, errorMessage } = await plainLogin(client, "bob", "bob-secret")
    assert.strictEqual(errorCode, 58)
    assert.strictEqual(errorMessage, "Cannot change principals during re-authentication from User.alice: User.bob")
    await client.closed
  })

  it("may not change the mechanism", async () => {
    const client = await connectSasl(broker)
    await plainLogin(client, "alice", "alice-secret")
    assert.strictEqual((await client.call(SaslHandshake, 1, { mechanism: "SCRAM-SHA-256" })).errorCode, 0)
    client.send(SaslAuthenticate, 1, { authBytes: Buffer.from("n,,n=alice,r=x") })
    await client.closed
    assert.deepStrictEqual(client.frames, [])
  })

  it("answers a Metadata in the middle of it as out of turn", async () => {
    const client = await connectSasl(broker)
    await plainLogin(client, "alice", "alice-secret")
    await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })
    await client.call(Metadata, 12, { topics: [{ name: "x" }] })
    await client.closed
  })

  it("fails as the first one does", async () => {
    const client = await connectSasl(broker)
    await plainLogin(client, "alice", "alice-secret")
    await client.call(SaslHandshake, 1, { mechanism: "PLAIN" })
    const answer = await client.call(SaslAuthenticate, 2, { authBytes: plainToken("alice", "wrong") })
    assert.strictEqual(answer.errorMessage, "Authentication failed: Invalid username or password")
    await client.closed
  })

  it("is missed: the next request closes the connection", async () => {
    const brief = await startSaslBroker({ "connections.max.reauth.ms": 1 })
    try {
      const client = await connectSasl(brief)
      assert.strictEqual((await plainLogin(client, "alice", "alice-secret")).sessionLifetimeMs, 1n)
      const ended = client.closed.then(() => "closed")
      while (!client.isClosed) {
        client.send(Metadata, 12, { topics: [] })
        await Promise.race([ended, client.frame().catch(() => undefined)])
      }
      assert.include(
        brief.log.map(({ text }) => text),
        "connection closed: its session is over, and it did not authenticate anew"
      )
    } finally {
      await brief[Symbol.asyncDispose]()
    }
  })
})
